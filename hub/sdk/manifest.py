"""What a connector says of itself, read before any of its code: connectors/<domain>/manifest.yaml."""

from __future__ import annotations

import logging
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, StringConstraints, model_validator

from hub.declared.document import load_yaml
from hub.errors import FatalError
from hub.settings import ROOT

log = logging.getLogger(__name__)
CONNECTORS = ROOT / "connectors"
_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Quality(StrEnum):
    """How far a connector has come; quality.yaml beside it says which points are met."""

    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"


class BilingualName(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    en: _Words
    zh: _Words


class Manifest(BaseModel):
    """Who a connector is. Folder, `domain` and metric label are the same string."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    domain: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="the source's id, in topic names and records")
    name: BilingualName = Field(description="for people, in both languages")
    owner: _Words = Field(description="the unit or team that answers for it")
    description: _Words = Field(description="one sentence: which system, which files")
    quality: Quality = Field(description="bronze, silver or gold; see quality.yaml")
    mappings: dict[str, _Words] = Field(min_length=1, description="mapping name to one line on what it reads")
    default_mapping: str = Field("demo", description="used where --mapping is not given")

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


def discover(root: Path = CONNECTORS) -> dict[str, Manifest]:
    """All connectors by domain, in order of name. None of their code is run. One that is half made is left out, and said."""
    found: dict[str, Manifest] = {}
    for path in sorted(root.glob("*/manifest.yaml")):
        try:
            found[path.parent.name] = load_manifest(path.parent)
        except FatalError as error:
            log.warning("connector %s is left out: %s", path.parent.name, error)
    return found


def find(domain: str, root: Path = CONNECTORS) -> Manifest:
    """One connector. Raises FatalError naming those there are."""
    if not (root / domain / "manifest.yaml").is_file():
        known = ", ".join(path.parent.name for path in sorted(root.glob("*/manifest.yaml")))
        raise FatalError(f"no connector {domain!r}; there are: {known}. `cityhub connector new {domain}` makes one")
    return load_manifest(root / domain)
