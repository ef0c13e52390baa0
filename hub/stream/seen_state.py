"""The memory of `deduplicate`: which (source, ref, revision) was seen and where each reference's first report lay.

Its changelog is a log of packed digests, one record per chunk and partition, each complete in itself, so that Kafka's
retention can drop any of them.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np

from hub.core.admission import Fresh, Seen
from hub.errors import FatalError
from hub.stream.state import Change
from hub.topics import DEDUPLICATE_CHANGELOG


class _Packed(msgspec.Struct, array_like=True):
    """One changelog record. Arrays are little-endian bytes: digests of 16 bytes, contents of 4, numbers of 8."""

    version: int
    now_ms: int
    names: list[str]
    columns: list[bytes]


_COLUMNS = (
    "refs", "revisions", "topics", "offsets", "places", "more", "more_topics", "more_offsets", "contents", "more_contents",
)  # fmt: skip
_DIGESTS = ("refs", "more")
_TYPES = dict.fromkeys(_COLUMNS, "<i8") | dict.fromkeys(_DIGESTS, "<u8") | {"contents": "<u4", "more_contents": "<u4"}
_NAMED = ("topics", "places", "more_topics")
"""Positions in `names`."""
_NUMBER_BYTES, _DIGEST_BYTES, _CONTENT_BYTES = 8, 16, 4
_VERSION, _WITHOUT_CONTENTS = 3, 2
_DECODER = msgspec.msgpack.Decoder(_Packed)
_LOAD_BYTES, _RECORD_BYTES = 8 << 20, 1 << 10
"""How much is loaded before it is added, with what a record takes beside its bytes."""


@dataclass
class SeenState:
    """State of `deduplicate`; implements hub.stream.state.State."""

    window_ms: int
    changelog = DEDUPLICATE_CHANGELOG
    _staged: dict[int, Fresh] = field(default_factory=dict)
    _loading: defaultdict[tuple[int, int], list[_Packed]] = field(default_factory=lambda: defaultdict(list))
    """By stretch of the window and partition."""
    _loading_bytes: int = 0

    def __post_init__(self) -> None:
        self.seen = Seen(self.window_ms)

    def __len__(self) -> int:
        return len(self.seen)

    @property
    def nbytes(self) -> int:
        return self.seen.nbytes

    def stage(self, fresh: Mapping[int, Fresh]) -> None:
        """Remember this, by partition, if the chunk commits. Once a chunk."""
        self._staged = dict(fresh)

    def changes(self) -> Iterator[Change]:
        for partition, fresh in self._staged.items():
            yield partition, None, _pack(fresh)

    def commit(self) -> None:
        self.seen.add(self._staged.items())
        self._staged = {}

    def rollback(self) -> None:
        self._staged = {}

    def load(self, partition: int, key: bytes | None, value: bytes | None) -> None:
        del key
        if value is None:
            return
        packed = _packed(value)
        self._loading[self.seen.stretch(packed.now_ms), partition].append(packed)
        self._loading_bytes += _RECORD_BYTES + len(value)
        if self._loading_bytes >= _LOAD_BYTES:
            self._take_in()

    def loaded(self, partition: int) -> None:
        self._take_in()
        self.seen.hold(partition)

    def drop(self, partition: int) -> None:
        self._take_in()
        self.seen.drop(partition)
        self._staged.pop(partition, None)

    def wasteful(self) -> bool:
        return len(self.seen) > 2 * self.seen.held_rows

    def _take_in(self) -> None:
        """Add what was loaded, many records at a time: of a quiet city's changelog each is one row of one partition."""
        loading = sorted(self._loading.items(), key=itemgetter(0))
        self._loading.clear()
        self._loading_bytes = 0
        for _, some in itertools.groupby(loading, lambda each: each[0][0]):
            self.seen.add([(partition, _joined(packed)) for (_, partition), packed in some])


def _pack(fresh: Fresh) -> bytes:
    columns = [getattr(fresh, name).astype(_TYPES[name]).tobytes() for name in _COLUMNS]
    return msgspec.msgpack.encode(_Packed(_VERSION, fresh.now_ms, list(fresh.names), columns))


def unpack(value: bytes) -> Fresh:
    """One changelog record. Raises FatalError if another version of the hub wrote it."""
    return _joined([_packed(value)])


def _packed(value: bytes) -> _Packed:
    packed = _DECODER.decode(value)
    if packed.version == _WITHOUT_CONTENTS:
        packed.columns += [
            bytes(len(packed.columns[_COLUMNS.index(name)]) // _DIGEST_BYTES * _CONTENT_BYTES) for name in _DIGESTS
        ]
    elif packed.version != _VERSION:
        raise FatalError(
            f"{DEDUPLICATE_CHANGELOG.name} holds a record of version {packed.version}; this program reads version {_VERSION}: "
            "run the program that wrote it, or begin with an empty namespace"
        )
    return packed


def _joined(records: Sequence[_Packed]) -> Fresh:
    """Changelog records of one partition, seen in one stretch of the window, as if they had been one."""
    raw = [b"".join(parts) for parts in zip(*(record.columns for record in records), strict=True)]
    columns: dict[str, Any] = {
        name: np.frombuffer(joined, _TYPES[name]).reshape((-1, 2) if name in _DIGESTS else -1)
        for name, joined in zip(_COLUMNS, raw, strict=True)
    }
    before = np.cumsum([0, *(len(record.names) for record in records[:-1])])
    for name in _NAMED:
        at = _COLUMNS.index(name)
        rows = [len(record.columns[at]) // _NUMBER_BYTES for record in records]
        columns[name] = columns[name] + before.repeat(rows)
    names = [name for record in records for name in record.names]
    return Fresh(records[0].now_ms, names, **columns)
