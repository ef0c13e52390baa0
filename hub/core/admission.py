"""What `deduplicate` decides: which records are first sightings, which repeat what, and to which place a report belongs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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
_PARTITIONS = 1 << 20
"""More than a topic has."""

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


class Seen:
    """What was seen in the partitions held, each by itself. Names of topics and places are few: kept once and referred to by
    number.

    All partitions share the tables, so that a chunk is looked up and remembered in one go. Most references are seen in one
    revision only, so a reference and its first revision share an entry.
    """

    def __init__(self, window_ms: int) -> None:
        self._window_ms = window_ms
        self._forget()

    def _forget(self) -> None:
        self._refs = Memory(self._window_ms, 2)
        self._more = Memory(self._window_ms, 1)
        self._names: npt.NDArray[np.object_] = np.empty(64, dtype=object)
        self._numbers: dict[str, int] = {}
        self._salts: dict[int, int] = {}
        """Of each partition held, what its keys are mixed with."""
        self._dropped = 0
        self._rows: Counter[tuple[int, int]] = Counter()
        """How many entries are of each stretch of the window and partition held."""

    def __len__(self) -> int:
        """Revisions remembered."""
        return len(self._refs) + len(self._more)

    @property
    def nbytes(self) -> int:
        return self._refs.nbytes + self._more.nbytes

    def hold(self, partition: int) -> None:
        self._salts.setdefault(partition, partition + self._dropped * _PARTITIONS)

    def drop(self, partition: int) -> None:
        """Know nothing of a partition any more. Its entries take their place until the window has passed, or the last goes."""
        if self._salts.pop(partition, None) is None:
            return
        self._dropped += 1
        for stretch, of in list(self._rows):
            if of == partition:
                del self._rows[stretch, of]
        if not self._salts:
            self._forget()

    @property
    def held_rows(self) -> int:
        """How many of the entries are of partitions held."""
        newest = max((stretch for stretch, _ in self._rows), default=0)
        return sum(rows for (stretch, _), rows in self._rows.items() if stretch >= newest - 1)

    def keys(self, refs: Digests, partition: Longs) -> Digests:
        """References by partition: the same one in two partitions is not the same. Partitions are held from here on."""
        different, of = np.unique(partition, return_inverse=True)
        for each in different.tolist():
            self.hold(each)
        return mixed(refs, np.array([self._salts[each] for each in different.tolist()], dtype=np.int64)[of])

    def recall(
        self, refs: Digests, keys: Digests, partition: Longs, revisions: Longs
    ) -> tuple[Longs, Longs, npt.NDArray[np.object_]]:
        """For each row where this revision was first seen, packed (or MISSING). Then the rows whose reference is known, and
        of each the place of that reference, "" if it has none. `keys` are those of `refs` by `partition`.
        """
        entry = self._refs.find(keys)
        known = np.flatnonzero(entry[:, 0] != MISSING)
        sight, what = entry[known].T
        same = what & _REVISION_MASK == revisions[known] & _REVISION_MASK
        found = np.full(len(refs), MISSING)
        found[known[same]] = sight[same]
        other = known[~same]
        if other.size and len(self._more):
            further = self.keys(mixed(refs[other], revisions[other]), partition[other])
            found[other] = self._more.find(further)[:, 0]
        return found, known, self._names[what >> _REVISION_BITS]

    def where(self, sight: Longs) -> Sightings:
        """Unpack what `recall` has found."""
        return self._names[sight >> _OFFSET_BITS], sight & _OFFSET_MASK

    def add(self, fresh: Iterable[tuple[int, Fresh]]) -> None:
        """Remember what was seen, with its partition, at one instant or in one stretch of the window (`stretch`)."""
        some = [(partition, each, self._numbered(each.names)) for partition, each in fresh]
        if not some:
            return
        now_ms = some[0][1].now_ms
        stretch = self.stretch(now_ms)
        for partition, each, _ in some:
            self._rows[stretch, partition] += len(each.refs) + len(each.more)
        seen = [(number[each.topics] << _OFFSET_BITS) | each.offsets for _, each, number in some]
        what = [(number[each.places] << _REVISION_BITS) | (each.revisions & _REVISION_MASK) for _, each, number in some]
        values = np.stack([np.concatenate(seen), np.concatenate(what)], axis=1)
        self._refs.insert(self._keyed([(partition, each.refs) for partition, each, _ in some]), values, now_ms)
        more = np.concatenate(
            [(number[each.more_topics] << _OFFSET_BITS) | each.more_offsets for _, each, number in some]
        )
        self._more.insert(
            self._keyed([(partition, each.more) for partition, each, _ in some]), more.reshape(-1, 1), now_ms
        )

    def stretch(self, now_ms: int) -> int:
        """What was seen in the same stretch of the window is remembered and forgotten together."""
        return now_ms // self._window_ms

    def _keyed(self, digests: Sequence[tuple[int, Digests]]) -> Digests:
        partition = np.repeat(np.array([at for at, _ in digests], dtype=np.int64), [len(each) for _, each in digests])
        return self.keys(np.concatenate([each for _, each in digests]), partition)

    def _numbered(self, names: Iterable[str]) -> Longs:
        return np.array([self._number(name) for name in names], dtype=np.int64)

    def _number(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self._numbers)
            if number >= len(self._names):
                self._names = np.resize(self._names, 2 * number)
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


def admit(arrivals: Arrivals, memory: Seen, now_ms: int) -> Admission:
    """Sift a chunk. Rows are taken in order; the first of equal ones in a chunk is the first sighting."""
    refs = digests(arrivals.source, arrivals.ref)
    places = arrivals.place.fill_null(_UNPLACED).dictionary_encode()
    positions = places.indices.to_numpy().astype(np.int64)
    verdict = _Verdict(np.full(len(refs), MISSING), np.empty(len(refs), dtype=object), positions.copy())
    new, more = _sift(arrivals, memory, refs, verdict)
    first, again = np.flatnonzero(verdict.offset < 0), np.flatnonzero(verdict.offset >= 0)
    names = np.array(places.dictionary.to_pylist(), dtype=object)
    return Admission(
        first,
        _place_keys(arrivals, first, places.dictionary, verdict),
        Repeats(again, verdict.topic[again].tolist(), arrivals.partition[again], verdict.offset[again]),
        {
            partition: _fresh(arrivals, refs, its_new, its_more, positions, names, now_ms)
            for partition, its_new, its_more in _by_partition(arrivals.partition, new, more)
        },
    )


def _by_partition(partition: Longs, new: Longs, more: Longs) -> Iterator[tuple[int, Longs, Longs]]:
    """The rows of each partition that has any, in their order."""
    held = np.unique(np.concatenate([partition[new], partition[more]]))
    if not held.size:
        return
    parts = []
    for rows in (new, more):
        rows = rows[np.argsort(partition[rows], kind="stable")]
        parts.append(np.split(rows, np.searchsorted(partition[rows], held[1:])))
    yield from zip(held.tolist(), *parts, strict=True)


def _fresh(
    arrivals: Arrivals,
    refs: Digests,
    new: Longs,
    more: Longs,
    positions: Longs,
    names: npt.NDArray[np.object_],
    now_ms: int,
) -> Fresh:
    used, places = np.unique(positions[new], return_inverse=True)
    return Fresh(
        now_ms=now_ms,
        names=[*arrivals.topics, *names[used]],
        refs=refs[new],
        revisions=arrivals.revision[new],
        topics=arrivals.topic[new],
        offsets=arrivals.offset[new],
        places=places + len(arrivals.topics),
        more=mixed(refs[more], arrivals.revision[more]),
        more_topics=arrivals.topic[more],
        more_offsets=arrivals.offset[more],
    )


@dataclass(frozen=True)
class _Verdict:
    """By row of the chunk."""

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


def _sift(arrivals: Arrivals, memory: Seen, refs: Digests, verdict: _Verdict) -> tuple[Longs, Longs]:
    """Fill in the verdict; gives the rows of new references and of further revisions."""
    revisions, count = arrivals.revision, np.arange(len(refs))
    keys = memory.keys(refs, arrivals.partition)
    sight, known, place = memory.recall(refs, keys, arrivals.partition, revisions)
    seen = sight != MISSING
    verdict.topic[seen], verdict.offset[seen] = memory.where(sight[seen])
    repeated = np.zeros(len(refs), dtype=np.bool_)
    leads = first_of_each(keys)
    follow = np.flatnonzero(leads != count)
    if follow.size:  # else no record of the chunk can repeat another
        some = np.union1d(follow, leads[follow])
        first = count.copy()
        first[some] = some[first_of_each(mixed(keys[some], revisions[some]))]
        repeated = ~seen & (first != count)
        earlier = first[repeated]
        verdict.topic[repeated] = np.array(arrivals.topics, dtype=object)[arrivals.topic[earlier]]
        verdict.offset[repeated] = arrivals.offset[earlier]
        verdict.home[:] = verdict.home[leads]
    further = ~seen[known] & ~repeated[known]
    verdict.moved.update(zip(known[further].tolist(), place[further].tolist(), strict=True))
    new = leads == count
    new[known] = False
    return np.flatnonzero(new), np.flatnonzero(~seen & ~repeated & ~new)
