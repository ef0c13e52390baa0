"""What `deduplicate` decides: which records are first sightings, which repeat what, and to which place a report belongs."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hub.core.dedup.digests import MISSING, Contents, Digests, Longs, Memory, differ, digests, first_of_each, mixed

_OFFSET_BITS = 48
OFFSETS_BELOW = 1 << _OFFSET_BITS
_OFFSET_MASK = OFFSETS_BELOW - 1
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

    First a row for each new reference, or one that would be forgotten before its newest revision: its digest, revision, where
    that was seen and what it said, and its place. Then, under `more_refs`, further revisions of references already known: the
    digest of both, where it was seen and what it said.
    """

    now_ms: int
    names: Sequence[str]
    refs: Digests
    revisions: Longs
    topics: Longs
    offsets: Longs
    places: Longs
    contents: Contents
    more_refs: Digests
    more_topics: Longs
    more_offsets: Longs
    more_contents: Contents


@dataclass(frozen=True)
class Recalled:
    """What is known of rows that were asked for."""

    sight: Longs
    """Of each row: where this revision was first seen, packed, or MISSING."""
    content: Longs
    """Of each row: what it said then, or MISSING."""
    known_rows: Longs
    """Rows whose reference is known."""
    place: npt.NDArray[np.object_]
    """Of each known row: the place of its reference, "" if it has none."""
    stretch: Longs
    """Of each known row: the stretch of the window with which its reference will be forgotten."""


class _Names:
    """Texts that are few, kept once and referred to by number."""

    def __init__(self) -> None:
        self.texts: npt.NDArray[np.object_] = np.empty(64, dtype=object)
        self._numbers: dict[str, int] = {}

    def numbers(self, texts: Sequence[str], positions: Longs) -> Longs:
        """The number of the text at each position. Texts that no position names are not kept."""
        if not len(positions):
            return positions
        found = np.zeros(len(texts), dtype=np.int64)
        for used in np.flatnonzero(np.bincount(positions, minlength=len(texts))).tolist():
            found[used] = self._number(texts[used])
        return found[positions]

    def _number(self, text: str) -> int:
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = len(self._numbers)
            if number >= len(self.texts):
                self.texts = np.resize(self.texts, 2 * number)
            self.texts[number] = text
        return number


class Seen:
    """What was seen in the partitions held, each by itself.

    All partitions share the tables, so that a chunk is looked up and remembered in one go. Most references are seen in one
    revision only, so a reference and its first revision share an entry. A further revision in a later stretch of the window
    gives the reference an entry there too: it is known as long as any of its revisions.
    """

    def __init__(self, window_ms: int) -> None:
        self._window_ms = window_ms
        self._forget()

    def _forget(self) -> None:
        self._refs = Memory(self._window_ms, 2)
        self._more = Memory(self._window_ms, 1)
        self._topics, self._places = _Names(), _Names()
        self._drawn = secrets.randbits(62)
        """Of this memory alone: who chose references to fill one stretch of its tables would make every look-up near it long,
        for everybody."""
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
        self._salts.setdefault(partition, self._drawn + partition + self._dropped * _PARTITIONS)

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

    def recall(self, refs: Digests, keys: Digests, partition: Longs, revisions: Longs) -> Recalled:
        """What is known of references and revisions. `keys` are those of `refs` by `partition`."""
        seen = np.full((len(refs), 2), MISSING)
        what, stretch = np.full(len(refs), MISSING), np.full(len(refs), MISSING)
        left = np.arange(len(refs))
        for time, table in self._refs.newest_first():
            entry = table.find(keys[left])
            there = entry[:, 0] != MISSING
            entry, rows = entry[there], left[there]
            fresh = what[rows] == MISSING
            what[rows[fresh]], stretch[rows[fresh]] = entry[fresh, 1], time
            same = entry[:, 1] & _REVISION_MASK == revisions[rows] & _REVISION_MASK
            seen[rows[same]] = entry[same][:, [0, 2]]
            there[there] = same
            left = left[~there]
        known = np.flatnonzero(what != MISSING)
        other = known[seen[known, 0] == MISSING]
        if other.size and len(self._more):
            seen[other] = self._more.find(self.keys(mixed(refs[other], revisions[other]), partition[other]))
        place = self._places.texts[what[known] >> _REVISION_BITS]
        return Recalled(seen[:, 0], seen[:, 1], known, place, stretch[known])

    def where(self, sight: Longs) -> Sightings:
        """Unpack what `recall` has found."""
        return self._topics.texts[sight >> _OFFSET_BITS], sight & _OFFSET_MASK

    def add(self, fresh: Iterable[tuple[int, Fresh]]) -> None:
        """Remember what was seen, with its partition, at one instant or in one stretch of the window (`stretch`)."""
        some = list(fresh)
        if not some:
            return
        now_ms = some[0][1].now_ms
        stretch = self.stretch(now_ms)
        for partition, each in some:
            self._rows[stretch, partition] += len(each.refs) + len(each.more_refs)
        seen = [self._packed_sights(each.names, each.topics, each.offsets) for _, each in some]
        what = [self._packed_places(each) for _, each in some]
        self._refs.insert(
            self._keyed([(partition, each.refs) for partition, each in some]),
            np.stack([np.concatenate(seen), np.concatenate(what)], axis=1),
            np.concatenate([each.contents for _, each in some]),
            now_ms,
        )
        more = [self._packed_sights(each.names, each.more_topics, each.more_offsets) for _, each in some]
        self._more.insert(
            self._keyed([(partition, each.more_refs) for partition, each in some]),
            np.concatenate(more).reshape(-1, 1),
            np.concatenate([each.more_contents for _, each in some]),
            now_ms,
        )

    def _packed_sights(self, names: Sequence[str], topics: Longs, offsets: Longs) -> Longs:
        return (self._topics.numbers(names, topics) << _OFFSET_BITS) | offsets

    def _packed_places(self, fresh: Fresh) -> Longs:
        place = self._places.numbers(fresh.names, fresh.places)
        return (place << _REVISION_BITS) | (fresh.revisions & _REVISION_MASK)

    def stretch(self, now_ms: int) -> int:
        """What was seen in the same stretch of the window is remembered and forgotten together."""
        return now_ms // self._window_ms

    def _keyed(self, digests: Sequence[tuple[int, Digests]]) -> Digests:
        partition = np.repeat(np.array([at for at, _ in digests], dtype=np.int64), [len(each) for _, each in digests])
        return self.keys(np.concatenate([each for _, each in digests]), partition)


