"""Reads the broker's own log files: which producer wrote what, in which transaction, and how that ended.

Clients do not show producer ids and epochs, and it is these that prove a zombie fenced off. Record batches as in Kafka's
documentation (Message Format, magic 2); only headers are read. Compaction does not touch the newest segment.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

_HEADER = struct.Struct(">qiibIhiqqqhii")
_PREFIX_BYTES = 12  # base offset and length, which the length does not count
_TRANSACTIONAL, _CONTROL = 1 << 4, 1 << 5
_COMMIT = 1


@dataclass(frozen=True)
class Batch:
    """One record batch. `commit` of a marker: whether it commits; None for records."""

    partition: str
    """As the broker names its folder: topic and number."""
    first: int
    last: int
    producer: int
    epoch: int
    transactional: bool
    commit: bool | None
    sequence: int = -1
    """Number of the first record among its producer's in this partition and epoch; -1: not numbered."""


@dataclass(frozen=True)
class Transaction:
    """What one transaction wrote to one partition. `ended` is the marker's offset, None while it is open."""

    partition: str
    producer: int
    epoch: int
    first: int
    last: int
    ended: int | None = None
    committed: bool = False


def batches(folder: Path, prefix: str) -> Iterator[Batch]:
    """Those of every partition in the broker's log folder whose name begins with `prefix`, in order within each."""
    for partition in sorted(folder.glob(f"{prefix}*-[0-9]*")):
        for segment in sorted(partition.glob("*.log")):
            yield from _read(partition.name, segment.read_bytes())


def _read(partition: str, data: bytes) -> Iterator[Batch]:
    at = 0
    while at + _HEADER.size <= len(data):
        first, length, _, magic, _, attributes, delta, _, _, producer, epoch, sequence, _ = _HEADER.unpack_from(
            data, at
        )
        if magic != 2 or length <= 0 or at + _PREFIX_BYTES + length > len(data):  # the end, or cut off by a kill
            return
        commit = None
        if attributes & _CONTROL:
            commit = _marker(data[at + _HEADER.size : at + _PREFIX_BYTES + length]) == _COMMIT
        yield Batch(
            partition, first, first + delta, producer, epoch, bool(attributes & _TRANSACTIONAL), commit, sequence
        )
        at += _PREFIX_BYTES + length


def _marker(record: bytes) -> int:
    """The type of a control record: length, attributes, two deltas and the key's length, then version and type."""
    at = _after_varint(record, 0) + 1
    for _ in range(3):
        at = _after_varint(record, at)
    return int.from_bytes(record[at + 2 : at + 4])


def _after_varint(data: bytes, index: int) -> int:
    while data[index] & 0x80:
        index += 1
    return index + 1


def transactions(batches: Iterable[Batch]) -> list[Transaction]:
    """All of them, those still open too, by partition and beginning. Markers without records are left out."""
    done: list[Transaction] = []
    open_: dict[tuple[str, int], Transaction] = {}
    for batch in batches:
        place = batch.partition, batch.producer
        one = open_.get(place)
        if batch.commit is not None:
            if one is not None:
                done.append(replace(one, ended=batch.last, committed=batch.commit))
                del open_[place]
        elif batch.transactional:
            begun = Transaction(batch.partition, batch.producer, batch.epoch, batch.first, batch.last)
            open_[place] = begun if one is None else replace(one, last=batch.last)
    return sorted([*done, *open_.values()], key=lambda each: (each.partition, each.first))
