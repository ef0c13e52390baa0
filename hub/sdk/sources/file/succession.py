"""The rows of one path, whatever is done to the file there: it grows, is cut, written anew, renamed or copied away.

What was read tells the file, never its name: the next rows are looked for behind exactly the bytes that were taken.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from hub.errors import FatalError
from hub.sdk.sources.file.cursor import Cursor
from hub.sdk.sources.file.lines import Lines, Stopped, Watch
from hub.sdk.sources.file.reader import FileReader
from hub.sdk.sources.file.rotation import (
    beside,
    changed_since,
    identity_of,
    named_now,
    packed_since,
    written_after,
)
from hub.sdk.sources.file.rows import BadRow, Row
from hub.sdk.sources.file.trail import FileTrail, first_of
from hub.sdk.sources.file.watched import ChangedError, FileChange

_POLL_SECONDS = 0.1
SETTLE_SECONDS = 2.0
"""So long who wrote to a file that was renamed may go on writing to it, before its last line counts as whole."""
_MOST_HEADER_CHARS = 4_096
"""A position stays small: the names of more columns are not kept in it."""
_SAID = {
    FileChange.TRUNCATED: "was cut while it was read",
    FileChange.REWRITTEN: "was written anew while it was read",
}


class Open(Protocol):
    """Opens a file of the input. Raises FatalError."""

    def __call__(self, path: Path, watch: Watch, trail: FileTrail, header: Sequence[str]) -> FileReader: ...


@dataclass(frozen=True)
class Following:
    """How to read. `last_line_whole`: the last line is whole although it has no line end. `alone`: what is done to the file while
    it is read is raised (ChangedError), and nothing is looked for beside it."""

    follow: bool = False
    stop: threading.Event = field(default_factory=threading.Event)
    settle_seconds: float = SETTLE_SECONDS
    last_line_whole: bool = False
    alone: bool = False


@dataclass
class _Taken:
    """Of which file the last row was that is done."""

    trail: FileTrail
    header: tuple[str, ...]
    lines: Lines


class FileSuccession:
    """Iterate `rows` once, and `take` each row when it is done: `cursor` then is behind it. `close` at the end.

    `say` is told, once for each, what happened to the file.
    """

    def __init__(self, path: Path, open_file: Open, how: Following, cursor: Cursor, say: Callable[[str], None]) -> None:
        self._path, self._open_file, self._how, self._say = path, open_file, how, say
        self._place = cursor
        self._taken: _Taken | None = None
        self._offset, self._line = 0, 1
        self.rows_before = cursor.rows
        """Done in earlier runs; 0 if what they read is found nowhere."""
        self._away = False
        self.reader: FileReader | None = None

    def require(self) -> None:
        """Raise FatalError if nothing can be read: there is no file at the path, or one of a kind that is not read."""
        if not self._place.offset:
            self._begin(self._path)

    def open(self) -> None:
        """Go to where reading stopped, unless that is done. Raises as `rows` does."""
        if self.reader is None and not self._resume(self._path, away=False):
            if self._how.alone:
                raise ChangedError(FileChange.REWRITTEN)
            self._look_beside("was replaced since it was read last")

    def rows(self) -> Iterator[Row | BadRow]:
        """Raises Stopped, and FatalError: a file is missing, damaged, or none of the mapping's."""
        self.open()
        while True:
            assert self.reader is not None
            try:
                yield from self.reader
            except ChangedError as error:
                if self._how.alone:
                    raise
                self._look_beside(_SAID[error.change])
                continue
            if self._how.alone or not self._go_on():
                return

    def take(self, row: Row | BadRow) -> None:
        """The row is done."""
        assert self.reader is not None
        if self._taken is None or self._taken.trail is not self._trail:
            header, lines = self.reader.header, self.reader.lines
            kept = self.reader.headless or sum(map(len, header)) <= _MOST_HEADER_CHARS
            self._taken = _Taken(self._trail, tuple(header) if kept else (), lines)
        self._offset, self._line = row.end, row.line + row.lines

    def cursor(self, rows: int) -> Cursor:
        """Behind the last row taken; it names what was read of the file, and not what is there now."""
        if self._taken is not None:
            trail = self._taken.trail
            trail.take(self._offset)
            self._place = Cursor(
                offset=self._offset, line=self._line, heads=(trail.head,), first=trail.first,
                changed_ms=self._taken.lines.content.changed_ms(), header=self._taken.header,
            )  # fmt: skip
        return self._place.model_copy(update={"rows": rows})

    def knows(self, cursor: Cursor) -> bool:
        """Whether the file at the path begins with what the cursor is behind."""
        return bool(cursor.offset) and self._begins_with(self._path, cursor)

    def close(self) -> None:
        if self.reader is not None:
            self.reader.lines.close()
            self.reader = None

    # -- one file after another ----------------------------------------------------------------------------------------------

    def _look_beside(self, what: str) -> None:
        """What was read is not at the path: go on in the file that has it, else with what is at the path."""
        place = self.cursor(0)
        identity = None if self.reader is None else self.reader.lines.content.identity
        self.close()
        for each in beside(self._path) if place.offset else ():
            if self._resume(each, away=True):
                self._say(
                    f"{self._path.name} {what}; what was read of it is in {each.name}: reading its rest, then the new file"
                )
                return
        # it may have been renamed since, and so may others before and after it, with rows that nobody has read
        written = named_now(self._path, identity) if identity else None
        unread = self._unread(place.changed_ms, place, written)
        if not unread and self._comes_back():
            return
        first = next(iter(unread), self._path)
        begins = "it" if first == self._path else f"{first.name}, what was renamed after that, and then the new file,"
        packed = ", ".join(packed_since(self._path, place.changed_ms) if place.offset else ())
        missing = f"; what was not read may be in {packed}: unpack it, and read it with --file" if packed else ""
        self._say(
            f"{self._path.name} {what}, and no file beside it has what was read; reading {begins} from the start, rows that were "
            f"sent before are recognised as repeats{missing}"
        )
        self.rows_before = 0 if self._taken is None else self.rows_before
        self._begin(first, place.header)

    def _comes_back(self) -> bool:
        """While nothing lies at the path it may be a share that is not mounted: what comes there may be what was read. True if it
        was, and is open behind that."""
        if not self._how.follow or self._path.exists():
            return False
        self._await(self._path)
        return self._resume(self._path, away=False)

    def _unread(self, since_ms: int, place: Cursor, written: Path | None = None) -> list[Path]:
        """Renamed files of this path that were changed since, and the one that was `written` anew, but for those that have what was
        read already, the oldest first."""
        found = changed_since(self._path, since_ms, written)
        return [each for each in found if not (place.offset and self._begins_with(each, place))]

    def _go_on(self) -> bool:
        """Take up the next file, if this one is over because another lies at the path."""
        assert self.reader is not None
        lines = self.reader.lines
        # once it was renamed it stays so, also while nothing lies at the path
        if not self._away and not lines.moved and not (self._how.follow and lines.content.moved):
            return False
        over = self.reader
        try:
            while not self._open_next(over):
                pass
        finally:
            over.lines.close()
        return True

    def _open_next(self, over: FileReader) -> bool:
        """Open the file that follows one that is over, and is still open. False if files were renamed in the meantime."""
        chosen = self._next(over)
        try:
            self._begin(chosen, over.header or self.cursor(0).header)
        except FatalError:
            if chosen.exists() or not self._how.follow:
                raise
            return False
        assert self.reader is not None
        if self.reader.lines.content.identity != identity_of(self._next(over)):
            self.close()
            return False
        by_name = chosen == self._path or named_now(self._path, over.lines.content.identity) is not None
        unsure = "" if by_name else " by its time; rows of it that were sent before are recognised as repeats"
        self._say(
            f"{self._path.name} was renamed, and was read to its end; reading {chosen.name}, which follows it{unsure}"
        )
        return True

    def _next(self, over: FileReader) -> Path:
        content = over.lines.content
        identity = content.identity
        while True:
            own = named_now(self._path, identity)
            # packed or deleted since, it has no name by which others could be told to follow it; then their times tell
            later = written_after(self._path, own) if own else self._unread(content.changed_ms(), self.cursor(0))
            chosen = next(iter(later), self._path)
            if own == named_now(self._path, identity):  # else files were renamed while they were looked at
                return chosen

    def _begin(self, path: Path, header: Sequence[str] = ()) -> None:
        self._away = path != self._path
        if not self._away and self._how.follow:
            self._await(path)
        self._open(path, header)

    def _await(self, path: Path) -> None:
        """Between the renaming of a file and the making of the next there is none."""
        while (self._place.offset or self._taken) and not path.exists():
            if self._how.stop.wait(_POLL_SECONDS):
                raise Stopped

    def _resume(self, path: Path, *, away: bool) -> bool:
        """Go on in a file behind what was taken. False, and nothing is open, if it does not have that."""
        if not self._begins_with(path, self._place):
            return False
        self._away = away
        try:
            self._open(path, self._place.header)
            assert self.reader is not None
            if _reach(self.reader, self._trail, self._place):
                return True
        except ChangedError:
            pass  # in the meantime
        self.close()
        return False

    def _open(self, path: Path, header: Sequence[str]) -> None:
        how = self._how
        self._trail = FileTrail()
        follow = how.follow and not self._away
        watch = Watch(
            follow, how.stop, how.settle_seconds if follow or self._away else 0.0, how.last_line_whole, self._away
        )
        self.reader = self._open_file(path, watch, self._trail, header)

    def _begins_with(self, path: Path, place: Cursor) -> bool:
        trail = FileTrail()
        try:
            reader = self._open_file(path, Watch(), trail, place.header)
        except (FatalError, ChangedError) as error:
            if path == self._path and isinstance(error.__cause__, OSError) and path.exists():
                raise  # what it begins with is not known
            return False  # no such file, or one of another kind
        try:
            size, digest = place.first
            if size and first_of(reader.lines.peek(), size) != (size, digest):
                return False
            return _reach(reader, trail, place)
        except (FatalError, ChangedError):
            return False
        finally:
            reader.lines.close()


def _reach(reader: FileReader, trail: FileTrail, place: Cursor) -> bool:
    """Bring the reader behind what was taken. False if it is not in the text."""
    for length, digest in place.heads:
        # a cursor of an older version knows less of the file than it has read
        if length < place.offset and not (reader.resume(length, 1) and trail.head == (length, digest)):
            return False
        return reader.resume(place.offset, place.line) and (length < place.offset or trail.head == (length, digest))
    return False
