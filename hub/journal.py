"""Journals: the records of one partition as an agent keeps them, with the way to change them and to undo the change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar

_R = TypeVar("_R")


class Book(Protocol[_R]):
    """A partition's keyed records with whatever indexes a core puts over them. Values are never changed in place."""

    def get(self, key: str) -> _R | None: ...
    def put(self, key: str, value: _R | None) -> _R | None:
        """Set, or with None delete, and keep the indexes true. Gives what was there before."""
        ...

    def items(self) -> Iterable[tuple[str, _R]]: ...
    def __len__(self) -> int: ...


_B = TypeVar("_B", bound=Book[Any], covariant=True)
P = TypeVar("P", bound=Book[Any])


class Journal(Generic[_B]):
    """A book with what its records were before the chunk at hand. Who decides looks into `book` and changes it by `put` alone."""

    __slots__ = ("_before", "_set", "book")

    def __init__(self, book: _B) -> None:
        self.book = book
        self._before: dict[str, Any] = {}
        self._set = book.put

    def put(self, key: str, value: Any) -> None:
        """Change one record; None deletes it."""
        self._before.setdefault(key, self._set(key, value))

    def of(self, part: P) -> Journal[P]:
        """The same journal, seen as one of a book that is part of its own: who changes the part changes the whole."""
        found = Journal(part)
        found._before, found._set = self._before, self._set
        return found

    def changes(self) -> Iterator[tuple[str, Any]]:
        """What was changed since the last `commit` or `undo`: each key once, with what is kept under it now, or None."""
        return zip(self._before, map(self.book.get, self._before), strict=True)

    def commit(self) -> None:
        """What was changed stays."""
        self._before.clear()

    def undo(self) -> None:
        """All that was changed is as it was before."""
        for key, before in self._before.items():
            self._set(key, before)
        self._before.clear()
