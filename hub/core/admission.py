"""What `deduplicate` decides: which records are first sightings, which repeat what, and to which place a report belongs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from hub.core.seen import Digests, Memory, digests, first_of_each, joined

_OFFSET_BITS = 48
_OFFSET_MASK = (1 << _OFFSET_BITS) - 1
_UNPLACED = ""


@dataclass(frozen=True)
class Fresh:
    """What a chunk saw first in one partition: revisions with topic and offset, references with their place."""

    now_ms: int
    revisions: Digests
    topics: Sequence[str]
    offsets: Sequence[int]
    refs: Digests
    places: Sequence[str]


class SeenPartition:
    """One partition's memory. Names of topics and places are few: kept once and referred to by number."""

    def __init__(self, window_ms: int) -> None:
        self._revisions = Memory(window_ms)
        self._refs = Memory(window_ms)
        self._names: list[str] = []
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._revisions)

    @property
    def nbytes(self) -> int:
        return self._revisions.nbytes + self._refs.nbytes

    def sightings(self, revisions: Digests) -> list[tuple[str, int] | None]:
        """Topic and offset of the first sighting of each, or None."""
        return [
            None if value < 0 else (self._names[value >> _OFFSET_BITS], value & _OFFSET_MASK)
            for value in self._revisions.find(revisions).tolist()
        ]

    def places(self, refs: Digests) -> list[str | None]:
        """The place of each reference's first report, or None if the reference is new."""
        return [None if value < 0 else self._names[value] for value in self._refs.find(refs).tolist()]

    def add(self, fresh: Fresh) -> None:
        seen = [(self._number(t) << _OFFSET_BITS) | o for t, o in zip(fresh.topics, fresh.offsets, strict=True)]
        self._revisions.insert(fresh.revisions, np.array(seen, dtype=np.int64), fresh.now_ms)
        where = [self._number(place) for place in fresh.places]
        self._refs.insert(fresh.refs, np.array(where, dtype=np.int64), fresh.now_ms)

    def _number(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self._names)
            self._names.append(name)
        return number


@dataclass(frozen=True)
class Arrivals:
    """Records as columns of equal length. `place` is where a record would be keyed by itself; None if it has no place."""

    topic: Sequence[str]
    partition: Sequence[int]
    offset: Sequence[int]
    source: Sequence[str]
    ref: Sequence[str]
    revision: Sequence[int]
    place: Sequence[str | None]


@dataclass(frozen=True)
class Repeat:
    """Row `row` repeats the record first seen there."""

    row: int
    topic: str
    partition: int
    offset: int


@dataclass
class Admission:
    """The verdict on a chunk. Every row is in `first` or in `repeats`, never in both."""

    first: list[int] = field(default_factory=list)
    place_key: list[str] = field(default_factory=list)
    """Of each first sighting: where the first report of its reference lay, or the reference itself if that had no place."""
    repeats: list[Repeat] = field(default_factory=list)
    fresh: dict[int, Fresh] = field(default_factory=dict)
    """To remember, by partition."""


def admit(arrivals: Arrivals, memory: Callable[[int], SeenPartition], now_ms: int) -> Admission:
    """Sift a chunk. Rows are taken in order; the first of equal ones in a chunk is the first sighting."""
    revisions = digests(joined(arrivals.source, arrivals.ref, arrivals.revision))
    refs = digests(joined(arrivals.source, arrivals.ref))
    rows: dict[int, list[int]] = defaultdict(list)
    for row, partition in enumerate(arrivals.partition):
        rows[partition].append(row)
    admission = Admission()
    verdicts: dict[int, str] = {}
    for partition, members in rows.items():
        _admit_partition(
            arrivals, memory(partition), members, revisions[members], refs[members], now_ms, admission, verdicts
        )
    admission.first = sorted(verdicts)
    admission.place_key = [verdicts[row] for row in admission.first]
    admission.repeats.sort(key=lambda repeat: repeat.row)
    return admission


def _admit_partition(
    arrivals: Arrivals,
    memory: SeenPartition,
    rows: list[int],
    revisions: Digests,
    refs: Digests,
    now_ms: int,
    admission: Admission,
    verdicts: dict[int, str],
) -> None:
    partition = arrivals.partition[rows[0]]
    seen = memory.sightings(revisions)
    first = first_of_each(revisions).tolist()
    homes = memory.places(refs)
    first_ref = first_of_each(refs).tolist()
    fresh, fresh_refs = [], []
    for at, row in enumerate(rows):
        before = seen[at]
        if before is None and first[at] != at:
            before = (arrivals.topic[rows[first[at]]], arrivals.offset[rows[first[at]]])
        if before is not None:
            admission.repeats.append(Repeat(row, before[0], partition, before[1]))
            continue
        fresh.append(at)
        home = homes[at]
        if home is None and first_ref[at] == at:
            fresh_refs.append(at)
        if home is None:
            home = arrivals.place[rows[first_ref[at]]] or _UNPLACED
        verdicts[row] = home or f"~{arrivals.source[row]}:{arrivals.ref[row]}"
    if fresh:
        admission.fresh[partition] = Fresh(
            now_ms=now_ms,
            revisions=revisions[fresh],
            topics=[arrivals.topic[rows[at]] for at in fresh],
            offsets=[arrivals.offset[rows[at]] for at in fresh],
            refs=refs[fresh_refs],
            places=[arrivals.place[rows[at]] or _UNPLACED for at in fresh_refs],
        )