@dataclass(frozen=True)
class Arrivals:
    """Records as columns of equal length. `topic` is a position in `topics`; `content` what a record says; `place` (text)
    where it would be keyed by itself, null if it has no place."""

    topics: Sequence[str]
    topic: Longs
    partition: Longs
    offset: Longs
    source: pa.Array
    ref: pa.Array
    revision: Longs
    content: Contents
    place: pa.StringArray


@dataclass(frozen=True)
class Repeats:
    """Rows that come under the name of a record first seen there; columns of equal length."""

    row: Longs
    topic: list[str]
    partition: Longs
    offset: Longs

    def before(self, row: int) -> Repeats:
        """Only those of the rows before this one."""
        return self if not len(self.row) or self.row[-1] < row else self.take(np.flatnonzero(self.row < row))

    def take(self, some: Longs) -> Repeats:
        """Only those at these positions."""
        topics = [self.topic[at] for at in some.tolist()]
        return Repeats(self.row[some], topics, self.partition[some], self.offset[some])


@dataclass(frozen=True)
class Admission:
    """The verdict on a chunk. Every row is in `first`, in `repeats` or in `conflicts`, and in one of them only."""

    first: Longs
    place_key: pa.StringArray
    """Of each first sighting: where the first report of its reference lay, or the reference itself if that had no place."""
    repeats: Repeats
    conflicts: Repeats
    """The same source, reference and revision as an earlier record, and something else in it."""
    fresh: dict[int, Fresh] = field(default_factory=dict)
    """To remember, by partition."""


def admit(arrivals: Arrivals, memory: Seen, now_ms: int) -> Admission:
    """Sift a chunk. Rows are taken in order; the first of equal ones in a chunk is the first sighting."""
    refs = digests(arrivals.source, arrivals.ref)
    places = arrivals.place.fill_null(_UNPLACED).dictionary_encode()
    verdict = _Verdict(
        places.dictionary.to_pylist(),
        places.indices.to_numpy().astype(np.int64),
        np.full(len(refs), MISSING),
        np.full(len(refs), MISSING),
        np.empty(len(refs), dtype=object),
    )
    new, more = _sift(arrivals, memory, refs, verdict, memory.stretch(now_ms))
    first, again = np.flatnonzero(verdict.offset < 0), np.flatnonzero(verdict.offset >= 0)
    other = differ(arrivals.content[again], verdict.content[again])
    return Admission(
        first,
        _place_keys(arrivals, first, verdict),
        verdict.repeats(arrivals.partition, again[~other]),
        verdict.repeats(arrivals.partition, again[other]),
        {
            partition: _fresh(arrivals, refs, its_new, its_more, verdict, now_ms)
            for partition, its_new, its_more in _by_partition(arrivals.partition, new, more)
        },
    )


