"""Lines of a file as bytes, with exact offsets: once, or followed as it grows."""

from __future__ import annotations

import hashlib
import io
import re
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from hub.errors import FatalError
from hub.sdk.sources.file.content import Content
from hub.sdk.sources.file.trail import FileTrail
from hub.sdk.sources.file.watched import ChangedError

MAX_LINE_BYTES = 16 * 1024 * 1024
"""A longer line is not held in memory: its head is kept, the rest is hashed."""
KEEP_BYTES = 1024 * 1024
_SAMPLE_BYTES = 64 * 1024
_HEADER_BYTES = 1024 * 1024
"""Within so many bytes a first line ends, or its quotes are not what they seem."""
_POLL_SECONDS = 0.1
_OUTSIDE_QUOTES = re.compile(rb'"[^"]*+"|([\r\n])')


class Line(NamedTuple):
    """One line with its line end. `sha256` is set if only its head is here; `finished` says that it has its line end, or that
    nobody writes to the file any more."""

    data: bytes
    start: int
    end: int
    sha256: str | None = None
    finished: bool = True


class Stopped(Exception):  # noqa: N818 - not an error: somebody asked to stop while a row was incomplete
    """The reader was asked to stop in the middle of a row, which stays unread."""


@dataclass(frozen=True)
class Watch:
    """How to read to the end: whether to wait there for more, until `stop` is set or the file `<name>.done` exists.

    Not following, a last line without its line end is waited for until the file has been quiet for `settle_seconds`: somebody may
    be writing it. `over`: nobody writes to the file any more, whatever it looks like. `away`: nor to this one, once it has been
    quiet for so long, as another is at its path by now.
    """

    follow: bool = False
    stop: threading.Event = field(default_factory=threading.Event)
    settle_seconds: float = 0.0
    over: bool = False
    away: bool = False


