"""The memory of `deduplicate`: which (source, ref, revision) was seen and where each reference's first report lay.

Its changelog is a log of packed digests, one record per chunk and partition, each complete in itself, so that Kafka's
retention can drop any of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from hub.core.admission import Fresh, Seen
from hub.errors import FatalError
from hub.stream.state import Change
from hub.topics import DEDUPLICATE_CHANGELOG


class _Packed(msgspec.Struct, array_like=True):
    """One changelog record. Arrays are little-endian bytes: digests of 16 bytes, numbers of 8."""

    version: int
    now_ms: int
    names: list[str]
    columns: list[bytes]


_COLUMNS = ("refs", "revisions", "topics", "offsets", "places", "more", "more_topics", "more_offsets")
_DIGESTS = ("refs", "more")
_VERSION = 2
_LOAD_RECORDS, _LOAD_ROWS = 500, 20_000


@dataclass
class SeenState:
    """State of `deduplicate`; implements hub.stream.state.State."""

    window_ms: int
    changelog = DEDUPLICATE_CHANGELOG
    _staged: dict[int, Fresh] = field(default_factory=dict)
    _loading: list[tuple[int, Fresh]] = field(default_factory=list)
    _loading_rows: int = 0

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
        fresh = unpack(value)
        self._loading.append((partition, fresh))
        self._loading_rows += len(fresh.refs) + len(fresh.more)
        if len(self._loading) >= _LOAD_RECORDS or self._loading_rows >= _LOAD_ROWS:
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
        """Add what was loaded, many records at a time: of a busy city's changelog each is a few rows of one partition."""
        loading, self._loading, self._loading_rows = self._loading, [], 0
        stretches: dict[int, list[tuple[int, Fresh]]] = defaultdict(list)
        for partition, fresh in loading:
            stretches[self.seen.stretch(fresh.now_ms)].append((partition, fresh))
        for stretch in sorted(stretches):
            self.seen.add(stretches[stretch])


def _pack(fresh: Fresh) -> bytes:
    columns = [getattr(fresh, name).astype("<u8" if name in _DIGESTS else "<i8").tobytes() for name in _COLUMNS]
    return msgspec.msgpack.encode(_Packed(_VERSION, fresh.now_ms, list(fresh.names), columns))


def unpack(value: bytes) -> Fresh:
    """One changelog record. Raises FatalError if another version of the hub wrote it."""
    packed = msgspec.msgpack.decode(value, type=_Packed)
    if packed.version != _VERSION:
        raise FatalError(
            f"{DEDUPLICATE_CHANGELOG.name} holds a record of version {packed.version}; this program reads version {_VERSION}: "
            "run the program that wrote it, or begin with an empty namespace"
        )
    columns: dict[str, Any] = {
        name: np.frombuffer(raw, "<u8").reshape(-1, 2) if name in _DIGESTS else np.frombuffer(raw, "<i8")
        for name, raw in zip(_COLUMNS, packed.columns, strict=True)
    }
    return Fresh(packed.now_ms, packed.names, **columns)