def _by_partition(partition: Longs, new: Longs, further: Longs) -> Iterator[tuple[int, Longs, Longs]]:
    """The rows of each partition that has any, in their order."""
    held = np.unique(np.concatenate([partition[new], partition[further]]))
    if not held.size:
        return
    parts = []
    for rows in (new, further):
        rows = rows[np.argsort(partition[rows], kind="stable")]
        parts.append(np.split(rows, np.searchsorted(partition[rows], held[1:])))
    yield from zip(held.tolist(), *parts, strict=True)


def _fresh(arrivals: Arrivals, refs: Digests, new: Longs, further: Longs, verdict: _Verdict, now_ms: int) -> Fresh:
    used, places = np.unique(verdict.home[new], return_inverse=True)
    return Fresh(
        now_ms=now_ms,
        names=[*arrivals.topics, *(verdict.places[each] for each in used.tolist())],
        refs=refs[new],
        revisions=arrivals.revision[new],
        topics=arrivals.topic[new],
        offsets=arrivals.offset[new],
        places=places + len(arrivals.topics),
        contents=arrivals.content[new],
        more_refs=mixed(refs[further], arrivals.revision[further]),
        more_topics=arrivals.topic[further],
        more_offsets=arrivals.offset[further],
        more_contents=arrivals.content[further],
    )


@dataclass(frozen=True)
class _Verdict:
    """By row of the chunk."""

    places: list[str]
    """The chunk's, and those remembered of references that it goes on about."""
    home: Longs
    """The position of its place among them: its own, or that of the first report of its reference."""
    offset: Longs
    """Where it was seen before; -1: nowhere."""
    content: Longs
    """What it said then."""
    topic: npt.NDArray[np.object_]

    def repeats(self, partition: Longs, rows: Longs) -> Repeats:
        return Repeats(rows, self.topic[rows].tolist(), partition[rows], self.offset[rows])

    def move(self, rows: Longs, places: npt.NDArray[np.object_]) -> None:
        """They belong where their references were first reported."""
        encoded = pa.array(places, pa.string()).dictionary_encode()
        self.home[rows] = encoded.indices.to_numpy() + len(self.places)
        self.places.extend(encoded.dictionary.to_pylist())


def by_itself(source: str, ref: str) -> str:
    """The place key of a reference that has no place, as `admit` gives it."""
    return f"~{source}:{ref}"


def _place_keys(arrivals: Arrivals, first: Longs, verdict: _Verdict) -> pa.StringArray:
    found = pa.array(verdict.places, pa.string()).take(pa.array(verdict.home[first]))
    unplaced = pc.equal(found, _UNPLACED)
    if not pc.any(unplaced).as_py():
        return found
    rows = pa.array(first)
    itself = pc.binary_join_element_wise("~", arrivals.source.take(rows), ":", arrivals.ref.take(rows), "")
    return pc.if_else(unplaced, itself, found)


def _sift(arrivals: Arrivals, memory: Seen, refs: Digests, verdict: _Verdict, stretch: int) -> tuple[Longs, Longs]:
    """Fill in the verdict; gives the rows that lead their reference in this stretch of the window, and further revisions."""
    revisions, count = arrivals.revision, np.arange(len(refs))
    keys = memory.keys(refs, arrivals.partition)
    recalled = memory.recall(refs, keys, arrivals.partition, revisions)
    known, seen = recalled.known_rows, recalled.sight != MISSING
    verdict.topic[seen], verdict.offset[seen] = memory.where(recalled.sight[seen])
    verdict.content[seen] = recalled.content[seen]
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
        verdict.offset[repeated], verdict.content[repeated] = arrivals.offset[earlier], arrivals.content[earlier]
        verdict.home[:] = verdict.home[leads]
    admitted = ~seen & ~repeated
    further = admitted[known]
    verdict.move(known[further], recalled.place[further])
    new = leads == count
    new[known] = False
    aging = known[further & (recalled.stretch < stretch)]
    new[aging[first_of_each(keys[aging]) == np.arange(len(aging))]] = True
    return np.flatnonzero(new), np.flatnonzero(admitted & ~new)
