"""The memory of `deduplicate`: which (source, ref, revision) was seen and where each reference's first report lay.

Its changelog is a log of packed digests, one record per chunk and partition, each complete in itself, so that Kafka's
retention can drop any of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
import numpy as np

from hub.core.admission import Fresh, SeenPartition
from hub.stream.state import Change
from hub.topics import DEDUPLICATE_CHANGELOG


class _Packed(msgspec.Struct, array_like=True):
    """One changelog record. Arrays are little-endian bytes: digests of 16 bytes, int64 for all else."""

    version: int
    now_ms: int
    names: list[str]
    """Topics and places, which `topics` and `places` refer to by position."""
    revisions: bytes
    topics: bytes
    offsets: bytes
    refs: bytes
    places: bytes


@dataclass
class SeenState:
    """State of `deduplicate`; implements hub.stream.state.State."""

    window_ms: int
    changelog = DEDUPLICATE_CHANGELOG
    _partitions: dict[int, SeenPartition] = field(default_factory=dict)
    _staged: dict[int, Fresh] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(map(len, self._partitions.values()))

    @property
    def nbytes(self) -> int:
        return sum(part.nbytes for part in self._partitions.values())

    def __getitem__(self, partition: int) -> SeenPartition:
        if partition not in self._partitions:
            self._partitions[partition] = SeenPartition(self.window_ms)
        return self._partitions[partition]

    def stage(self, partition: int, fresh: Fresh) -> None:
        """Remember this if the chunk commits. At most once a partition and chunk."""
        self._staged[partition] = fresh

    def changes(self) -> Iterator[Change]:
        for partition, fresh in self._staged.items():
            yield partition, None, _pack(fresh)

    def commit(self) -> None:
        for partition, fresh in self._staged.items():
            self[partition].add(fresh)
        self._staged.clear()

    def rollback(self) -> None:
        self._staged.clear()

    def load(self, partition: int, key: bytes | None, value: bytes | None) -> None:
        del key
        if value is not None:
            self[partition].add(_unpack(value))

    def loaded(self, partition: int) -> None:
        _ = self[partition]

    def drop(self, partition: int) -> None:
        self._partitions.pop(partition, None)
        self._staged.pop(partition, None)


def _pack(fresh: Fresh) -> bytes:
    names = sorted({*fresh.topics, *fresh.places})
    position = {name: index for index, name in enumerate(names)}
    return msgspec.msgpack.encode(
        _Packed(
            version=1,
            now_ms=fresh.now_ms,
            names=names,
            revisions=fresh.revisions.astype("<u8").tobytes(),
            topics=np.array([position[topic] for topic in fresh.topics], dtype="<i8").tobytes(),
            offsets=np.array(fresh.offsets, dtype="<i8").tobytes(),
            refs=fresh.refs.astype("<u8").tobytes(),
            places=np.array([position[place] for place in fresh.places], dtype="<i8").tobytes(),
        )
    )


def _unpack(value: bytes) -> Fresh:
    packed = msgspec.msgpack.decode(value, type=_Packed)
    return Fresh(
        now_ms=packed.now_ms,
        revisions=np.frombuffer(packed.revisions, dtype="<u8").reshape(-1, 2),
        topics=[packed.names[index] for index in np.frombuffer(packed.topics, dtype="<i8")],
        offsets=np.frombuffer(packed.offsets, dtype="<i8").tolist(),
        refs=np.frombuffer(packed.refs, dtype="<u8").reshape(-1, 2),
        places=[packed.names[index] for index in np.frombuffer(packed.places, dtype="<i8")],
    )
