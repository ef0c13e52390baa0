"""A digest of what was taken of a file, from its beginning: by it the file is known under any name, and told from others."""

from __future__ import annotations

import hashlib
from collections import deque


class Trail:
    """Fed with the text as it is read, and told how far of it was taken; what is read ahead is kept meanwhile."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self._ahead: deque[bytes] = deque()
        self.offset = 0
        """How far the digest goes."""

    def add(self, data: bytes) -> None:
        """`data` follows what was read before."""
        self._ahead.append(data)

    def take(self, offset: int) -> None:
        """What is before `offset` was taken. It was read before; going back is not possible."""
        taken: list[bytes] = []
        while self._ahead and self.offset < offset:
            data = self._ahead.popleft()
            if (room := offset - self.offset) < len(data):
                self._ahead.appendleft(data[room:])
                data = data[:room]
            taken.append(data)
            self.offset += len(data)
        self._sha.update(b"".join(taken))

    def hexdigest(self) -> str:
        return self._sha.hexdigest()
