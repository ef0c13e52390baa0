"""The edges of an installation, each ready to be made a source of: connector, kind, settings with their secrets, mapping."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from hub.declared.document import Document, read_document
from hub.declared.problems import Problems, hint
from hub.errors import FatalError
from hub.sdk.access.tls import Tls
from hub.sdk.contract import Context, Source
from hub.sdk.edges_file import EdgeSpec, read_edges_file, require_path
from hub.sdk.errors import ConfigurationError
from hub.sdk.intake import MappingSet
from hub.sdk.kinds import source_type
from hub.sdk.manifest import Manifest, find_manifest
from hub.sdk.running.positions import PositionFile
from hub.sdk.running.runner import RunnerOptions, context_of
from hub.settings import Settings


@dataclass(frozen=True)
class Edge:
    """One edge by its name in connectors.yaml. `line` says where its settings stand there."""

    name: str
    spec: EdgeSpec
    file: Path
    document: Document = field(repr=False)

    @property
    def connector(self) -> str:
        return self.spec.connector or self.name

    def manifest(self) -> Manifest:
        """Raises FatalError if there is no such connector."""
        return find_manifest(self.connector)

    def intake(self) -> MappingSet:
        return MappingSet(self.manifest(), self.spec.mapping)

    def source(self, intake: MappingSet, context: Context) -> Source:
        """The source by its settings. Raises ConfigurationError, with the line of every mistake, and FatalError."""
        manifest = self.manifest()
        kind = source_type(manifest, self.spec.kind)
        config = self.config(manifest, kind)
        tls = getattr(config, "tls", None)
        if isinstance(tls, Tls):
            tls.watch(self.name)
        return kind(config, context)

    def config(self, manifest: Manifest, kind: type[Source]) -> BaseModel:
        base = manifest.source.settings if self.spec.kind in (None, manifest.source.kind) else {}
        own = SettingsPlace(self.spec.settings, self.file, self.document, ("edges", self.name, "settings"))
        return configured(kind.Config, own, base, manifest.folder / "manifest.yaml")

    def require_sound(self) -> None:
        """Raises ConfigurationError or FatalError for what can be seen without reaching the system."""
        manifest = self.manifest()
        self.config(manifest, source_type(manifest, self.spec.kind))
        self.require_speaker(self.intake())

    def require_speaker(self, intake: MappingSet) -> None:
        """Raises ConfigurationError if rows are updates and nobody is named who says them, or the other way round."""
        updates, department = intake.mapping().update is not None, self.spec.department
        if updates and department is None:
            raise ConfigurationError(f"edge {self.name}: its rows are updates; say whose with `department`")
        if department is not None and not updates:
            raise ConfigurationError(
                f"edge {self.name}: {department} is to say what its rows are, and its mapping has no `update`"
            )

    def options(self, options: RunnerOptions) -> RunnerOptions:
        rhythm = self.spec.rhythm_minutes
        return replace(
            options,
            max_rejects_in_a_row=self.spec.max_rejects_in_a_row,
            rhythm_seconds=None if rhythm is None else rhythm * 60,
        )

    def position(self, settings: Settings, suffix: str = "") -> PositionFile:
        way_out = f"set one with `cityhub connector reset {self.name} --to start|now|TIME`"
        name = f"{settings.namespace}{self.name}{suffix}.json"
        return PositionFile(edges_folder(settings) / name, way_out=way_out)

    def context(self, intake: MappingSet, options: RunnerOptions) -> Context:
        return context_of(self.connector, intake, options)


@dataclass(frozen=True)
class SettingsPlace:
    """Settings, and where they stand: a file, and the way to them in it."""

    settings: Mapping[str, Any]
    file: Path
    document: Document
    where: tuple[str, ...]

    def place(self, *path: int | str) -> str:
        return f"{self.file.name}:{self.document.line((*self.where, *path))}"


def configured(
    model: type[BaseModel],
    own: SettingsPlace,
    base: Mapping[str, Any] = MappingProxyType({}),
    manifest: Path | None = None,
) -> BaseModel:
    """The settings of an edge or sink as its kind has them: its `own`, and what they do not say as its `manifest` has it (`base`).

    Raises ConfigurationError with every mistake and where it stands; never with what stands there, which may be a secret.
    """
    try:
        return model.model_validate({**base, **own.settings}, context={"folder": own.file.parent})
    except ValidationError as error:
        places = [own] if manifest is None else [own, _of_manifest(base, manifest)]
        raise ConfigurationError("\n  ".join(_problems(error, model, places))) from None


def _of_manifest(settings: Mapping[str, Any], manifest: Path) -> SettingsPlace:
    document = read_document(manifest, Problems(str(manifest)))
    return SettingsPlace(settings, manifest, document or Document(str(manifest)), ("source",))


def _problems(error: ValidationError, model: type[BaseModel], places: Sequence[SettingsPlace]) -> list[str]:
    found, (kind, name, *_) = [], places[0].where
    for one in error.errors(include_input=False):
        place = tuple(one["loc"])
        holder = next((each for each in places if place and place[0] in each.settings), places[0])
        path, said = ".".join(map(str, place)), one["msg"].removeprefix("Value error, ")
        if one["type"] == "extra_forbidden":
            said = f"no such setting; {hint(str(place[-1]), model.model_fields)}"
        elif one["type"] == "missing":
            said = "is missing; add it"
        elif not place:
            said += _where_they_stand(said, places)
        found.append(f"{holder.place(*place)}: {kind.removesuffix('s')} {name}: {path + ': ' if path else ''}{said}")
    return found


def _where_they_stand(message: str, places: Sequence[SettingsPlace]) -> str:
    """Of a mistake in several settings together: each that it names, with its place, where some stand in the manifest."""
    named = dict.fromkeys(re.findall(r"\w+", message))
    stand = [(name, each) for name in named for each in places if name in each.settings]
    if all(each is places[0] for _, each in stand):
        return ""
    return f" ({', '.join(f'{name} stands in {each.place(name)}' for name, each in stand)})"


def load_edges(settings: Settings) -> dict[str, Edge]:
    """All edges by name. Raises FatalError if no file is named, DeclarationError with every mistake in its form."""
    path = require_path(settings)
    found, document = read_edges_file(path)
    return {name: Edge(name, spec, path, document) for name, spec in found.edges.items()}


_Named = TypeVar("_Named")


def chosen(edges: dict[str, _Named], names: tuple[str, ...]) -> dict[str, _Named]:
    """Those named, all if none is. Raises FatalError naming those there are."""
    for name in names:
        if name not in edges:
            raise FatalError(f"connectors.yaml has no edge {name!r}; {hint(name, edges)}")
    return {name: edges[name] for name in names} if names else edges


def edges_folder(settings: Settings) -> Path:
    """Where positions, states and wishes of edges lie."""
    return settings.state_dir / "edges"
