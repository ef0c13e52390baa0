"""A regular file's bytes while somebody may be writing to it, cutting it, writing it anew or putting another in its place."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import xxhash

from hub.declared.texts import NoRegularFileError, open_regular
from hub.errors import FatalError

_BLOCK_BYTES = 256 * 1024
_TAIL_BYTES = 4096
_UNWRITTEN = bytes(8)
"""So many zeros at the end are room that was made for what is to be written; no text in any encoding ends so."""
_WHOLE_EVERY_SECONDS = 10.0
_WHOLE_SHARE = 20
"""Looking at everything again takes at most one twentieth of the time."""


class FileChange(StrEnum):
    """What somebody did to a file that is being read."""

    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"


class ChangedError(Exception):
    """What was read of the file is no longer in it."""

    def __init__(self, change: FileChange) -> None:
        super().__init__(change)
        self.change = change


class WatchedFile:
    """One open file. It stays the same file when it is renamed. Raises FatalError if it cannot be opened."""

    def __init__(self, path: Path, *, follow: bool, now: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self._now = now
        try:
            self._file = open_regular(path)
        except FileNotFoundError:
            raise FatalError(f"there is no file {path}; check --file") from None
        except NoRegularFileError as error:
            raise FatalError(str(error)) from None
        except OSError as error:
            raise FatalError(f"{path} cannot be opened: {error.strerror}") from error
        self._number = self._file.fileno()
        self.offset = 0
        self._tail = b""
        self._whole = xxhash.xxh3_128() if follow else None
        self._looked_ns, self._look_again_at = 0, now() + _WHOLE_EVERY_SECONDS
        self._ended_ns: int | None = None
        self._sound_ns = os.fstat(self._number).st_mtime_ns
        self._hole_ends = 0
        self._char_bytes = 1
        self._unwritten: tuple[int, int] | None = None
        self._seen: tuple[int, int] | None = None
        self._still_since = now()

    def wide(self, char_bytes: int) -> None:
        """Its text has so many bytes to a character at least, counted from the beginning of the file: of zeros at the end those
        that fill up the last one belong to it."""
        self._char_bytes = char_bytes

    def read(self, at_most: int = _BLOCK_BYTES) -> bytes:
        """The next bytes; none at the present end.

        Raises ChangedError, before it gives out anything of the new content, if what was read is no longer there.
        """
        status = os.fstat(self._number)
        block = os.pread(self._number, at_most, self.offset)
        if self._whole is not None and block.endswith(_UNWRITTEN):
            block = self._written(block, (status.st_size, status.st_mtime_ns))
        if block:
            self._require_tail()  # after reading: what was there then is what stands behind the bytes known
            self.offset += len(block)
            self._sound_ns = status.st_mtime_ns
            self._tail = (self._tail + block)[-_TAIL_BYTES:]
            self._ended_ns = None
            if self._whole is not None:
                self._whole.update(block)
        return block

    def _written(self, block: bytes, seen: tuple[int, int]) -> bytes:
        """A block that ends with zeros, without them; of nothing but zeros all, if something stands behind them (a hole), else
        nothing. `seen`: size and time of the file, by which it is looked through once."""
        written = len(block.rstrip(b"\0"))
        if written := written + -(self.offset + written) % self._char_bytes:
            return block[:written]
        if self._hole_ends <= self.offset:
            if seen == self._unwritten:
                return b""
            at = self.offset + len(block)
            while (piece := os.pread(self._number, 2**20, at)) and not (behind := piece.lstrip(b"\0")):
                at += len(piece)
            if not piece:
                self._unwritten = seen
                return b""
            self._hole_ends = at + len(piece) - len(behind)
        return block[: self._hole_ends - self.offset]

    def head(self, size: int) -> bytes:
        """The first bytes as they are now; nothing is taken."""
        return os.pread(self._number, size, 0)

    def check(self) -> None:
        """Raise ChangedError if what was read is no longer there: at once if the file is shorter or its end differs, within some
        seconds if only something further up does."""
        status = os.fstat(self._number)
        if status.st_size < self.offset:
            raise ChangedError(FileChange.TRUNCATED)
        if self._whole is None or status.st_mtime_ns == self._looked_ns:
            return
        self._require_tail()
        self._sound_ns = status.st_mtime_ns
        if self._ended_ns is None:
            self._ended_ns = status.st_mtime_ns  # the first look since something was read: that is what changed it
        touched = status.st_size == self.offset and status.st_mtime_ns != self._ended_ns
        if touched or self._now() >= self._look_again_at:
            self._require_whole(status.st_mtime_ns)

    @property
    def moved(self) -> bool:
        """Whether another file lies at the path by now."""
        try:
            status = self.path.stat()
        except OSError:
            return False  # away, and nothing in its place yet
        return (status.st_dev, status.st_ino) != self.identity

    @property
    def identity(self) -> tuple[int, int]:
        """Device and number: the same under every name."""
        status = os.fstat(self._number)
        return status.st_dev, status.st_ino

    def quiet_seconds(self) -> float:
        """How long the file has not changed, as far as it was looked at, or as its own clock says."""
        status = os.fstat(self._number)
        seen = (status.st_size, status.st_mtime_ns)
        if seen != self._seen:
            self._seen, self._still_since = seen, self._now()
        return max(self._now() - self._still_since, time.time() - status.st_mtime)

    def changed_ms(self) -> int:
        """When it was changed last, UTC ms, as of the last look at which what was read was still in it: what became of it since may
        be another file, copied away before it was cut."""
        return self._sound_ns // 1_000_000

    def size(self) -> int:
        return os.fstat(self._number).st_size

    def close(self) -> None:
        self._file.close()

    def _require_tail(self) -> None:
        if os.pread(self._number, len(self._tail), self.offset - len(self._tail)) != self._tail:
            shorter = os.fstat(self._number).st_size < self.offset
            raise ChangedError(FileChange.TRUNCATED if shorter else FileChange.REWRITTEN)

    def _require_whole(self, mtime_ns: int) -> None:
        assert self._whole is not None
        started, again, at = self._now(), xxhash.xxh3_128(), 0
        while at < self.offset and (block := os.pread(self._number, min(2**20, self.offset - at), at)):
            again.update(block)
            at += len(block)
        if again.digest() != self._whole.digest():
            raise ChangedError(FileChange.REWRITTEN)
        ended = self._now()
        self._looked_ns = mtime_ns
        self._look_again_at = ended + max(_WHOLE_EVERY_SECONDS, _WHOLE_SHARE * (ended - started))
