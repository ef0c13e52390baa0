"""Lines of a file as bytes, with exact offsets: plain or gzip, once or followed as it grows."""

from __future__ import annotations

import gzip
import hashlib
import os
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from hub.errors import FatalError

MAX_LINE_BYTES = 16 * 1024 * 1024
"""A longer line is not held in memory: its head is kept, the rest is hashed."""
KEEP_BYTES = 1024 * 1024
_POLL_SECONDS = 0.1


class Line(NamedTuple):
    """One line with its line break. `sha256` is set if only its head is here."""

    data: bytes
    start: int
    end: int
    sha256: str | None = None


class Stopped(Exception):  # noqa: N818 - not an error: somebody asked to stop while a row was incomplete
    """The reader was asked to stop in the middle of a row, which stays unread."""


class Lines:
    """The lines of one file. Made for one reader, in one thread; `close` ends it.

    Following: the end of the file is waited at, and a last line without its line break is not given out, until `stop` is set or
    the file `<name>.done` exists and everything is read. Raises FatalError if the file cannot be opened or its gzip is damaged.
    """

    def __init__(self, path: Path, *, follow: bool = False, stop: threading.Event | None = None) -> None:
        self.path = path
        self._follow = follow
        self._stop = stop or threading.Event()
        if follow and path.suffix == ".gz":
            raise FatalError(
                f"{path.name}: a gzip file cannot be followed as it grows; give the plain file, or leave out --follow"
            )
        try:
            self._raw = path.open("rb")
        except FileNotFoundError:
            raise FatalError(f"there is no file {path}; check --file") from None
        except OSError as error:
            raise FatalError(f"{path} cannot be opened: {error.strerror}") from error
        # gzip.GzipFile reads ahead itself; its offsets are those of the text inside
        self._file = cast(BinaryIO, gzip.GzipFile(fileobj=self._raw)) if path.suffix == ".gz" else self._raw
        self._offset = 0

    @property
    def following(self) -> bool:
        return self._follow

    def seek(self, offset: int) -> None:
        """Go on at `offset`, a line's `end`."""
        with self._damage_named():
            self._file.seek(offset)
        self._offset = offset

    def __iter__(self) -> Iterator[Line]:
        while True:
            line = self._next()
            if line is None:
                return
            yield line

    def bytes_read(self) -> int:
        """How far into the file on disk reading has come, for a progress bar."""
        return self._raw.tell() if self._file is not self._raw else self._offset

    def bytes_total(self) -> int:
        """The file's present size on disk."""
        return os.fstat(self._raw.fileno()).st_size

    def close(self) -> None:
        self._file.close()
        self._raw.close()

    def _next(self) -> Line | None:
        start = self._offset
        with self._damage_named():
            data = self._file.readline(MAX_LINE_BYTES)
        if self._follow and not data.endswith(b"\n") and len(data) < MAX_LINE_BYTES:
            data = self._wait_for_rest(data)
        if not data:
            return None
        if len(data) == MAX_LINE_BYTES and not data.endswith(b"\n"):
            return self._huge(data, start)
        self._offset = start + len(data)
        return Line(data, start, self._offset)

    def _wait_for_rest(self, data: bytes) -> bytes:
        done = self.path.with_name(self.path.name + ".done")
        while not data.endswith(b"\n") and len(data) < MAX_LINE_BYTES:
            # the marker is looked for before reading, so that what was written before the marker is seen
            last_time = done.exists()
            if self._stop.is_set():
                raise Stopped
            more = self._file.readline(MAX_LINE_BYTES - len(data))
            data += more
            if not more:
                if last_time:
                    break
                self._stop.wait(_POLL_SECONDS)
        return data

    def _huge(self, head: bytes, start: int) -> Line:
        digest, size, last = hashlib.sha256(head), len(head), head
        while not last.endswith(b"\n"):
            last = self._file.readline(KEEP_BYTES)
            if not last:
                break
            digest.update(last)
            size += len(last)
        self._offset = start + size
        return Line(head[:KEEP_BYTES], start, self._offset, digest.hexdigest())

    def _damage_named(self) -> _Damage:
        return _Damage(self.path)


class _Damage:
    """Turns gzip's errors into the hub's."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, EOFError):
            raise FatalError(f"{self._path.name} ends in the middle of its gzip data; copy it again") from error
        if isinstance(error, gzip.BadGzipFile | zlib.error):
            raise FatalError(f"{self._path.name} is not sound gzip data: {error}; copy it again") from error
