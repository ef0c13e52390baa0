"""What a connector says of itself, read before any of its code: connectors/<domain>/manifest.yaml."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from enum import StrEnum
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, StringConstraints, model_validator

from hub.declared.document import load_yaml
from hub.errors import FatalError
from hub.sdk.edges_file import search_path
from hub.settings import ROOT

log = logging.getLogger(__name__)
CONNECTORS = ROOT / "connectors"
ENTRY_POINTS = "cityhub.connectors"
_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Quality(StrEnum):
    """How far a connector has come, by what the conformance kit finds of it (hub/sdk/trials.py)."""

    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"


class BilingualName(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    en: _Words
    zh: _Words

    @property
    def both(self) -> str:
        """For a line that shows both languages; once where they say it alike."""
        return self.en if self.en == self.zh else f"{self.en} {self.zh}"


def _alike_in_both(value: object) -> object:
    return {"en": value, "zh": value} if isinstance(value, str) else value


class SourceSpec(BaseModel):
    """`kind` is one that comes with the hub (hub/sdk/kinds.py), own (the connector's source.py), or one that an installed package
    brings. All else are settings of that kind, which hold wherever the connector runs; an edge in connectors.yaml adds its own."""

    model_config = ConfigDict(frozen=True, extra="allow")

    kind: str = Field("file", pattern=r"^[a-z][a-z0-9_]{0,39}$")

    @property
    def settings(self) -> dict[str, Any]:
        return dict(self.__pydantic_extra__ or {})


class Sees(BaseModel):
    """What can be known of the system by reading it, said before somebody relies on more."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    updates: bool = Field(True, description="a change of an old record is seen")
    deletes: bool = Field(False, description="a record that is taken away is seen")
    order: bool = Field(True, description="statements of one reference come in the order in which they were made")
    horizon_days: float | None = Field(None, gt=0, description="how far back it can still be read; null: all of it")


class Manifest(BaseModel):
    """Who a connector is. Folder, `domain` and metric label are the same string."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    domain: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="the source's id, in topic names and records")
    name: BilingualName = Field(description="for people, in both languages")
    owner: Annotated[BilingualName, BeforeValidator(_alike_in_both)] = Field(
        description="the unit or team that answers for it, in both languages; one text: the same in both"
    )
    description: _Words = Field(description="one sentence: which system, which files")
    quality: Quality = Field(description="bronze, silver or gold: what it is meant to keep")
    mappings: dict[str, _Words] = Field(min_length=1, description="mapping name to one line on what it reads")
    default_mapping: str = Field("demo", description="used where --mapping is not given")
    source: SourceSpec = Field(
        default_factory=lambda: SourceSpec(), description="which kind of source reads the system"
    )
    sees: Sees = Field(default_factory=lambda: Sees(), description="what the system lets a reader see")

    _folder: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _default_is_declared(self) -> Self:
        if self.default_mapping not in self.mappings:
            raise ValueError(f"default_mapping {self.default_mapping!r} is not among mappings; add it or name another")
        return self

    @property
    def folder(self) -> Path:
        return self._folder

    def mapping_path(self, name: str | None = None) -> Path:
        """The file of a declared mapping. Raises FatalError if the manifest does not list it."""
        name = name or self.default_mapping
        if name not in self.mappings:
            raise FatalError(f"connector {self.domain} has no mapping {name!r}; it has: {', '.join(self.mappings)}")
        return self.folder / "mappings" / f"{name}.yaml"


def load_manifest(folder: Path) -> Manifest:
    """The manifest of one connector folder. Raises FatalError if it is missing, wrong, or names another domain."""
    manifest = load_yaml(folder / "manifest.yaml", Manifest)
    if manifest.domain != folder.name:
        raise FatalError(
            f"{folder / 'manifest.yaml'}: domain {manifest.domain!r} differs from the folder; make them equal"
        )
    manifest._folder = folder
    return manifest


def discover(root: Path | None = None) -> dict[str, Manifest]:
    """All connectors by domain, in order of name. None of their code is run. One that is half made is left out, and said.

    `root`: of one folder; None: ours, those of the search path in connectors.yaml, and those that installed packages bring.
    """
    found: dict[str, Manifest] = {}
    for path in sorted(_folders(root), key=lambda each: each.name):
        try:
            found.setdefault(path.name, load_manifest(path))
        except FatalError as error:
            log.warning("connector %s is left out: %s", path.name, error)
    return found


def find_manifest(domain: str, root: Path | None = None) -> Manifest:
    """One connector. Raises FatalError naming those there are."""
    folders = {path.name: path for path in reversed(list(_folders(root)))}
    if domain not in folders:
        known = ", ".join(sorted(folders))
        raise FatalError(
            f"no connector {domain!r}; there are: {known}. `cityhub connector new {domain}` makes one; "
            "folders of your own stand under `search` in the connectors.yaml that CITYHUB_CONNECTORS names"
        )
    return load_manifest(folders[domain])


def _folders(root: Path | None) -> Iterator[Path]:
    """Folders with a manifest; of one name, the first counts."""
    for each in [root] if root else [CONNECTORS, *search_path()]:
        for path in sorted(each.glob("*/manifest.yaml")):
            yield path.parent
    if root is None:
        yield from _installed()


def _installed() -> Iterator[Path]:
    """Of packages with an entry point in the group `cityhub.connectors`: a package whose folder has a manifest.yaml."""
    for entry in entry_points(group=ENTRY_POINTS):
        spec = find_spec(entry.value.partition(":")[0])
        for place in spec.submodule_search_locations or () if spec else ():
            if (Path(place) / "manifest.yaml").is_file():
                yield Path(place)
