"""What was seen before: hash tables of 128-bit digests in numpy arrays, looked up and filled a batch at a time.

The same few bytes a key whatever the length of the references; the older half of the window is forgotten as a whole.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

MISSING = -1
_SEPARATOR = "\x1f"
_WIDE = 8
"""Slots of a bucket: their tags fill one cache line, so that most look-ups touch one."""
_FIRST_BUCKETS = 16
_FILL = 0.8

Digests = npt.NDArray[np.uint64]
"""Of shape (n, 2)."""
Longs = npt.NDArray[np.int64]


def digests(*columns: pa.Array) -> Digests:
    """128-bit digests of rows of text, stable for good as they are kept in Kafka. Shape (n, 2)."""
    joined = pc.binary_join_element_wise(*columns, _SEPARATOR).cast(pa.binary())
    digest = xxhash.xxh3_128_digest
    raw = b"".join([digest(key) for key in joined.to_pylist()])
    return np.frombuffer(raw, dtype="<u8").reshape(-1, 2)


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
    """Digest to `width` numbers (int64). Only grows. A full bucket spills into the next one."""

    def __init__(self, width: int, buckets: int = _FIRST_BUCKETS) -> None:
        self._width = width
        self._count = 0
        self._make(buckets)

    def _make(self, buckets: int) -> None:
        self._tags = np.zeros((buckets, _WIDE), dtype=np.uint64)
        self._rest = np.zeros(buckets * _WIDE, dtype=np.uint64)
        self._values = np.zeros((buckets * _WIDE, self._width), dtype=np.int64)
        self._used = np.zeros(buckets, dtype=np.uint8)

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        return self._tags.nbytes + self._rest.nbytes + self._values.nbytes + self._used.nbytes

    def find(self, wanted: Digests) -> Longs:
        """int64 of shape (n, width): the numbers kept for each digest, or a row of MISSING."""
        found = np.full((len(wanted), self._width), MISSING, dtype=np.int64)
        if not self._count:
            return found
        buckets = np.uint64(len(self._used))
        todo = np.arange(len(wanted))
        bucket = (wanted[:, 0] % buckets).astype(np.int64)
        while len(todo):
            used = self._used[bucket]
            match = self._tags[bucket] == wanted[todo, :1]
            match &= np.arange(_WIDE, dtype=np.uint8) < used[:, None]
            hit = match.any(axis=1)
            slot = bucket[hit] * _WIDE + match[hit].argmax(axis=1)
            rows = todo[hit]
            same = self._rest[slot] == wanted[rows, 1]
            found[rows[same]] = self._values[slot[same]]
            for row in rows[~same].tolist():  # equal in 64 bits, not in 128: next to never
                found[row] = self._find_one(wanted[row])
            going = ~hit & (used == _WIDE)
            todo, bucket = todo[going], (bucket[going] + 1) % len(self._used)
        return found

    def _find_one(self, wanted: npt.NDArray[np.uint64]) -> Longs:
        bucket = int(wanted[0] % np.uint64(len(self._used)))
        while True:
            for place in range(int(self._used[bucket])):
                slot = bucket * _WIDE + place
                if self._tags[bucket, place] == wanted[0] and self._rest[slot] == wanted[1]:
                    found: Longs = self._values[slot]
                    return found
            if self._used[bucket] < _WIDE:
                return np.full(self._width, MISSING, dtype=np.int64)
            bucket = (bucket + 1) % len(self._used)

    def insert(self, fresh: Digests, values: Longs) -> None:
        """Add digests that differ from each other and from all that is here. `values` is of shape (n, width)."""
        self._count += len(fresh)
        if self._count > _FILL * self._rest.size:
            self._grow()
        self._place(fresh, values)

    def _place(self, fresh: Digests, values: Longs) -> None:
        todo = np.arange(len(fresh))
        bucket = (fresh[:, 0] % np.uint64(len(self._used))).astype(np.int64)
        while len(todo):
            order = np.argsort(bucket, kind="stable")
            todo, bucket = todo[order], bucket[order]
            starts = np.flatnonzero(np.concatenate([[True], bucket[1:] != bucket[:-1]]))
            rank = np.arange(len(todo)) - np.repeat(starts, np.diff(np.append(starts, len(todo))))
            place = self._used[bucket] + rank
            fits = place < _WIDE
            where, rows = bucket[fits], todo[fits]
            slot = where * _WIDE + place[fits]
            self._tags.reshape(-1)[slot] = fresh[rows, 0]
            self._rest[slot] = fresh[rows, 1]
            self._values[slot] = values[rows]
            self._used[where] = place[fits] + 1  # of one bucket the last counts, and it is the highest
            todo, bucket = todo[~fits], (bucket[~fits] + 1) % len(self._used)

    def _grow(self) -> None:
        buckets = len(self._used)
        while self._count > _FILL * buckets * _WIDE:
            buckets += max(1, buckets // 2)
        taken = (np.arange(_WIDE) < self._used[:, None]).reshape(-1)
        keys = np.stack([self._tags.reshape(-1)[taken], self._rest[taken]], axis=1)
        values = self._values[taken]
        self._make(buckets)
        self._place(keys, values)


class Memory:
    """A window of digests: remembers each for at least `window_ms` and less than twice that, by arrival time."""

    def __init__(self, window_ms: int, width: int) -> None:
        self._window_ms = window_ms
        self._width = width
        self._young, self._old = DigestTable(width), DigestTable(width)
        self._young_since_ms: int | None = None

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    @property
    def nbytes(self) -> int:
        return self._young.nbytes + self._old.nbytes

    def find(self, wanted: Digests) -> Longs:
        """As DigestTable.find."""
        found = self._young.find(wanted)
        if len(self._old):
            absent = np.flatnonzero(found[:, 0] == MISSING)
            found[absent] = self._old.find(wanted[absent])
        return found

    def insert(self, fresh: Digests, values: Longs, now_ms: int) -> None:
        """As DigestTable.insert; `now_ms` moves the window on."""
        if self._young_since_ms is None:
            self._young_since_ms = now_ms
        elif now_ms - self._young_since_ms >= self._window_ms:
            self._old, self._young, self._young_since_ms = self._young, DigestTable(self._width), now_ms
        self._young.insert(fresh, values)


def first_of_each(keys: Digests) -> Longs:
    """int64 of shape (n,): for each row, the first row with the same digest (itself if it is the first)."""
    _, first, inverse = np.unique(keys[:, 0], return_index=True, return_inverse=True)
    found: Longs = first[inverse]
    if not np.array_equal(keys[found, 1], keys[:, 1]):  # equal in 64 bits, not in 128: next to never
        _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        found = first[inverse.reshape(-1)]
    return found
