"""A digest of what was taken of a file, from its beginning: by it the file is known under any name, and told from others."""

from __future__ import annotations

import hashlib
from collections import deque

FIRST_BYTES = 4096


class FileTrail:
    """Fed with the text as it is read, and told how far of it was taken; what is read ahead is kept meanwhile.

    `eager`: whatever was read counts as taken, and nothing is kept.
    """

    def __init__(self, *, eager: bool = False) -> None:
        self._sha = hashlib.sha256()
        self._eager = eager
        self._first = b""
        self._ahead: deque[bytes] = deque()
        self.offset = 0
        """How far the digest goes."""

    def add(self, data: bytes) -> None:
        """`data` follows what was read before."""
        if self._eager:
            self._take(data)
        else:
            self._ahead.append(data)

    def take(self, offset: int) -> None:
        """What is before `offset` was taken. It was read before; going back is not possible."""
        taken: list[bytes] = []
        at = self.offset
        while self._ahead and at < offset:
            data = self._ahead.popleft()
            if (room := offset - at) < len(data):
                self._ahead.appendleft(data[room:])
                data = data[:room]
            taken.append(data)
            at += len(data)
        self._take(b"".join(taken))

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
        self.offset += len(data)
        if len(self._first) < FIRST_BYTES:
            self._first += data[: FIRST_BYTES - len(self._first)]


def first_of(text: bytes, size: int) -> tuple[int, str]:
    """The first `size` bytes of a text as a cursor keeps them."""
    return size, hashlib.sha256(text[:size]).hexdigest()
