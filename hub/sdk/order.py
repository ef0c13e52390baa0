"""The rows of all inputs in one order: as they stand in a single sorted file, else merged by report time."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Iterator

from hub.sdk.reader import Reader
from hub.sdk.source import FileSource, Mapped

_Timed = tuple[int, int, int, Mapped]
"""Report time in ms, input, running number: rows of equal time keep the order of inputs and lines."""


class Feed:
    """All rows of a source in order, each with the input it is from. `resume_rows` skips what was done before."""

    def __init__(self, source: FileSource, stop: threading.Event) -> None:
        self._source = source
        self._stop = stop
        self.readers: list[Reader] = []
        try:
            for index in range(len(source.config.inputs)):
                self.readers.append(source.open(index, stop))
        except BaseException:
            self.close()
            raise

    @property
    def seekable(self) -> bool:
        """Whether a byte offset says where reading stopped: one file, read as it stands."""
        return len(self.readers) == 1 and self._source.mapper(0).mapping.sorted

    def rows(self, resume_rows: int = 0) -> Iterator[tuple[int, Mapped]]:
        if self.seekable:
            yield from ((0, self._source.mapped(0, row)) for row in self.readers[0])
            return
        streams = [self._timed(index) for index in range(len(self.readers))]
        for done, (_, index, _, mapped) in enumerate(heapq.merge(*streams, key=lambda each: each[:3])):
            if done >= resume_rows:
                yield index, mapped

    def bytes_read(self) -> int:
        return sum(reader.lines.bytes_read() for reader in self.readers)

    def bytes_total(self) -> int:
        return sum(reader.lines.bytes_total() for reader in self.readers)

    def close(self) -> None:
        for reader in self.readers:
            reader.lines.close()

    def _timed(self, index: int) -> Iterator[_Timed]:
        """One input's rows by time. A row without one (rejected, left out) stays behind the row before it."""
        if not self._source.mapper(index).mapping.sorted:
            yield from self._sorted(index)
            return
        latest = 0
        for number, row in enumerate(self.readers[index]):
            mapped = self._source.mapped(index, row)
            latest = max(latest, mapped.event.reported_at if mapped.event else latest)
            yield latest, index, number, mapped

    def _sorted(self, index: int) -> Iterator[_Timed]:
        """Only times and bytes of the rows are held while sorting; each row is read again from its bytes."""
        reader = self.readers[index]
        held: list[tuple[int, int, int, bytes, Mapped | None]] = []
        latest = 0
        for row in reader:
            if self._stop.is_set():
                return
            mapped = self._source.mapped(index, row)
            latest = mapped.event.reported_at if mapped.event else latest
            held.append((latest, row.line, row.start, row.raw, mapped if mapped.event is None else None))
        held.sort(key=lambda each: each[:2])
        for number, (at, line, start, raw, kept) in enumerate(held):
            yield at, index, number, kept or self._source.mapped(index, reader.parse(raw, line, start))
