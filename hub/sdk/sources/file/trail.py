"""A digest of what was taken of a file, from its beginning: by it the file is known under any name, and told from others."""

from __future__ import annotations

import hashlib
import threading
from collections import deque

FIRST_BYTES = 4096


class _Stretch:
    """A part of the text that is taken whole or not at all, too long to be kept: what the digest is behind it."""

    def __init__(self, before: hashlib._Hash) -> None:
        self.behind = before
        self.size = 0
        self.first = b""

    def add(self, data: bytes) -> None:
        self.behind.update(data)
        self.size += len(data)
        if len(self.first) < FIRST_BYTES:
            self.first += data[: FIRST_BYTES - len(self.first)]


class FileTrail:
    """Fed with the text as it is read, and told how far of it was taken; what is read ahead is kept meanwhile.

    `eager`: whatever was read counts as taken, and nothing is kept.
    """

    def __init__(self, *, eager: bool = False) -> None:
        self._sha = hashlib.sha256()
        self._eager = eager
        self._lock = threading.Lock()
        """What is read is added in another thread than what was done is taken."""
        self._first = b""
        self._ahead: deque[bytes | _Stretch] = deque()
        self.offset = 0
        """How far the digest goes."""

    def add(self, data: bytes) -> None:
        """`data` follows what was read before."""
        if self._eager:
            self._take(data)
        else:
            self._ahead.append(data)

    def add_part(self, data: bytes) -> None:
        """As `add`, of a part of a line that is too long to be kept: nobody takes less than all of its parts."""
        if self._eager:
            self._take(data)
            return
        with self._lock:
            if not (self._ahead and isinstance(last := self._ahead[-1], _Stretch)):
                last = _Stretch(self._behind_all())
                self._ahead.append(last)
            last.add(data)

    def take(self, offset: int) -> None:
        """What is before `offset` was taken. It was read before; going back is not possible."""
        with self._lock:
            taken: list[bytes] = []
            at = self.offset
            while self._ahead and at < offset:
                data = self._ahead.popleft()
                if isinstance(data, _Stretch):
                    self._take(b"".join(taken))
                    taken.clear()
                    self._sha = data.behind
                    self._note(data.first, data.size)
                    at = self.offset
                    continue
                if (room := offset - at) < len(data):
                    self._ahead.appendleft(data[room:])
                    data = data[:room]
                taken.append(data)
                at += len(data)
            self._take(b"".join(taken))

    def _behind_all(self) -> hashlib._Hash:
        """The digest of all that was read, taken or not."""
        behind = self._sha.copy()
        for data in self._ahead:
            if isinstance(data, _Stretch):
                behind = data.behind.copy()
            else:
                behind.update(data)
        return behind

    @property
    def head(self) -> tuple[int, str]:
        """How much was taken, and the SHA-256 of it."""
        return self.offset, self._sha.hexdigest()

    @property
    def first(self) -> tuple[int, str]:
        """As `head`, of the beginning."""
        return first_of(self._first, len(self._first))

    def _take(self, data: bytes) -> None:
        self._sha.update(data)
        self._note(data, len(data))

    def _note(self, data: bytes, size: int) -> None:
        self.offset += size
        if len(self._first) < FIRST_BYTES:
            self._first += data[: FIRST_BYTES - len(self._first)]


def first_of(text: bytes, size: int) -> tuple[int, str]:
    """The first `size` bytes of a text as a cursor keeps them."""
    return size, hashlib.sha256(text[:size]).hexdigest()
