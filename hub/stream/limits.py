"""When rejects are too many: an agent stops rather than drain its topic into the dead letters."""

from __future__ import annotations

from collections import deque

from hub.errors import FatalError

_WINDOW_RECORDS = 1000
Counted = tuple[deque[tuple[int, int]], int]
"""Records and rejects of the last chunks, and how many rejects in a row they ended with."""


class RejectLimit:
    """Counts rejects over the last 1,000 records, and in a row."""

    def __init__(self, ratio: float, run: int) -> None:
        self._ratio = ratio
        self._run_limit = run
        self._run = 0
        self._recent: deque[tuple[int, int]] = deque()
        self._next = self._kept = self._recent, self._run

    def check(self, records: int, rejected_rows: list[int]) -> None:
        """Judge one chunk before it commits. Raises FatalError past the ratio or the run; nothing of it is committed then.

        What it adds counts after `take`, until `give_back`: a chunk that is tried again must not count twice.
        """
        run, longest = self._longest_run(records, rejected_rows)
        if longest >= self._run_limit:
            raise FatalError(
                f"{longest} records in a row were rejected (limit {self._run_limit}): the sender or its schema is wrong. "
                "Mend it, or raise CITYHUB_DEAD_LETTER_RUN to set them all aside, then start again: nothing is lost"
            )
        recent = deque(self._recent)
        if records:  # a tick adds nothing, and an idle agent has thousands of them
            recent.append((records, len(rejected_rows)))
        total = sum(count for count, _ in recent)
        while recent and total - recent[0][0] >= _WINDOW_RECORDS:
            total -= recent.popleft()[0]
        rejects = sum(count for _, count in recent)
        if total >= _WINDOW_RECORDS and rejects > self._ratio * total:
            raise FatalError(
                f"{rejects} of the last {total} records were rejected (limit {self._ratio:.0%}): the sender or its "
                "schema is wrong. Mend it, or raise CITYHUB_DEAD_LETTER_RATIO, then start again: nothing is lost"
            )
        self._next = recent, run

    def take(self) -> Counted:
        """Count the chunk last checked. What `keep` is told once it has committed."""
        self._recent, self._run = self._next
        return self._next

    def keep(self, counted: Counted) -> None:
        """That chunk, and all before it, have committed."""
        self._kept = counted

    def give_back(self) -> None:
        """What has not committed will come again: count it no more."""
        self._recent, self._run = self._next = self._kept

    def _longest_run(self, records: int, rejected_rows: list[int]) -> tuple[int, int]:
        run = longest = self._run
        expected = 0
        for row in sorted(rejected_rows):
            run = run + 1 if row == expected else 1
            expected = row + 1
            longest = max(longest, run)
        return (run if expected == records else 0), longest
