"""State of an agent, per partition, with its changelog: changes are undone if their transaction is not committed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from hub.topics import Topic

Change = tuple[int, bytes | None, bytes | None]
"""Of a changelog: partition, key, value (None deletes)."""


class State(Protocol):
    """What an inlet needs of an agent's memory. Called from one thread at a time.

    `load` is called with every committed record of a partition's changelog, oldest first, then `loaded` once, before the
    first chunk of that partition; `drop` when the partition goes elsewhere, and also before it is loaded again. A chunk is
    between `commit` and `rollback`: after `rollback` nothing of it may show.
    """

    changelog: Topic

    def load(self, partition: int, key: bytes | None, value: bytes | None) -> None: ...
    def loaded(self, partition: int) -> None: ...
    def drop(self, partition: int) -> None: ...
    def changes(self) -> Iterator[Change]: ...
    def commit(self) -> None: ...
    def rollback(self) -> None: ...
    def __len__(self) -> int: ...


R = TypeVar("R")


class Book(Protocol[R]):
    """A partition's keyed records with whatever indexes a core puts over them. Values are never changed in place."""

    def get(self, key: str) -> R | None: ...
    def put(self, key: str, value: R | None) -> None:
        """Set, or with None delete, and keep the indexes true."""
        ...

    def items(self) -> Iterable[tuple[str, R]]: ...
    def __len__(self) -> int: ...


B = TypeVar("B", bound=Book[Any])


class JournaledState(Generic[B]):
    """State made of one book per partition. The books' changes go through `put`, which remembers how to undo them."""

    def __init__(self, changelog: Topic, record: Any, make: Callable[[int], B]) -> None:
        self.changelog = changelog
        self._make = make
        self._books: dict[int, B] = {}
        self._before: dict[tuple[int, str], Any] = {}
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(record)

    def __len__(self) -> int:
        return sum(map(len, self._books.values()))

    def __getitem__(self, partition: int) -> B:
        if partition not in self._books:
            self._books[partition] = self._make(partition)
        return self._books[partition]

    def partitions(self) -> list[int]:
        return sorted(self._books)

    def put(self, partition: int, key: str, value: Any) -> None:
        """Change one record within the chunk at hand."""
        book = self._books[partition]
        self._before.setdefault((partition, key), book.get(key))
        book.put(key, value)

    def remake(self) -> None:
        """Make every book anew from its records, between two chunks: what its indexes are made by has changed."""
        for partition, book in list(self._books.items()):
            fresh = self._books[partition] = self._make(partition)
            for key, value in book.items():
                fresh.put(key, value)

    def load(self, partition: int, key: bytes | None, value: bytes | None) -> None:
        if key is not None:
            self[partition].put(key.decode(), None if value is None else self._decoder.decode(value))

    def loaded(self, partition: int) -> None:
        _ = self[partition]

    def drop(self, partition: int) -> None:
        self._books.pop(partition, None)

    def changes(self) -> Iterator[Change]:
        for partition, key in self._before:
            now = self._books[partition].get(key)
            yield partition, key.encode(), None if now is None else self._encoder.encode(now)

    def commit(self) -> None:
        self._before.clear()

    def rollback(self) -> None:
        for (partition, key), before in self._before.items():
            if partition in self._books:
                self._books[partition].put(key, before)
        self._before.clear()
