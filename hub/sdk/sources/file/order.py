"""The rows of all inputs in one order: as they stand in a single sorted file, else merged by report time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from hub.errors import FatalError
from hub.sdk.cursor import Cursor, CursorFile
from hub.sdk.sources.file.lines import Watch
from hub.sdk.sources.file.reader import Reader
from hub.sdk.sources.file.rows import BadRow, Row
from hub.sdk.sources.file.source import FileSource, Mapped
from hub.sdk.sources.file.succession import Following, Succession
from hub.sdk.sources.file.trail import Trail

_Timed = tuple[int, int, int, Mapped]
"""Report time in ms, input, running number: rows of equal time keep the order of inputs and lines."""
Say = Callable[[str], None]


class Feed(Protocol):
    """All rows of a source in order, each with the input it is from. Iterate `rows` once, `take` each that is done."""

    @property
    def rows_before(self) -> int:
        """Done in earlier runs; 0 once it is seen that the files have to be read from the start."""
        ...

    def rows(self) -> Iterator[tuple[int, Mapped]]:
        """Raises Stopped, FatalError."""
        ...

    def take(self, row: Row | BadRow) -> None: ...

    def cursor(self, rows: int) -> Cursor:
        """Behind the last row taken, of `rows` in all."""
        ...

    def bytes_read(self) -> int: ...
    def bytes_total(self) -> int: ...
    def close(self) -> None: ...


def make_feed(source: FileSource, how: Following, cursors: CursorFile, say: Say) -> Feed:
    """The rows behind the saved cursor. Raises FatalError if it cannot be read, or a file cannot be opened."""
    cursor = cursors.load()
    if len(source.config.inputs) == 1 and source.mapper(0).mapping.sorted:
        return Single(source, how, cursor, cursors.others(), say)
    return Merged(source, how, cursor or Cursor(), say)


class Single:
    """One file, read as it stands: an offset says where reading stopped."""

    def __init__(
        self, source: FileSource, how: Following, cursor: Cursor | None, others: Iterator[Cursor], say: Say
    ) -> None:
        self._source = source
        path = source.config.inputs[0].file
        self._files = Succession(path, self._open, how, cursor or Cursor(), say)
        if cursor is None and (known := next((each for each in others if self._files.knows(each)), None)):
            say(f"{path.name} was read before under another name; going on where it was left")
            self._files = Succession(path, self._open, how, known, say)
        self._files.require()

    @property
    def rows_before(self) -> int:
        return self._files.rows_before

    def rows(self) -> Iterator[tuple[int, Mapped]]:
        mapped = self._source.mapped
        for row in self._files.rows():
            yield 0, mapped(0, row)

    def take(self, row: Row | BadRow) -> None:
        self._files.take(row)

    def cursor(self, rows: int) -> Cursor:
        return self._files.cursor(rows)

    def bytes_read(self) -> int:
        return self._files.reader.lines.bytes_read() if self._files.reader else 0

    def bytes_total(self) -> int:
        return self._files.reader.lines.bytes_total() if self._files.reader else 0

    def close(self) -> None:
        self._files.close()

    def _open(self, path: Path, watch: Watch, trail: Trail, header: Sequence[str]) -> Reader:
        return self._source.open(0, watch, trail=trail, path=path, header=header)


class Merged:
    """Several files, or one to be sorted: the number of rows says where reading stopped."""

    def __init__(self, source: FileSource, how: Following, cursor: Cursor, say: Say) -> None:
        self._source, self._stop = source, how.stop
        self._watch = Watch(stop=how.stop, over=how.last_line_whole)
        self._trails = [Trail(eager=True) for _ in source.config.inputs]
        self.rows_before = cursor.rows
        changed = [self._name(index) for index, head in enumerate(cursor.heads) if not self._begins_with(index, head)]
        if changed:
            say(f"{', '.join(changed)}: replaced since read last; reading the files from the start")
            self.rows_before = 0
        self._readers: list[Reader] = []
        try:
            for index, trail in enumerate(self._trails):
                self._readers.append(source.open(index, self._watch, trail=trail))
        except BaseException:
            self.close()
            raise

    def rows(self) -> Iterator[tuple[int, Mapped]]:
        streams = [self._timed(index) for index in range(len(self._readers))]
        before = self.rows_before
        for done, (_, index, _, mapped) in enumerate(heapq.merge(*streams, key=lambda each: each[:3])):
            if done >= before:
                yield index, mapped

    def take(self, row: Row | BadRow) -> None: ...

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
        return self._source.config.inputs[index].file.name

    def _begins_with(self, index: int, head: tuple[int, str]) -> bool:
        """Whether the file's text begins with what was read of it."""
        trail = Trail(eager=True)
        reader = self._source.open(index, self._watch, trail=trail)
        try:
            return reader.resume(head[0], 1) and trail.head == head
        except FatalError:
            return False
        finally:
            reader.lines.close()

    def _timed(self, index: int) -> Iterator[_Timed]:
        """One input's rows by time. A row without one (rejected, left out) stays behind the row before it."""
        if not self._source.mapper(index).mapping.sorted:
            yield from self._sorted(index)
            return
        latest = 0
        for number, row in enumerate(self._readers[index]):
            mapped = self._source.mapped(index, row)
            latest = max(latest, mapped.event.reported_at if mapped.event else latest)
            yield latest, index, number, mapped

    def _sorted(self, index: int) -> Iterator[_Timed]:
        """Only times and bytes of the rows are held while sorting; each row is read again from its bytes."""
        reader = self._readers[index]
        held: list[tuple[int, int, int, bytes, Mapped | None]] = []
        latest = 0
        for row in reader:
            if self._stop.is_set():
                return
            mapped = self._source.mapped(index, row)
            latest = mapped.event.reported_at if mapped.event else latest
            keep = mapped.event is None or not row.finished
            held.append((latest, row.line, row.start, row.raw, mapped if keep else None))
        held.sort(key=lambda each: each[:2])
        for number, (at, line, start, raw, kept) in enumerate(held):
            yield at, index, number, kept or self._source.mapped(index, reader.parse(raw, line, start))
