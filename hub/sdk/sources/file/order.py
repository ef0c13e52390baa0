"""The rows of all inputs in one order: as they stand in a single sorted file, else merged by report time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from hub.errors import FatalError
from hub.sdk.contract import Context, Item
from hub.sdk.sources.file.cursor import Cursor
from hub.sdk.sources.file.join import Input
from hub.sdk.sources.file.lines import Watch
from hub.sdk.sources.file.reader import FileReader
from hub.sdk.sources.file.rows import BadRow, Row
from hub.sdk.sources.file.succession import FileSuccession, Following
from hub.sdk.sources.file.trail import FileTrail

_Read = tuple[Row | BadRow, Item]
_Timed = tuple[int, int, int, _Read]
"""Report time in ms, input, running number: rows of equal time keep the order of inputs and lines."""
Say = Callable[[str], None]


class Files(Protocol):
    """Whose rows are put in order."""

    inputs: tuple[Input, ...]
    context: Context

    def is_sorted(self, index: int) -> bool: ...
    def item(self, index: int, row: Row | BadRow) -> Item: ...
    def open(
        self,
        index: int,
        watch: Watch,
        *,
        trail: FileTrail | None = None,
        path: Path | None = None,
        header: Sequence[str] = (),
    ) -> FileReader: ...


class RowFeed(Protocol):
    """All rows of a source in order, each with what it is as an item. Iterate `rows` once, `take` each that is done."""

    @property
    def rows_before(self) -> int:
        """Done in earlier runs; 0 once it is seen that the files have to be read from the start."""
        ...

    def rows(self) -> Iterator[_Read]:
        """Raises Stopped, FatalError."""
        ...

    def take(self, row: Row | BadRow) -> None: ...

    def idle(self) -> bool:
        """Whether the next of `rows` would only wait."""
        ...

    def may_wait(self) -> bool:
        """Whether the next of `rows` may be the half of one, whose rest has to be waited for."""
        ...

    def cursor(self, rows: int) -> Cursor:
        """Behind the last row taken, of `rows` in all."""
        ...

    def bytes_read(self) -> int: ...
    def bytes_total(self) -> int: ...
    def close(self) -> None: ...


def make_feed(source: Files, how: Following, cursor: Cursor | None, say: Say) -> RowFeed:
    """The rows behind the cursor. Raises FatalError if a file cannot be opened."""
    if len(source.inputs) == 1 and source.is_sorted(0):
        feed = Single(source, how, cursor or Cursor(), say)
        feed.require()
        return feed
    return Merged(source, how, cursor or Cursor(), say)


class Single:
    """One file, read as it stands: an offset says where reading stopped."""

    def __init__(self, source: Files, how: Following, cursor: Cursor, say: Say) -> None:
        self._source = source
        self._files = FileSuccession(source.inputs[0].file, self._open, how, cursor, say)

    def require(self) -> None:
        """Raise FatalError if nothing can be read."""
        self._files.require()

    def knows(self, cursor: Cursor) -> bool:
        """Whether the file begins with what the cursor is behind."""
        return self._files.knows(cursor)

    @property
    def rows_before(self) -> int:
        return self._files.rows_before

    def rows(self) -> Iterator[_Read]:
        item = self._source.item
        return ((row, item(0, row)) for row in self._files.rows())

    def take(self, row: Row | BadRow) -> None:
        self._files.take(row)

    def idle(self) -> bool:
        return self._files.reader is not None and self._files.reader.lines.idle()

    def may_wait(self) -> bool:
        return self._files.reader is not None and self._files.reader.lines.may_wait()

    def cursor(self, rows: int) -> Cursor:
        return self._files.cursor(rows)

    def bytes_read(self) -> int:
        return self._files.reader.lines.bytes_read() if self._files.reader else 0

    def bytes_total(self) -> int:
        return self._files.reader.lines.bytes_total() if self._files.reader else 0

    def close(self) -> None:
        self._files.close()

    def _open(self, path: Path, watch: Watch, trail: FileTrail, header: Sequence[str]) -> FileReader:
        return self._source.open(0, watch, trail=trail, path=path, header=header)


class Merged:
    """Several files, or one to be sorted: the number of rows says where reading stopped."""

    def __init__(self, source: Files, how: Following, cursor: Cursor, say: Say) -> None:
        self._source, self._stop = source, how.stop
        self._watch = Watch(stop=how.stop, over=how.last_line_whole)
        self._trails = [FileTrail(eager=True) for _ in source.inputs]
        self.rows_before = cursor.rows
        changed = [self._name(index) for index, head in enumerate(cursor.heads) if not self._begins_with(index, head)]
        if changed:
            say(f"{', '.join(changed)}: replaced since read last; reading the files from the start")
            self.rows_before = 0
        self._readers: list[FileReader] = []
        try:
            for index, trail in enumerate(self._trails):
                self._readers.append(source.open(index, self._watch, trail=trail))
        except BaseException:
            self.close()
            raise

    def rows(self) -> Iterator[_Read]:
        streams = [self._timed(index) for index in range(len(self._readers))]
        before = self.rows_before
        for done, (_, _, _, read) in enumerate(heapq.merge(*streams, key=lambda each: each[:3])):
            if done >= before:
                yield read

    def take(self, row: Row | BadRow) -> None: ...

    def idle(self) -> bool:
        return False

    def may_wait(self) -> bool:
        return False

    def cursor(self, rows: int) -> Cursor:
        return Cursor(rows=rows, heads=tuple(trail.head for trail in self._trails))

    def bytes_read(self) -> int:
        return sum(reader.lines.bytes_read() for reader in self._readers)

    def bytes_total(self) -> int:
        return sum(reader.lines.bytes_total() for reader in self._readers)

    def close(self) -> None:
        for reader in self._readers:
            reader.lines.close()

    def _name(self, index: int) -> str:
        return self._source.inputs[index].file.name

    def _begins_with(self, index: int, head: tuple[int, str]) -> bool:
        """Whether the file's text begins with what was read of it."""
        trail = FileTrail(eager=True)
        reader = self._source.open(index, self._watch, trail=trail)
        try:
            return reader.resume(head[0], 1) and trail.head == head
        except FatalError:
            return False
        finally:
            reader.lines.close()

    def _timed(self, index: int) -> Iterator[_Timed]:
        """One input's rows by time. A row without one (rejected, left out) stays behind the row before it."""
        if not self._source.is_sorted(index):
            yield from self._sorted(index)
            return
        latest = 0
        for number, row in enumerate(self._readers[index]):
            item, at = self._mapped(index, row)
            latest = max(latest, at or latest)
            yield latest, index, number, (row, item)

    def _sorted(self, index: int) -> Iterator[_Timed]:
        """Only times and bytes of the rows are held while sorting; each row is read again from its bytes."""
        reader = self._readers[index]
        held: list[tuple[int, int, int, bytes, _Read | None]] = []
        latest = 0
        for row in reader:
            if self._stop.is_set():
                return
            item, at = self._mapped(index, row)
            latest = at or latest
            keep = at is None or not row.finished
            held.append((latest, row.line, row.start, row.raw, (row, item) if keep else None))
        held.sort(key=lambda each: each[:2])
        for number, (at, line, start, raw, kept) in enumerate(held):
            yield at, index, number, kept or self._again(index, reader.parse(raw, line, start))

    def _again(self, index: int, row: Row | BadRow) -> _Read:
        return row, self._mapped(index, row)[0]

    def _mapped(self, index: int, row: Row | BadRow) -> tuple[Item, int | None]:
        """The item with what the mapping makes of it, and the event's time, if it is one."""
        item = self._source.item(index, row)
        outcome = self._source.context.outcome(item)
        return item._replace(outcome=outcome), outcome.event.reported_at if outcome.event else None
