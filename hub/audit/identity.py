"""Where a record came in, as one number: (topic, partition, offset) packed into an int64, so that accounts join as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ids = npt.NDArray[np.int64]
"""Packed identities. NOWHERE stands for none."""
NOWHERE = -1
_OFFSET_BITS, _PARTITION_BITS = 40, 12
OFFSETS, _PARTITIONS, _TOPICS = 1 << _OFFSET_BITS, 1 << _PARTITION_BITS, 1 << 63 - _OFFSET_BITS - _PARTITION_BITS
NO_PLACE = "(no place)"
"""Stands for the topic of what cannot be: anybody may have written anything into the origin of a record."""


class Identities:
    """Numbers the topics it meets, and packs. A thousand billion records a partition, 4096 partitions, 2048 topics."""

    def __init__(self, topics: Iterable[str] = ()) -> None:
        """`topics`: what there is, so that no name that somebody has made up takes its number."""
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        for topic in topics:
            self.number(topic)

    def number(self, topic: str) -> int:
        if topic not in self._numbers and len(self._names) >= _TOPICS - 1:
            topic = NO_PLACE
        if topic not in self._numbers:
            self._numbers[topic] = len(self._names)
            self._names.append(topic)
        return self._numbers[topic]

    def pack(self, topic: str, partitions: npt.ArrayLike, offsets: npt.ArrayLike) -> Ids:
        """Identities of records of one topic."""
        base = self.number(topic) << _PARTITION_BITS
        packed: Ids = ((base + np.asarray(partitions, np.int64)) << _OFFSET_BITS) + np.asarray(offsets, np.int64)
        return packed

    def pack_named(self, names: Sequence[str], topics: Ids, partition: int, offsets: Ids) -> Ids:
        """Identities of records of one partition number; `topics` are positions in `names`, which may have other names too."""
        used, at = np.unique(topics, return_inverse=True)
        numbers = np.array([self.number(names[each]) for each in used.tolist()], np.int64)[at]
        packed: Ids = (((numbers << _PARTITION_BITS) + partition) << _OFFSET_BITS) + offsets
        return packed

    def pack_origins(self, origins: pa.StructArray) -> Ids:
        """Identities of a column of `cityhub.Origin`: NOWHERE where it is null, of NO_PLACE where it cannot be."""
        valid = origins.is_valid().to_numpy(zero_copy_only=False)
        topics = origins.field("topic").dictionary_encode()
        numbers = np.array([self.number(name) for name in topics.dictionary.to_pylist()] or [0], np.int64)
        which, partitions, offsets = (
            pc.fill_null(column, 0).to_numpy(zero_copy_only=False).astype(np.int64)
            for column in (topics.indices, origins.field("partition"), origins.field("offset"))
        )
        can_be = (partitions >= 0) & (partitions < _PARTITIONS) & (offsets >= 0) & (offsets < OFFSETS)
        topic = numbers[which]
        if not (can_be | ~valid).all():
            nowhere = self.number(NO_PLACE)
            topic, partitions, offsets = (
                np.where(can_be, column, other) for column, other in ((topic, nowhere), (partitions, 0), (offsets, 0))
            )
        packed = (((topic << _PARTITION_BITS) + partitions) << _OFFSET_BITS) + offsets
        return np.where(valid, packed, NOWHERE)

    def offsets(self, ids: Ids) -> Ids:
        """The offset within its partition of each."""
        return ids & (OFFSETS - 1)

    def topic(self, packed: int) -> str:
        return self._names[int(packed) >> (_OFFSET_BITS + _PARTITION_BITS)]

    def show(self, packed: int) -> str:
        """As people read it: `city.police.events[3]@15`."""
        partition = (int(packed) >> _OFFSET_BITS) % _PARTITIONS
        return f"{self.topic(packed)}[{partition}]@{int(packed) % OFFSETS}"

    def before(self, ids: Ids, limits: Mapping[tuple[str, int], int]) -> npt.NDArray[np.bool_]:
        """Which of them lie before the limit of their partition; all do where there is none."""
        places, at = np.unique(ids >> _OFFSET_BITS, return_inverse=True)
        bounds = np.array(
            [
                limits.get((self._names[place >> _PARTITION_BITS], place % _PARTITIONS), OFFSETS)
                for place in places.tolist()
            ],
            dtype=np.int64,
        )
        return self.offsets(ids) < bounds[at] if len(ids) else np.zeros(0, dtype=bool)


def occurrences(ids: Ids, among: Ids) -> npt.NDArray[np.int64]:
    """How often each of `ids` occurs in `among`."""
    if not len(among):
        return np.zeros(len(ids), dtype=np.int64)
    values, counts = np.unique(among, return_counts=True)
    places = np.minimum(np.searchsorted(values, ids), len(values) - 1)
    return np.where(values[places] == ids, counts[places], 0)
