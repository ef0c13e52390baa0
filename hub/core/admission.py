"""What `deduplicate` decides: which records are first sightings, which repeat what, and to which place a report belongs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hub.core.seen import MISSING, Digests, Longs, Memory, digests, first_of_each, mixed

_OFFSET_BITS = 48
_OFFSET_MASK = (1 << _OFFSET_BITS) - 1
_REVISION_BITS = 32
_REVISION_MASK = (1 << _REVISION_BITS) - 1
_UNPLACED = ""

Sightings = tuple[npt.NDArray[np.object_], Longs]
"""Names of topics and offsets."""


@dataclass(frozen=True)
class Fresh:
    """What a chunk saw first in one partition. `topics` and `places` are positions in `names`.

    First a row for each new reference: its digest, revision, where it was seen and its place. Then, under `more`, further
    revisions of references already known: the digest of both, and where it was seen.
    """

    now_ms: int
    names: Sequence[str]
    refs: Digests
    revisions: Longs
    topics: Longs
    offsets: Longs
    places: Longs
    more: Digests
    more_topics: Longs
    more_offsets: Longs


class SeenPartition:
    """One partition's memory. Names of topics and places are few: kept once and referred to by number.

    Most references are seen in one revision only, so a reference and its first revision share an entry.
    """

    def __init__(self, window_ms: int) -> None:
        self._refs = Memory(window_ms, 2)
        self._more = Memory(window_ms, 1)
        self._names: npt.NDArray[np.object_] = np.empty(0, dtype=object)
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        """Revisions remembered."""
        return len(self._refs) + len(self._more)

    @property
    def nbytes(self) -> int:
        return self._refs.nbytes + self._more.nbytes

    def recall(self, refs: Digests, revisions: Longs) -> tuple[Longs, Longs, npt.NDArray[np.object_]]:
        """For each row where this revision was first seen, packed (or MISSING). Then the rows whose reference is known, and
        of each the place of that reference, "" if it has none.
        """
        entry = self._refs.find(refs)
        known = np.flatnonzero(entry[:, 0] != MISSING)
        sight, what = entry[known].T
        same = what & _REVISION_MASK == revisions[known] & _REVISION_MASK
        found = np.full(len(refs), MISSING)
        found[known[same]] = sight[same]
        other = known[~same]
        if other.size and len(self._more):
            found[other] = self._more.find(mixed(refs[other], revisions[other]))[:, 0]
        return found, known, self._names[what >> _REVISION_BITS]

    def where(self, sight: Longs) -> Sightings:
        """Unpack what `recall` has found."""
        return self._names[sight >> _OFFSET_BITS], sight & _OFFSET_MASK

    def add(self, fresh: Fresh) -> None:
        number = np.array([self._number(name) for name in fresh.names], dtype=np.int64)
        seen = (number[fresh.topics] << _OFFSET_BITS) | fresh.offsets
        what = (number[fresh.places] << _REVISION_BITS) | (fresh.revisions & _REVISION_MASK)
        self._refs.insert(fresh.refs, np.stack([seen, what], axis=1), fresh.now_ms)
        more = (number[fresh.more_topics] << _OFFSET_BITS) | fresh.more_offsets
        self._more.insert(fresh.more, more.reshape(-1, 1), fresh.now_ms)

    def _number(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self._numbers)
            if number >= len(self._names):
                self._names = np.resize(self._names, max(64, 2 * number))
            self._names[number] = name
        return number


@dataclass(frozen=True)
class Arrivals:
    """Records as columns of equal length. `topic` is a position in `topics`; `place` (text) where a record would be keyed
    by itself, null if it has no place."""

    topics: Sequence[str]
    topic: Longs
    partition: Longs
    offset: Longs
    source: pa.Array
    ref: pa.Array
    revision: Longs
    place: pa.StringArray


@dataclass(frozen=True)
class Repeats:
    """Rows that repeat the record first seen there; columns of equal length."""

    row: Longs
    topic: list[str]
    partition: Longs
    offset: Longs


@dataclass(frozen=True)
class Admission:
    """The verdict on a chunk. Every row is in `first` or in `repeats`, never in both."""

    first: Longs
    place_key: pa.StringArray
    """Of each first sighting: where the first report of its reference lay, or the reference itself if that had no place."""
    repeats: Repeats
    fresh: dict[int, Fresh] = field(default_factory=dict)
    """To remember, by partition."""


def admit(arrivals: Arrivals, memory: Callable[[int], SeenPartition], now_ms: int) -> Admission:
    """Sift a chunk. Rows are taken in order; the first of equal ones in a chunk is the first sighting."""
    refs = digests(arrivals.source, arrivals.ref)
    places = arrivals.place.fill_null(_UNPLACED).dictionary_encode()
    positions = places.indices.to_numpy().astype(np.int64)
    names = np.array(places.dictionary.to_pylist(), dtype=object)
    verdict = _Verdict(np.full(len(refs), MISSING), np.empty(len(refs), dtype=object), positions.copy())
    fresh: dict[int, Fresh] = {}
    for partition in np.unique(arrivals.partition).tolist():
        rows = np.flatnonzero(arrivals.partition == partition)
        new, more = _sift(arrivals, memory(partition), rows, refs[rows], verdict)
        if new.size or more.size:
            used = np.unique(positions[new])
            fresh[partition] = Fresh(
                now_ms=now_ms,
                names=[*arrivals.topics, *names[used]],
                refs=refs[new],
                revisions=arrivals.revision[new],
                topics=arrivals.topic[new],
                offsets=arrivals.offset[new],
                places=np.searchsorted(used, positions[new]) + len(arrivals.topics),
                more=mixed(refs[more], arrivals.revision[more]),
                more_topics=arrivals.topic[more],
                more_offsets=arrivals.offset[more],
            )
    first, again = np.flatnonzero(verdict.offset < 0), np.flatnonzero(verdict.offset >= 0)
    return Admission(
        first,
        _place_keys(arrivals, first, places.dictionary, verdict),
        Repeats(again, verdict.topic[again].tolist(), arrivals.partition[again], verdict.offset[again]),
        fresh,
    )


@dataclass(frozen=True)
class _Verdict:
    """By row of the chunk, filled partition by partition."""

    offset: Longs
    """Where it was seen before; -1: nowhere."""
    topic: npt.NDArray[np.object_]
    home: Longs
    """The position of its place among the chunk's: its own, or that of the chunk's first report of its reference."""
    moved: dict[int, str] = field(default_factory=dict)
    """The place of further revisions of references known before."""


def _place_keys(arrivals: Arrivals, first: Longs, names: pa.StringArray, verdict: _Verdict) -> pa.StringArray:
    found = names.take(pa.array(verdict.home[first]))
    if verdict.moved:
        elsewhere = [verdict.moved.get(row) for row in first.tolist()]
        found = pc.coalesce(pa.array(elsewhere, pa.string()), found)
    unplaced = pc.equal(found, _UNPLACED)
    if not pc.any(unplaced).as_py():
        return found
    rows = pa.array(first)
    itself = pc.binary_join_element_wise("~", arrivals.source.take(rows), ":", arrivals.ref.take(rows), "")
    return pc.if_else(unplaced, itself, found)


def _sift(
    arrivals: Arrivals, memory: SeenPartition, rows: Longs, refs: Digests, verdict: _Verdict
) -> tuple[Longs, Longs]:
    """Fill in the verdict on one partition's rows; gives the rows of new references and of further revisions."""
    revisions, count = arrivals.revision[rows], np.arange(len(rows))
    sight, known, place = memory.recall(refs, revisions)
    seen = sight != MISSING
    verdict.topic[rows[seen]], verdict.offset[rows[seen]] = memory.where(sight[seen])
    repeated = np.zeros(len(rows), dtype=np.bool_)
    leads = first_of_each(refs)
    follow = np.flatnonzero(leads != count)
    if follow.size:  # else no record of the chunk can repeat another
        some = np.union1d(follow, leads[follow])
        first = count.copy()
        first[some] = some[first_of_each(mixed(refs[some], revisions[some]))]
        repeated = ~seen & (first != count)
        earlier = rows[first[repeated]]
        verdict.topic[rows[repeated]] = np.array(arrivals.topics, dtype=object)[arrivals.topic[earlier]]
        verdict.offset[rows[repeated]] = arrivals.offset[earlier]
        verdict.home[rows] = verdict.home[rows[leads]]
    further = ~seen[known] & ~repeated[known]
    verdict.moved.update(zip(rows[known[further]].tolist(), place[further].tolist(), strict=True))
    new = leads == count
    new[known] = False
    return rows[new], rows[~seen & ~repeated & ~new]