class Lines:
    """The lines of one file. Made for one reader, in one thread; `close` ends it.

    A line ends as the first one does, with LF (or CR LF) or with CR alone. `quoted`: a line end within quotes is not the first.
    Reading raises FatalError if the content is damaged, ChangedError if what was read of it is no longer there, Stopped.
    """

    def __init__(
        self, path: Path, content: Content, watch: Watch, *, quoted: bool = True, trail: FileTrail | None = None
    ) -> None:
        self.path, self.content, self.trail = path, content, trail
        self._watch, self._quoted = watch, quoted
        self.moved = False
        """Whether reading ended because another file lies at the path."""
        self.over = watch.over
        """Whether nobody writes to the file any more."""
        self.sample = b""
        """The beginning of the text, for guesses."""
        self.offset = 0
        """Where the next line begins."""
        self._line_end: bytes | None = None
        self._ready: deque[bytes] = deque()
        self._rest = b""
        self._holes = False
        """Whether there were zeros, of which those before a line are none of it: who goes on writing where a file was before it was
        cut leaves a hole in front, and so does a machine that lost its power."""

    @property
    def line_end(self) -> bytes:
        """How lines end; not known before the first is read."""
        return self._line_end or b"\n"

    def __iter__(self) -> Iterator[Line]:
        ready, trail = self._ready, self.trail
        while True:
            while ready:
                data, start = ready.popleft(), self.offset
                size = len(data)
                self.offset = end = start + size
                if trail is not None:
                    trail.add(data)
                if self._holes and data[:1] == b"\0":
                    data = data.lstrip(b"\0")
                    start = end - len(data)
                if size > MAX_LINE_BYTES:
                    yield Line(data[:KEEP_BYTES], start, end, hashlib.sha256(data).hexdigest())
                else:
                    yield Line(data, start, end)
            if self._fill():
                continue
            if len(self._rest) >= MAX_LINE_BYTES:
                yield self._huge()
            elif self._rest:
                yield self._last()
            else:
                return

    def skip(self, offset: int) -> bool:
        """Go on at `offset`, which is not before where reading is. False if the text does not reach so far."""
        held = b"".join(self._ready) + self._rest
        self._ready.clear()
        while self.offset <= offset:
            part, held = held[: offset - self.offset], held[offset - self.offset :]
            self._pass(part)
            if self.trail is not None:
                self.trail.take(self.offset)
            if self.offset == offset or not (held := self.content.read()):
                break
            self._note(held)
        if self._line_end is None:
            self._line_end = _line_end(self.sample, self._quoted, whole=True)
        self._rest = b""
        self._split(held)
        return self.offset == offset

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """The text itself, block by block with its offset, for what does not go by lines. Not to be mixed with the lines."""
        held = b"".join(self._ready) + self._rest
        self._ready.clear()
        self._rest = b""
        while held or (held := self._read()):
            start = self.offset
            self._pass(held)
            yield start, held
            held = b""

    def at_end(self) -> bool:
        """Whether all that is in the file so far was read from it; lines of it may be in hand."""
        return self.content.bytes_read() >= self.content.bytes_total()

    def may_wait(self) -> bool:
        """Whether the next line may be the half of one, whose rest has to be waited for."""
        return not self._ready or self.at_end()

    def idle(self) -> bool:
        """Whether the next line would only be waited for: nothing is in hand, and nothing was done to the file."""
        if not self._watch.follow or self._ready or not self.at_end() or self._done.exists() or self.content.moved:
            return False
        try:
            self.content.check()
        except ChangedError:
            return False  # it is raised again to who reads on, and knows what to do about it
        return True

    def bytes_read(self) -> int:
        """How far into the file on disk reading has come, for a progress bar."""
        return self.content.bytes_read()

    def bytes_total(self) -> int:
        """The file's present size on disk."""
        return self.content.bytes_total()

    def close(self) -> None:
        self.content.close()

    def peek(self) -> bytes:
        """The beginning of the text, as far as one read gives it; nothing is taken."""
        if not self.sample:
            self._rest += self._read()
        return self.sample

    def _pass(self, data: bytes, *, part: bool = False) -> None:
        """`part`: of a line, or of what is before one, that may be longer than memory."""
        self.offset += len(data)
        if self.trail is not None:
            (self.trail.add_part if part else self.trail.add)(data)

    def _fill(self) -> bool:
        """Have lines ready. False at the end, or with a line that is too long."""
        while not self._ready and len(self._rest) < MAX_LINE_BYTES:
            block = self._read()
            if not block:
                if self._line_end is None and self._rest:
                    self._line_end = _line_end(self._rest, self._quoted, whole=True)
                    self._split(b"")
                    continue
                return False
            self._split(block)
        return bool(self._ready)

    def _split(self, block: bytes) -> None:
        text = self._rest + block
        if b"\0" in block:
            self._holes = True
            if text[:1] == b"\0":  # not kept until the line ends: a hole may be as large as the file was
                begun = text.lstrip(b"\0")
                self._pass(text[: len(text) - len(begun)], part=True)
                text = begun
        if self._line_end is None:
            self._line_end = _line_end(text, self._quoted, whole=len(text) > _HEADER_BYTES)
            if self._line_end is None:
                self._rest = text
                return
        end = self._line_end
        cut = text.rfind(end) + 1
        self._rest = text[cut:]
        if not cut:
            return
        if end == b"\n":
            self._ready.extend(io.BytesIO(text[:cut]))
        else:
            self._ready.extend(each + end for each in text[: cut - 1].split(end))

    def _last(self) -> Line:
        """What stands behind the last line end."""
        data, self._rest = self._rest, b""
        self._pass(data)
        if self._holes:
            data = data.lstrip(b"\0")
        return Line(data, self.offset - len(data), self.offset, finished=self.over)

    def _huge(self) -> Line:
        head, start, size, digest = self._rest[:KEEP_BYTES], self.offset, 0, hashlib.sha256()
        block, self._rest = self._rest, b""
        while block:
            cut = block.find(self.line_end) + 1 or len(block)
            digest.update(block[:cut])
            size += cut
            self._pass(block[:cut], part=True)
            if block[:cut].endswith(self.line_end):
                self._split(block[cut:])
                break
            block = self._read()
        return Line(head, start, start + size, digest.hexdigest())

    def _read(self) -> bytes:
        """The next bytes; none at the end, behind which nothing is waited for any more."""
        block = self.content.read() or (self._wait() if self._watch.follow else self._settle())
        self._note(block)
        return block

    def _note(self, block: bytes) -> None:
        if len(self.sample) < _SAMPLE_BYTES:
            self.sample += block[: _SAMPLE_BYTES - len(self.sample)]

    def _settle(self) -> bytes:
        while True:
            try:
                self.over = self.content.finish() or self._done.exists() or self.over
                break
            except FatalError:  # who packs it may not be done
                if self.content.quiet_seconds() >= self._watch.settle_seconds:
                    raise
            if self._watch.stop.wait(_POLL_SECONDS):
                raise Stopped
            if block := self.content.read():
                return block
        while (self._rest or self._watch.away) and not self.over:
            if self.content.quiet_seconds() >= self._watch.settle_seconds:
                self.over = self._watch.away
                break
            if self._watch.stop.wait(_POLL_SECONDS):
                raise Stopped
            if block := self.content.read():
                return block
        return b""

    def _wait(self) -> bytes:
        while True:
            # the marker is looked for before reading, so that what was written before the marker is seen
            self.over = self._done.exists()
            if self._watch.stop.is_set():
                raise Stopped
            if block := self.content.read():
                return block
            if self.over:
                return b""
            self.content.check()
            if self.content.moved and self.content.quiet_seconds() >= self._watch.settle_seconds:
                # who wrote to it has had time to see that it was moved; what stands without a line end never gets one
                self.over = self.moved = True
                return self.content.read()
            self._watch.stop.wait(_POLL_SECONDS)

    @property
    def _done(self) -> Path:
        return self.path.with_name(self.path.name + ".done")


def _line_end(text: bytes, quoted: bool, *, whole: bool) -> bytes | None:
    """How the first line ends: LF, which CR LF ends with too, or CR alone. None if it does not yet, and more may come."""
    found = next((each.start() for each in _OUTSIDE_QUOTES.finditer(text) if each[1]), -1) if quoted else _first(text)
    if found < 0:
        return b"\n" if whole else None
    if text[found : found + 1] == b"\n" or text[found + 1 : found + 2] == b"\n":
        return b"\n"
    return None if found + 1 == len(text) and not whole else b"\r"


def _first(text: bytes) -> int:
    found = re.search(rb"[\r\n]", text)
    return found.start() if found else -1
