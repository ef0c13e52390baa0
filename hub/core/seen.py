"""What was seen before: open-addressing tables of 128-bit digests in numpy arrays, looked up and filled a batch at a time.

24 bytes a slot whatever the length of the references; the oldest half of the window is forgotten as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xxhash

MISSING = np.int64(-1)
_FILL = 0.6
_FIRST_SLOTS = 1024
_SEPARATOR = "\x1f"

Digests = np.ndarray
"""uint64 of shape (n, 2)."""


def digests(keys: Sequence[str]) -> Digests:
    """128-bit digests, stable for good as they are kept in Kafka. Shape (n, 2)."""
    raw = b"".join([xxhash.xxh3_128_digest(key.encode()) for key in keys])
    found = np.frombuffer(raw, dtype="<u8").reshape(-1, 2).copy()
    found[(found == 0).all(axis=1), 1] = 1  # (0, 0) marks a free slot
    return found


def joined(*columns: Sequence[object]) -> list[str]:
    """One key per row of several columns."""
    return [_SEPARATOR.join(map(str, row)) for row in zip(*columns, strict=True)]


class DigestTable:
    """Digest to int64 of 0 or more. Only grows."""

    def __init__(self, slots: int = _FIRST_SLOTS) -> None:
        self._keys = np.zeros((slots, 2), dtype=np.uint64)
        self._values = np.full(slots, MISSING, dtype=np.int64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        return self._keys.nbytes + self._values.nbytes

    def find(self, wanted: Digests) -> np.ndarray:
        """int64 of shape (n,): the value kept for each digest, or MISSING."""
        found = np.full(len(wanted), MISSING, dtype=np.int64)
        mask = np.uint64(len(self._values) - 1)
        todo = np.arange(len(wanted))
        slot = wanted[:, 0] & mask
        while len(todo):
            there = self._keys[slot]
            same = (there == wanted[todo]).all(axis=1)
            found[todo[same]] = self._values[slot[same]]
            going = ~same & there.any(axis=1)
            todo, slot = todo[going], (slot[going] + np.uint64(1)) & mask
        return found

    def insert(self, fresh: Digests, values: np.ndarray) -> None:
        """Add digests that differ from each other and from all that is here."""
        if self._count + len(fresh) > _FILL * len(self._values):
            self._grow(self._count + len(fresh))
        self._place(fresh, values)
        self._count += len(fresh)

    def _place(self, fresh: Digests, values: np.ndarray) -> None:
        mask = np.uint64(len(self._values) - 1)
        todo = np.arange(len(fresh))
        slot = fresh[:, 0] & mask
        while len(todo):
            free = ~self._keys[slot].any(axis=1)
            # of several that want one free slot, the first gets it and the others go on
            taken, winner = np.unique(slot[free], return_index=True)
            settled = np.flatnonzero(free)[winner]
            self._keys[taken] = fresh[todo[settled]]
            self._values[taken] = values[todo[settled]]
            going = np.ones(len(todo), dtype=bool)
            going[settled] = False
            todo, slot = todo[going], (slot[going] + np.uint64(1)) & mask

    def _grow(self, wanted: int) -> None:
        slots = len(self._values)
        while wanted > _FILL * slots:
            slots *= 2
        used = self._keys.any(axis=1)
        keys, values = self._keys[used], self._values[used]
        self._keys = np.zeros((slots, 2), dtype=np.uint64)
        self._values = np.full(slots, MISSING, dtype=np.int64)
        self._place(keys, values)


class Memory:
    """A window of digests: remembers each for at least `window_ms` and less than twice that, by arrival time."""

    def __init__(self, window_ms: int) -> None:
        self._window_ms = window_ms
        self._young, self._old = DigestTable(), DigestTable()
        self._young_since_ms: int | None = None

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    @property
    def nbytes(self) -> int:
        return self._young.nbytes + self._old.nbytes

    def find(self, wanted: Digests) -> np.ndarray:
        """As DigestTable.find."""
        found = self._young.find(wanted)
        absent = found == MISSING
        if len(self._old) and absent.any():
            found[absent] = self._old.find(wanted[absent])
        return found

    def insert(self, fresh: Digests, values: np.ndarray, now_ms: int) -> None:
        """As DigestTable.insert; `now_ms` moves the window on."""
        if self._young_since_ms is None:
            self._young_since_ms = now_ms
        elif now_ms - self._young_since_ms >= self._window_ms:
            self._old, self._young, self._young_since_ms = self._young, DigestTable(), now_ms
        self._young.insert(fresh, values)


def first_of_each(keys: Digests) -> np.ndarray:
    """int64 of shape (n,): for each row, the first row with the same digest (itself if it is the first)."""
    _, first, inverse = np.unique(
        keys.view([("hi", "u8"), ("lo", "u8")]).ravel(), return_index=True, return_inverse=True
    )
    return first[inverse]
