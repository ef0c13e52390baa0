"""What a city's folder includes (`include` in city.yaml): flow packs 流程包, folders of rows for every city that names them.

Rows are put together before anything is checked: the city's own come first, then those of the packs in the order in which they
are named, so that the city's decide first. A row of the city's own with the id of a pack's takes its place, where the pack has it.
Packs do not replace each other's rows. Every row keeps the file and line from which it comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.declared.document import Document, Location
from hub.declared.problems import Problems

NOT_INCLUDED = ("city.yaml", "divisions.yaml")
"""What a pack does not have: who and where is the city's to say."""
BESIDE = ("mapping.yaml",)
"""What may lie in a pack's folder beside its rows."""
_IDS: Mapping[str, Mapping[str, str]] = {
    "taxonomy.yaml": {"categories": "code"},
    "departments.yaml": {"departments": "id"},
    "routes.yaml": {"exits": "id", "routes": "id", "fallback": "id"},
    "deadlines.yaml": {"deadlines": "id"},
    "linking.yaml": {"linking": "id"},
    "examples.yaml": {"examples": "name"},
    "organisation.yaml": {"units": "id"},
}
"""By file, the lists of rows with what tells a row. Other lists are taken whole, but for `templates`, which add up."""
_ADD_UP = ("templates",)


@dataclass(frozen=True)
class Pack:
    """A folder that is included, and how mistakes call it."""

    name: str
    folder: Path


def packs_of(folder: Path, city: Document | None, problems: Problems) -> list[Pack]:
    """The packs that city.yaml names; noted is what is no folder, or has the name of another."""
    named = city.value.get("include", ()) if city is not None and isinstance(city.value, Mapping) else ()
    found: dict[str, Pack] = {}
    for position, entry in enumerate(named if isinstance(named, tuple) else ()):
        if city is None or not isinstance(entry, str):
            continue  # the model says what is wrong with it
        path = _there(folder / entry)
        where = city.place(("include", position))
        if path is None:
            problems.add(
                *where, f"there is no folder {folder / entry}; name a pack's folder, absolute or from the city's folder"
            )
        elif path.name in found or path == folder.resolve():
            problems.add(*where, f"{path.name!r} is included already; name each pack once")
        else:
            found[path.name] = Pack(path.name, path)
    return list(found.values())


def _there(path: Path) -> Path | None:
    """The folder to which a path leads. None if it leads to none: also for a loop of links, or a name that no file can have."""
    try:
        folder = path.resolve()
        return folder if folder.is_dir() else None
    except (OSError, RuntimeError, ValueError):
        return None


@dataclass
class Combined(Document):
    """One kind of file out of the city's own and those of the packs. `origins`: where a row, or a key, comes from."""

    origins: dict[Location, tuple[Document, Location]] = field(default_factory=dict)
    replaced: list[str] = field(default_factory=list)

    def place(self, location: Location) -> tuple[str, int]:
        for length in range(len(location), 0, -1):
            known = self.origins.get(location[:length])
            if known is not None:
                document, origin = known
                return document.file, document.line((*origin, *location[length:]))
        return self.file, self.line(location)


def combined(file: str, documents: Sequence[Document], problems: Problems) -> Document:
    """The file as the city has it. `documents`: the city's own first, if it has one. Noted is what two packs have both, and what
    does not fit together."""
    if len(documents) == 1 and documents[0].file == file:
        return documents[0]
    whole = Combined(file, {}, dict(documents[0].lines))
    keys = dict.fromkeys(key for document in documents for key in _top(document, problems))
    for key in keys:
        parts = [
            (document, document.value[key])
            for document in documents
            if isinstance(document.value, Mapping) and document.value.get(key) is not None
        ]
        whole.origins[(key,)] = next((each for each, _ in parts), documents[0]), (key,)
        _Key(whole, file, key, problems).add(parts)
    return whole


def _top(document: Document, problems: Problems) -> Iterable[str]:
    if isinstance(document.value, Mapping):
        return document.value
    if document.value is not None:
        problems.add(document.file, 1, "must have keys at its top, as every file of a policy folder; mend it")
    return ()


@dataclass(frozen=True)
class _Entry:
    """A row, or what a key of a mapping stands for; `id` None: nothing tells it from others."""

    id: str | None
    value: Any
    document: Document
    where: Location

    @property
    def place(self) -> str:
        file, line = self.document.place(self.where)
        return f"{file}:{line}"


class _Key:
    """One key at the top of a file, out of all documents that have it."""

    def __init__(self, whole: Combined, file: str, key: str, problems: Problems) -> None:
        self._whole, self._file, self._key, self._problems = whole, file, key, problems
        self._id_key = _IDS.get(file, {}).get(key)

    def add(self, parts: Sequence[tuple[Document, Any]]) -> None:
        """Put the parts together. Where they are of different kinds the first counts, and the others are noted."""
        value: Any = parts[0][1] if parts else None
        for document, other in parts[1:]:
            if type(other) is not type(value):
                where = parts[0][0].place((self._key,))[0]
                self._problems.add(*document.place((self._key,)), f"{self._key!r} is of another kind than in {where}")
        parts = [each for each in parts if type(each[1]) is type(value)]
        if isinstance(value, dict):
            rows = self._ordered([_Entry(name, each, document, (self._key, name))
                                  for document, part in parts for name, each in part.items()])  # fmt: skip
            value = {row.id: row.value for row in rows}
            self._whole.origins |= {(self._key, str(row.id)): (row.document, row.where) for row in rows}
        elif isinstance(value, tuple) and (self._id_key is not None or self._key in _ADD_UP):
            rows = self._ordered([_Entry(self._id(row), row, document, (self._key, at))
                                  for document, part in parts for at, row in enumerate(part)])  # fmt: skip
            value = tuple(row.value for row in rows)
            self._whole.origins |= {(self._key, at): (row.document, row.where) for at, row in enumerate(rows)}
        self._whole.value[self._key] = value

    def _ordered(self, entries: Sequence[_Entry]) -> list[_Entry]:
        """The city's own first, but for those that take the place of a pack's."""
        own = [each for each in entries if each.document.file == self._file]
        mine = {each.id: each for each in own if each.id is not None}
        theirs: dict[int, _Entry] = {}
        seen: dict[str, _Entry] = {}
        for number, each in enumerate(entries[len(own) :]):
            if each.id is None:
                theirs[number] = each
            elif each.id in mine:
                self._whole.replaced.append(
                    f"{mine[each.id].place}: {each.id!r} takes the place of that in {each.place}"
                )
                theirs[number] = mine[each.id]
            elif (first := seen.setdefault(each.id, each)).document is not each.document and self._key not in _ADD_UP:
                self._problems.add(
                    *each.document.place(each.where),
                    f"{each.id!r} stands in {first.place} too; leave one of the packs out, or give the city its own",
                )
            else:
                theirs[number] = each
        placed = {id(each) for each in theirs.values()}
        return [*(each for each in own if id(each) not in placed), *theirs.values()]

    def _id(self, row: Any) -> str | None:
        found = row if self._id_key is None else row.get(self._id_key) if isinstance(row, Mapping) else None
        return found if isinstance(found, str) else None
