"""The memory of `deduplicate`: which (source, ref, revision) was seen and where each reference's first report lay.

Its changelog is a log of packed digests, one record per chunk and partition, each complete in itself, so that Kafka's
retention can drop any of them.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np

from hub.core.dedup.admission import OFFSETS_BELOW, Fresh, Seen
from hub.errors import Reason, RejectedRecordError
from hub.packed import msgpack_decoder


class _Packed(msgspec.Struct, array_like=True):
    """One changelog record. Arrays are little-endian bytes: digests of 16 bytes, contents of 4, numbers of 8."""

    version: int
    now_ms: int
    names: list[str]
    columns: list[bytes]


_COLUMNS = (
    "refs", "revisions", "topics", "offsets", "places", "more_refs", "more_topics", "more_offsets", "contents", "more_contents",
)  # fmt: skip
_DIGESTS = ("refs", "more_refs")
_TYPES = dict.fromkeys(_COLUMNS, "<i8") | dict.fromkeys(_DIGESTS, "<u8") | {"contents": "<u4", "more_contents": "<u4"}
_NAMED = ("topics", "places", "more_topics")
"""Positions in `names`."""
_NAMED_AT = [_COLUMNS.index(name) for name in _NAMED]
_OFFSETS_AT = [_COLUMNS.index(name) for name in ("offsets", "more_offsets")]
_LEADS = [_COLUMNS.index("more_refs" if name.startswith("more") else "refs") for name in _COLUMNS]
"""Which column each has as many rows as."""
_NUMBER_BYTES, _DIGEST_BYTES, _CONTENT_BYTES = 8, 16, 4
PACKING_VERSION, _WITHOUT_CONTENTS = 3, 2
_WIDTHS = [16 if name in _DIGESTS else int(_TYPES[name][-1]) for name in _COLUMNS]
_FEW_BYTES = 512
_T = TypeVar("_T")
_decode = msgpack_decoder(_Packed)
_LOAD_BYTES, _RECORD_BYTES = 8 << 20, 1 << 10
"""How much is loaded before it is added, with what a record takes beside its bytes."""


@dataclass
class SeenState(Generic[_T]):
    """State of `deduplicate`, a hub.stream.changelog.state.AgentState: it needs the changelog's topic and the wall's time."""

    window_ms: int
    changelog: _T
    wall_ms: Callable[[], int]
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

    def changes(self) -> Iterator[tuple[int, bytes | None, bytes | None]]:
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
        # nothing was seen later than now, and the window moves on with it
        packed.now_ms = max(0, min(packed.now_ms, self.wall_ms()))
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
    return msgspec.msgpack.encode(_Packed(PACKING_VERSION, fresh.now_ms, list(fresh.names), columns))


def unpack(value: bytes) -> Fresh:
    """One changelog record. Raises RejectedRecordError if it is nothing that this program writes."""
    return _joined([_packed(value)])


def _packed(value: bytes) -> _Packed:
    try:
        packed: _Packed = _decode(value)
    except ValueError as error:
        raise RejectedRecordError(
            Reason.UNDECODABLE, f"it is no record of this version ({type(error).__name__})"
        ) from None
    if packed.version == _WITHOUT_CONTENTS and len(packed.columns) == len(_COLUMNS) - len(_DIGESTS):
        packed.columns += [
            bytes(len(packed.columns[_COLUMNS.index(name)]) // _DIGEST_BYTES * _CONTENT_BYTES) for name in _DIGESTS
        ]
    elif packed.version != PACKING_VERSION:
        raise RejectedRecordError(
            Reason.UNDECODABLE,
            f"it is of version {packed.version}, this program reads {PACKING_VERSION}: run the one that wrote it",
        )
    if not _whole(packed):
        raise RejectedRecordError(Reason.INVALID, "its columns do not go together")
    return packed


def _whole(packed: _Packed) -> bool:
    """Whether there are as many of each thing as there should be, and none of them out of range."""
    columns = packed.columns
    if len(columns) != len(_COLUMNS):
        return False
    rows = [len(column) / width for column, width in zip(columns, _WIDTHS, strict=True)]
    if any(count != rows[lead] for count, lead in zip(rows, _LEADS, strict=True)) or not all(
        map(float.is_integer, rows)
    ):
        return False
    named, offsets = (b"".join([columns[at] for at in places]) for places in (_NAMED_AT, _OFFSETS_AT))
    return _all_below(named, len(packed.names)) and _all_below(offsets, OFFSETS_BELOW)


def _all_below(numbers: bytes, limit: int) -> bool:
    """Whether all are from 0 to below the limit. Most records have a row or two, for which numpy would take ten times as long."""
    if not numbers:
        return True
    if len(numbers) > _FEW_BYTES:
        found = np.frombuffer(numbers, "<i8")
        return bool(found.min() >= 0 and found.max() < limit)
    few = memoryview(numbers).cast("q")
    return min(few) >= 0 and max(few) < limit


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
