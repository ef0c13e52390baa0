"""The newest lines of the topics that departments are told of, in memory: whoever is up to date is answered without the database.

All that is here is in the database too, which answers those who are further behind.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

from hub.stream.kafka.record import KafkaRecord
from hub.web.read.cursor import PageCursor, cursor_behind, position_of
from hub.web.read.model import DepartmentRecord

_MOST_BYTES = 16 * 2**20
_PAGE_BYTES = 4 * 2**20


class ToldLine(NamedTuple):
    """An order or receipt where it lies in its topic; by the columns of `told`. `body`: the record in JSON; `at_ms`: written."""

    topic: str
    partition: int
    offset: int
    at_ms: int
    body: str


class _Lines:
    """Of one partition: all that there are from the offset `start` on, to `end`."""

    def __init__(self) -> None:
        self.start = self.end = 0
        self.offsets: list[int] = []
        self.bodies: list[str] = []

    def forget(self) -> None:
        self.start, self.offsets, self.bodies = self.end, [], []

    def behind(self, offset: int, limit: int) -> list[tuple[int, str]]:
        at = bisect_left(self.offsets, offset)
        return list(zip(self.offsets[at : at + limit], self.bodies[at : at + limit], strict=True))


class LineTail:
    """Put by the thread that reads the topics, asked by any. When it is full it begins anew: nobody needs much of it."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes, self._bytes = most_bytes, 0
        self._lock = threading.Lock()
        self._topics: dict[str, dict[int, _Lines]] = {}

    def put(self, records: Iterable[KafkaRecord], lines: Iterable[ToldLine]) -> None:
        """The lines of these records, once the database has them; what was put before is not put again."""
        with self._lock:
            for line in lines:
                there = self._of(line.topic, line.partition)
                if line.offset >= there.end:
                    there.offsets.append(line.offset)
                    there.bodies.append(line.body)
                    self._bytes += len(line.body)
            for record in records:
                there = self._of(record.topic, record.partition)
                there.end = max(there.end, record.offset + 1)
            if self._bytes > self._most_bytes:
                self._forget()

    def forget(self) -> None:
        """From now on the database alone has what there was."""
        with self._lock:
            self._forget()

    def end(self, topic: str) -> PageCursor:
        """The cursor after all that was read of a topic."""
        cursor: PageCursor = ()
        with self._lock:
            for partition, lines in self._topics.get(topic, {}).items():
                cursor = cursor_behind(cursor, partition, lines.end - 1)
        return cursor

    def behind(self, topic: str, after: PageCursor, limit: int) -> list[DepartmentRecord] | None:
        """What comes after a cursor; None where that goes further back than this does."""
        with self._lock:
            there = sorted(self._topics.get(topic, {}).items())
            if any(position_of(after, partition) < lines.start for partition, lines in there):
                return None
            found = [
                (partition, *line)
                for partition, lines in there
                for line in lines.behind(position_of(after, partition), limit)
            ]
        return page_of(found, after, limit)

    def _of(self, topic: str, partition: int) -> _Lines:
        return self._topics.setdefault(topic, {}).setdefault(partition, _Lines())

    def _forget(self) -> None:
        self._bytes = 0
        for there in self._topics.values():
            for lines in there.values():
                lines.forget()


def page_of(rows: Iterable[tuple[int, int, str]], after: PageCursor, limit: int) -> list[DepartmentRecord]:
    """The page behind a cursor, of rows of partition, offset and body, each partition's in order: not more than some MB."""
    found: list[DepartmentRecord] = []
    size, cursor = 0, after
    for partition, offset, body in rows:
        cursor, size = cursor_behind(cursor, partition, offset), size + len(body)
        found.append(DepartmentRecord(cursor, body))
        if len(found) >= limit or size >= _PAGE_BYTES:
            break
    return found
