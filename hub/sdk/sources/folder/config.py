"""What a source of many files is told."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from hub.sdk.access.paths import LocalPath, folder_of
from hub.sdk.contract import Config


class Quiet(Config):
    """A file is whole once nobody has changed it for so long, as seen here."""

    kind: Literal["quiet"] = "quiet"
    seconds: float = Field(5.0, ge=0)


class MarkerRule(Config):
    """A file is whole once another of its name and `suffix` lies beside it; that one is removed with it."""

    kind: Literal["marker"]
    suffix: str = Field(".done", min_length=1)


class Renamed(Config):
    """A file is whole as soon as it has a name that counts: it is written under another, or elsewhere, and renamed."""

    kind: Literal["renamed"]


Complete = Annotated[Quiet | MarkerRule | Renamed, Field(discriminator="kind")]


def _several(patterns: Any) -> Any:
    return (patterns,) if isinstance(patterns, str) else patterns


def _pattern(pattern: str, info: ValidationInfo) -> str:
    return pattern if Path(pattern).is_absolute() else str(Path(glob.escape(str(folder_of(info)))) / pattern)


class FolderConfig(Config):
    """`folder`, whose files are moved away when they are done, or `glob`, whose files stay where they are."""

    folder: LocalPath | None = Field(None, description="the drop folder")
    glob: Annotated[tuple[Annotated[str, AfterValidator(_pattern)], ...], BeforeValidator(_several)] | None = Field(
        None, min_length=1, description="pattern of paths, or several: * within a name, ** over folders"
    )
    names: tuple[str, ...] = Field(("*",), min_length=1, description="patterns of names in the folder that count")
    complete: Complete = Field(Quiet(), description="the sign that a file is whole")
    done: LocalPath | None = Field(None, description="where files go that were read; without it `done` in the folder")
    failed: LocalPath | None = Field(
        None, description="where files go that cannot be read; without it `failed` in the folder"
    )
    order: Literal["name", "time"] = Field(
        "name",
        description="of files that wait together: by name, numbers in it as numbers, or by when they were written",
    )
    mapping: str | None = Field(None, description="how they are read; without it the connector's default")
    join: LocalPath | None = Field(None, description="second file, where the mapping takes columns from one")
    follow: bool = Field(True, description="wait for more files; false: read what is there, and be done")

    @model_validator(mode="after")
    def _folder_or_glob(self) -> Self:
        if (self.folder is None) == (self.glob is None):
            raise ValueError("give `folder`, or `glob`")
        if self.glob is not None and {"names", "done", "failed"} & self.model_fields_set:
            raise ValueError("names, done and failed go with `folder`; files of a `glob` stay where they are")
        return self

    @property
    def done_folder(self) -> Path | None:
        return self.folder and (self.done or self.folder / "done")

    @property
    def failed_folder(self) -> Path | None:
        return self.folder and (self.failed or self.folder / "failed")
