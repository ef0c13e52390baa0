"""Finds the mapping that reads a file: a path, a connector's by name, or the one whose columns the file has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hub.errors import FatalError
from hub.sdk.manifest import CONNECTORS, discover
from hub.sdk.mapping.mapping import Mapping, load_mapping
from hub.sdk.sources.file.reader import open_reader
from hub.sdk.sources.file.rows import Row
from hub.settings import ROOT

MAPPINGS = ROOT / "ops" / "mappings"
"""Mappings that belong to no connector: whole cities' files, with truth."""
DEFAULT_SOURCE = "hotline"
"""Whose the reports are where neither mapping nor caller says: most files of reports are a hotline's."""


@dataclass(frozen=True)
class ChosenMapping:
    """A mapping, its name for people, and the source that its rows are of unless it has a `source` of its own."""

    name: str
    mapping: Mapping
    source: str


def find_mapping(name: str | None, events: Path) -> ChosenMapping:
    """The mapping `name`: a YAML file, `connector/mapping`, or a name alone. None: what fits the file's header.

    Raises FatalError naming those there are if none fits, or more than one does.
    """
    if name is None:
        return _fitting(events)
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or path.is_file():
        return ChosenMapping(path.stem, load_mapping(path), _source_of(path))
    known = dict(_known())
    matches = [each for each in known if each == name] or [each for each in known if each.rpartition("/")[2] == name]
    if not matches:
        raise FatalError(f"there is no mapping {name!r}; give a YAML file or one of {', '.join(known)}")
    return ChosenMapping(matches[0], load_mapping(known[matches[0]]), _source_of(known[matches[0]]))


def _known() -> Iterator[tuple[str, Path]]:
    """Those that belong to no connector first: of one name they are the more complete."""
    for path in sorted(MAPPINGS.glob("*.yaml")):
        yield path.stem, path
    for domain, manifest in discover().items():
        for name in manifest.mappings:
            yield f"{domain}/{name}", manifest.mapping_path(name)


def _source_of(path: Path) -> str:
    inside = path.resolve()
    return inside.relative_to(CONNECTORS).parts[0] if inside.is_relative_to(CONNECTORS) else DEFAULT_SOURCE


def _fitting(events: Path) -> ChosenMapping:
    """Most columns used wins; of equals the first. A mapping with a required second file cannot be chosen so."""
    found: list[tuple[int, str, Path, Mapping]] = []
    for name, path in _known():
        mapping = load_mapping(path)
        if not (mapping.join and mapping.join.required) and _fits(events, mapping):
            found.append((len(mapping.file_columns()), name, path, mapping))
    if not found:
        names = ", ".join(name for name, _ in _known())
        raise FatalError(
            f"{events.name}: no known mapping fits its columns; write one (see docs of `cityhub connector new`) and name it "
            f"with --mapping FILE.yaml. Known: {names}"
        )
    _, name, path, mapping = max(found, key=lambda each: each[0])
    return ChosenMapping(name, mapping, _source_of(path))


def _fits(events: Path, mapping: Mapping) -> bool:
    try:
        reader = open_reader(events, mapping)
    except FatalError:
        if not events.is_file():
            raise
        return False
    try:
        first = next(iter(reader), None)
        return isinstance(first, Row) and mapping.file_columns() <= first.values.keys()
    finally:
        reader.lines.close()
