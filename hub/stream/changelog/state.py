"""State of an agent, per partition, with its changelog: changes are undone if their transaction is not committed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from hub.errors import Reason, RejectedRecordError
from hub.journal import Book, Journal
from hub.packed import msgpack_decoder
from hub.topics import Topic

StateChange = tuple[int, bytes | None, bytes | None]
"""One change for a changelog: partition, key, value (None deletes)."""


class AgentState(Protocol):
    """What an inlet needs of an agent's memory. Called from one thread at a time.

    `load` is called with every committed record of a partition's changelog, oldest first, then `loaded` once, before the
    first chunk of that partition; `drop` when the partition goes elsewhere, and also before it is loaded again. A chunk is
    between `commit` and `rollback`: after `rollback` nothing of it may show. `wasteful`: whether what was dropped still takes
    more room than what is held; then all is dropped and loaded again at the next rebalance.
    """

    changelog: Topic
    window_ms: int
    """How long the records of the changelog are needed if it is not compacted; 0 if it is."""

    def load(self, partition: int, key: bytes | None, value: bytes | None) -> None:
        """Take in one record of the changelog. Raises RejectedRecordError if this program writes no such record; then
        nothing has changed."""
        ...

    def loaded(self, partition: int) -> None: ...
    def drop(self, partition: int) -> None: ...
    def wasteful(self) -> bool: ...
    def changes(self) -> Iterator[StateChange]: ...
    def commit(self) -> None: ...
    def rollback(self) -> None: ...
    def __len__(self) -> int: ...


Misfit = Callable[[str, Any], "str | None"]
"""Gives the reason why a record (None: deleted) cannot be what is kept under a key, or None if it can."""


Renew = Callable[[Any], Any]
"""Gives a record as this version keeps it, made of one that an earlier version may have kept. Raises
RejectedRecordError if it is neither."""


def as_it_is(record: Any) -> Any:
    """Return the record unchanged, for records that every version keeps alike."""
    return record


class ChangelogReader:
    """Reads the records of a keyed changelog back. Anybody who may write there may have written anything."""

    def __init__(self, record: Any, misfit: Misfit, renew: Renew) -> None:
        self._decode, self._misfit, self._renew = msgpack_decoder(record), misfit, renew

    def read(self, key: bytes | None, value: bytes | None) -> tuple[str, Any]:
        """The key and the record that these bytes hold. Raises RejectedRecordError if this program writes nothing of
        the kind."""
        if key is None:
            raise RejectedRecordError(Reason.UNDECODABLE, "it has no key")
        try:
            name = key.decode()
            record = None if value is None else self._decode(value)
        except ValueError as error:  # the key may be no UTF-8 either
            raise RejectedRecordError(
                Reason.UNDECODABLE, f"it is no record of this version ({type(error).__name__})"
            ) from None
        if why := self._misfit(name, record):
            raise RejectedRecordError(Reason.INVALID, why)
        return name, None if record is None else self._renew(record)


_B = TypeVar("_B", bound=Book[Any])


class JournaledState(Generic[_B]):
    """State made of one journal per partition."""

    window_ms = 0

    def __init__(
        self,
        changelog: Topic,
        record: Any,
        make: Callable[[int], _B],
        misfit: Misfit = lambda key, record: None,
        renew: Renew = as_it_is,
    ) -> None:
        self.changelog = changelog
        self._make = make
        self._journals: dict[int, Journal[_B]] = {}
        self._encoder = msgspec.msgpack.Encoder()
        self._reader = ChangelogReader(record, misfit, renew)

    def __len__(self) -> int:
        return sum(len(journal.book) for journal in self._journals.values())

    def __getitem__(self, partition: int) -> _B:
        return self.journal(partition).book

    def journal(self, partition: int) -> Journal[_B]:
        """The journal of a partition, created on first use."""
        journal = self._journals.get(partition)
        if journal is None:
            journal = self._journals[partition] = Journal(self._make(partition))
        return journal

    def partitions(self) -> list[int]:
        return sorted(self._journals)

    def books(self) -> list[_B]:
        """The books of all partitions held. Asking makes none, unlike `journal`, so other threads may ask while
        partitions come and go."""
        return [journal.book for journal in list(self._journals.values())]

    def remake(self) -> None:
        """Make every book anew from its records, between two chunks: what its indexes are made by has changed."""
        for partition, journal in self._journals.items():
            fresh = self._make(partition)
            for key, value in journal.book.items():
                fresh.put(key, value)
            self._journals[partition] = Journal(fresh)

    def load(self, partition: int, key: bytes | None, value: bytes | None) -> None:
        self[partition].put(*self._reader.read(key, value))

    def loaded(self, partition: int) -> None:
        _ = self[partition]

    def drop(self, partition: int) -> None:
        self._journals.pop(partition, None)

    def wasteful(self) -> bool:
        return False

    def changes(self) -> Iterator[StateChange]:
        encode = self._encoder.encode
        for partition, journal in self._journals.items():
            for key, now in journal.changes():
                yield partition, key.encode(), None if now is None else encode(now)

    def commit(self) -> None:
        for journal in self._journals.values():
            journal.commit()

    def rollback(self) -> None:
        for journal in self._journals.values():
            journal.undo()
