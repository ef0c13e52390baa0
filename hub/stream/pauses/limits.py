"""Decides when rejects of one source are too many. That source alone is then paused, rather than drained into the
dead letters. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hub.errors import HubError
from hub.topics import is_own

_WINDOW_RECORDS = 1000


class TooManyRejectsError(HubError):
    """Nothing of this chunk is committed; these sources are to be paused, and the rest is to be read again."""

    def __init__(self, why: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{topic}: {reason}" for topic, reason in why.items()))
        self.why = dict(why)
        """The reason for each source, by topic without the namespace."""


class SourceRows(NamedTuple):
    """What a chunk holds of one source: how many records, and which of these were rejected, from 0 and in order."""

    records: int
    rejected: tuple[int, ...] = ()
    since_ms: int = 0
    """When the source was let go on: its rejects are counted from then."""


class LetGoOn(NamedTuple):
    """A source that was paused once and is paused no more."""

    at_ms: int
    through: Mapping[int, int]
    """By partition, the offset from which its records count: what lay there when it was let go on is known to be bad."""


_NEVER = LetGoOn(0, {})


def rows_by_source(
    received: Mapping[str, int],
    topics: Sequence[str],
    places: Sequence[Sequence[int]],
    rejected: Sequence[int],
    let_go_on: Mapping[str, LetGoOn],
) -> dict[str, SourceRows]:
    """A chunk's rows by the topic they came by, but for topics of the hub's own, which have no limit.

    `received`: records by topic. `places`: partition and offset of every row, as two columns. `let_go_on`: by topic.
    """
    bad, found = set(rejected), dict[str, SourceRows]()
    with_rejects = {topics[row] for row in bad}
    for topic, records in received.items():
        if is_own(topic):
            continue
        at_ms, through = let_go_on.get(topic, _NEVER)
        if topic in with_rejects or through:
            partitions, offsets = places
            rows = [
                row
                for row, name in enumerate(topics)
                if name == topic and offsets[row] >= through.get(partitions[row], 0)
            ]
            found[topic] = SourceRows(len(rows), tuple(at for at, row in enumerate(rows) if row in bad), at_ms)
        else:
            found[topic] = SourceRows(records, (), at_ms)
    return {topic: rows for topic, rows in found.items() if rows.records}


class RejectCount(NamedTuple):
    """Records and rejects of one source's last chunks, and how many rejects in a row they ended with."""

    since_ms: int = 0
    recent: tuple[tuple[int, int], ...] = ()
    run: int = 0


Counted = Mapping[str, RejectCount]
"""The count of each source, by topic."""


class RejectLimits:
    """Counts rejects by source: over its last 1,000 records, and in a row. Sources do not influence each other."""

    def __init__(self, ratio: float, run: int) -> None:
        self._ratio = ratio
        self._run = run
        self._now: dict[str, RejectCount] = {}
        self._kept: dict[str, RejectCount] = {}
        self._next: dict[str, RejectCount] = {}

    def check(self, chunk: Mapping[str, SourceRows]) -> None:
        """Judge one chunk before it commits. Raises TooManyRejectsError, which names each source past the ratio or the run.

        What it adds counts after `take`, until `give_back`: a chunk that is tried again must not count twice.
        """
        self._next, why = {}, {}
        for topic, rows in chunk.items():
            count, longest = _counted(self._now.get(topic, RejectCount()), rows)
            self._next[topic] = count
            if reason := self._judge(count, longest):
                why[topic] = reason
        if why:
            raise TooManyRejectsError(why)

    def take(self) -> Counted:
        """Count the chunk that was checked last. Returns what `keep` is to be given once that chunk has committed."""
        self._now |= self._next
        return self._next

    def keep(self, counted: Counted) -> None:
        """Take note that the chunk of this count has committed, and all before it."""
        self._kept |= counted

    def give_back(self) -> None:
        """Take back the counts of what has not committed: its records will come again."""
        self._now = dict(self._kept)

    def forget(self) -> None:
        """Count anew: partitions came or went, so what is read next does not follow what was counted."""
        self._now, self._kept, self._next = {}, {}, {}

    def _judge(self, count: RejectCount, longest: int) -> str | None:
        if longest >= self._run:
            return f"{longest} records in a row were rejected (limit {self._run}, CITYHUB_DEAD_LETTER_RUN)"
        total, rejects = (sum(numbers) for numbers in zip(*count.recent, strict=True)) if count.recent else (0, 0)
        if total >= _WINDOW_RECORDS and rejects > self._ratio * total:
            limit = f"limit {self._ratio:.0%}, CITYHUB_DEAD_LETTER_RATIO"
            return f"{rejects} of the last {total} records were rejected ({limit})"
        return None


def _counted(before: RejectCount, rows: SourceRows) -> tuple[RejectCount, int]:
    """The count with these rows, and the longest run in them."""
    before = before if before.since_ms == rows.since_ms else RejectCount(rows.since_ms)
    run, longest = _runs(before.run, rows)
    recent = (*before.recent, (rows.records, len(rows.rejected)))
    total, first = sum(records for records, _ in recent), 0
    while total - recent[first][0] >= _WINDOW_RECORDS:
        total -= recent[first][0]
        first += 1
    return RejectCount(rows.since_ms, recent[first:], run), longest


def _runs(run: int, rows: SourceRows) -> tuple[int, int]:
    """How many rejects in a row the rows end with, and the longest run; `run`: what those before them ended with."""
    longest = run
    expected = 0
    for row in rows.rejected:
        run = run + 1 if row == expected else 1
        expected = row + 1
        longest = max(longest, run)
    return (run if expected == rows.records else 0), longest
