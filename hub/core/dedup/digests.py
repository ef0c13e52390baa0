"""What was seen before: hash tables of 128-bit digests in numpy arrays, looked up and filled a batch at a time.

The same few bytes a key whatever the length of the references; what is older than the window is forgotten as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from hub.bounds import COUNTER

MISSING = -1
_SEPARATOR = "\x1f"
_WIDE = 8
"""Slots of a bucket."""
_FIRST_BUCKETS = 16
_FILL = 0.8
_BLOCK = 1 << 14
_HALF, _BYTE = np.uint64(32), np.uint64(0xFF)
_EACH_BYTE = np.uint64(0x0101010101010101)
_TOP_BITS = np.uint64(0x8080808080808080)

_SCHEMA_BITS = 8
_SCHEMA = np.uint32((1 << _SCHEMA_BITS) - 1)
_FRAME_BYTES = 5
_ORDERED = np.uint32(0x80)
_UNCOUNTED = COUNTER.most + 1
"""No counted revision is as large."""

Digests = npt.NDArray[np.uint64]
"""Of shape (n, 2)."""
Longs = npt.NDArray[np.int64]
Contents = npt.NDArray[np.uint32]
"""Of shape (n,): what records say, in 24 bits, and the last byte of the schema id they are written in. 0: not known."""


def digests(*columns: pa.Array) -> Digests:
    """128-bit digests of rows of text, stable for good as they are kept in Kafka. Shape (n, 2)."""
    joined = pc.binary_join_element_wise(*columns, _SEPARATOR).cast(pa.binary())
    digest = xxhash.xxh3_128_digest
    raw = b"".join([digest(key) for key in joined.to_pylist()])
    return np.frombuffer(raw, dtype="<u8").reshape(-1, 2)


def contents(framed: Sequence[bytes], ordered: npt.NDArray[np.bool_] | None = None) -> Contents:
    """What framed records say, to tell a repeat from another record under the same reference and revision.

    Records that differ are told apart but for one in sixteen million; a repeat has the same bytes as the first. `ordered`: of
    which the bytes were put in order (maps.py): what was remembered before that was done cannot be told from them.
    """
    digest = xxhash.xxh3_64_intdigest
    found = np.fromiter(map(digest, framed), np.uint64, len(framed)).astype(np.uint32)
    schema = np.fromiter([record[_FRAME_BYTES - 1] for record in framed], np.uint32, len(framed))
    if ordered is not None:
        schema = np.where(ordered, schema ^ _ORDERED, schema)
    return (found & ~_SCHEMA) | schema


def told_apart_by(revision: Longs, counted: npt.NDArray[np.bool_], content: Contents) -> Longs:
    """The number that tells statements about one reference apart: the revision, or what was said where none is counted."""
    return np.where(counted, revision, _UNCOUNTED | (content >> _SCHEMA_BITS).astype(np.int64))


def differ(content: Contents | Longs, other: Contents | Longs) -> npt.NDArray[np.bool_]:
    """Where two contents are known to differ: of records in two versions of a schema that cannot be told."""
    both = content.astype(np.uint32) ^ other.astype(np.uint32)
    found: npt.NDArray[np.bool_] = (both != 0) & (both & _SCHEMA == 0)
    return found


def within(whole: pa.Array, part: pa.Array) -> pa.Array:
    """References that count only within something else, as departments' update ids do within their case. No reference has the
    separator in it."""
    return pc.binary_join_element_wise(whole, part, _SEPARATOR)


def shown_refs(refs: pa.Array) -> pa.Array:
    """References as people read them: those of `within` as `<whole>/<part>`."""
    return pc.replace_substring(refs, _SEPARATOR, "/")


def mixed(keys: Digests, numbers: Longs) -> Digests:
    """Digests of a key with a number, spread as evenly as those of text. Shape (n, 2)."""
    salt = (numbers.view(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    found = np.empty_like(keys)
    found[:, 0] = _stirred(keys[:, 0] ^ salt)
    found[:, 1] = _stirred(keys[:, 1] + salt)
    return found


def _stirred(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The finaliser of splitmix64 (Steele, Lea and Flood 2014): every bit in changes half of those out."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


class DigestTable:
    """Digest to `width` numbers (int64) and a content. Only grows. A full bucket spills into the next one.

    Of a digest 96 bits are kept: among a thousand million keys two are the same by chance once in a hundred thousand million.

    Each slot has a mark of one byte, and a bucket's eight marks are read as one word: whether a bucket may hold a digest is
    asked of all eight slots at once (as in Abseil's Swiss tables), and only where it may are the digests themselves compared.
    """

    def __init__(self, width: int, buckets: int = _FIRST_BUCKETS) -> None:
        self._width = width
        self._count = 0
        self._make(buckets)

    def _make(self, buckets: int) -> None:
        self._marks = np.zeros(buckets, dtype=np.uint64)
        self._tags = np.zeros(buckets * _WIDE, dtype=np.uint64)
        self._rest = np.zeros(buckets * _WIDE, dtype=np.uint32)
        self._values = np.zeros((buckets * _WIDE, self._width), dtype=np.int64)
        self._contents = np.zeros(buckets * _WIDE, dtype=np.uint32)
        self._used = np.zeros(buckets, dtype=np.uint8)

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        arrays = (self._marks, self._tags, self._rest, self._values, self._contents, self._used)
        return sum(array.nbytes for array in arrays)

    def find(self, wanted: Digests) -> Longs:
        """int64 of shape (n, width + 1): the numbers kept for each digest and its content, or a row of MISSING."""
        found = np.full((len(wanted), self._width + 1), MISSING, dtype=np.int64)
        if not self._count:
            return found
        rest = wanted[:, 1].astype(np.uint32)
        todo = np.arange(len(wanted))
        bucket, mark = self._home(wanted[:, 0])
        while len(todo):
            like = _equal_bytes(self._marks[bucket], mark * _EACH_BYTE)
            maybe = np.flatnonzero(like)
            going = self._used[bucket] == _WIDE
            if maybe.size:
                going[self._compare(wanted[:, 0], rest, todo, maybe, bucket, like, found)] = False
            if not going.any():
                break
            todo, mark = todo[going], mark[going]
            bucket = (bucket[going] + 1) % len(self._used)
        return found

    def _home(self, tags: npt.NDArray[np.uint64]) -> tuple[Longs, npt.NDArray[np.uint64]]:
        """The bucket of each digest and its mark, 1 to 255. Buckets are in the order of the digests, so that a table which
        grows is read and written from beginning to end."""
        bucket = ((tags >> _HALF) * np.uint64(len(self._used))) >> _HALF
        return bucket.astype(np.int64), np.maximum(tags & _BYTE, np.uint64(1))

    def _compare(
        self,
        tags: npt.NDArray[np.uint64],
        rest: npt.NDArray[np.uint32],
        todo: Longs,
        maybe: Longs,
        bucket: Longs,
        like: npt.NDArray[np.uint64],
        slots: Longs,
    ) -> Longs:
        """Look closely at the slots that `like` points to; gives which of `maybe` were found."""
        rows, base, left = todo[maybe], bucket[maybe] * _WIDE, like[maybe]
        over = []
        while maybe.size:
            lowest = left & (~left + np.uint64(1))
            slot = base + (np.bitwise_count(lowest - np.uint64(1)) >> np.uint8(3))
            same = (self._tags[slot] == tags[rows]) & (self._rest[slot] == rest[rows])
            slots[rows[same], :-1] = self._values[slot[same]]
            slots[rows[same], -1] = self._contents[slot[same]]
            over.append(maybe[same])
            left ^= lowest
            again = ~same & (left != 0)
            maybe, rows, base, left = maybe[again], rows[again], base[again], left[again]
        return np.concatenate(over)

    def insert(self, fresh: Digests, values: Longs, contents: Contents) -> None:
        """Add digests that differ from each other and from all that is here, with their contents. `values` is of shape
        (n, width)."""
        self._count += len(fresh)
        if self._count > _FILL * self._rest.size:
            self._grow()
        self._place(fresh, values, contents)

    def _place(self, fresh: Digests, values: Longs, contents: Contents) -> None:
        bucket, mark = self._home(fresh[:, 0])
        order = np.argsort(bucket, kind="stable")
        while order.size:
            where = bucket[order]
            count = np.arange(order.size)
            opens = np.ones(order.size, dtype=np.bool_)
            opens[1:] = where[1:] != where[:-1]
            rank = count - np.maximum.accumulate(np.where(opens, count, 0))
            place = self._used[where] + rank
            left = order[place >= _WIDE]
            if left.size:
                fits = place < _WIDE
                order, where, place = order[fits], where[fits], place[fits]
            slot = where * _WIDE + place
            self._tags[slot], self._rest[slot] = fresh[order, 0], fresh[order, 1].astype(np.uint32)
            self._values[slot], self._contents[slot] = values[order], contents[order]
            self._marks.view(np.uint8)[slot] = mark[order]
            self._used[where] = place + 1  # of one bucket the last counts, and it is the highest
            bucket[left] = (bucket[left] + 1) % len(self._used)
            order = left[np.argsort(bucket[left], kind="stable")]

    def _grow(self) -> None:
        buckets = len(self._used)
        while self._count > _FILL * buckets * _WIDE:
            buckets += max(1, buckets // 2)
        taken = (np.arange(_WIDE) < self._used[:, None]).reshape(-1)
        keys = np.stack([self._tags[taken], self._rest[taken].astype(np.uint64)], axis=1)
        values, said = self._values[taken], self._contents[taken]
        self._make(buckets)
        for start in range(0, len(keys), _BLOCK):  # in their order, so that a block's keys and slots stay in the cache
            block = slice(start, start + _BLOCK)
            self._place(keys[block], values[block], said[block])


def _equal_bytes(words: npt.NDArray[np.uint64], pattern: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The top bit of each byte in which two words are equal; the bytes above an equal one may be wrongly told equal too."""
    differ = words ^ pattern
    return (differ - _EACH_BYTE) & ~differ & _TOP_BITS


class Memory:
    """A window of digests: remembers each for at least `window_ms` and less than twice that, by arrival time.

    One table a window's length of time; which those are does not depend on the order in which digests are added, as when they
    are read back partition by partition.
    """

    def __init__(self, window_ms: int, width: int) -> None:
        self._window_ms = window_ms
        self._width = width
        self._newest = 0
        self._tables: dict[int, DigestTable] = {}

    def __len__(self) -> int:
        return sum(map(len, self._tables.values()))

    @property
    def nbytes(self) -> int:
        return sum(table.nbytes for table in self._tables.values())

    def newest_first(self) -> Iterator[tuple[int, DigestTable]]:
        """The tables, each with which of the window's lengths of time it is."""
        for time in sorted(self._tables, reverse=True):
            yield time, self._tables[time]

    def find(self, wanted: Digests) -> Longs:
        """As DigestTable.find; of a digest that was added again later, what was added last."""
        found = np.full((len(wanted), self._width + 1), MISSING, dtype=np.int64)
        absent = np.arange(len(wanted))
        for _, table in self.newest_first():
            found[absent] = table.find(wanted[absent])
            absent = absent[found[absent, 0] == MISSING]
        return found

    def insert(self, fresh: Digests, values: Longs, contents: Contents, now_ms: int) -> None:
        """As DigestTable.insert; `now_ms` moves the window on. What is too old to be remembered is not."""
        time = now_ms // self._window_ms
        if time > self._newest:
            self._newest = time
            self._tables = {held: table for held, table in self._tables.items() if held >= time - 1}
        if time >= self._newest - 1 and len(fresh):
            if time not in self._tables:
                self._tables[time] = DigestTable(self._width)
            self._tables[time].insert(fresh, values, contents)


def first_of_each(keys: Digests) -> Longs:
    """int64 of shape (n,): for each row, the first row with the same digest (itself if it is the first)."""
    _, first, inverse = np.unique(keys[:, 0], return_index=True, return_inverse=True)
    found: Longs = first[inverse]
    if not np.array_equal(keys[found, 1], keys[:, 1]):  # equal in 64 bits, not in 128: next to never
        _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        found = first[inverse.reshape(-1)]
    return found
