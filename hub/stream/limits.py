"""When rejects are too many: an agent stops rather than drain its topic into the dead letters."""

from __future__ import annotations

from collections import deque

from hub.errors import FatalError

_WINDOW_RECORDS = 1000


class RejectLimit:
    """Counts rejects over the last 1,000 records, and in a row."""

    def __init__(self, ratio: float, run: int) -> None:
        self._ratio = ratio
        self._run_limit = run
        self._run = 0
        self._recent: deque[tuple[int, int]] = deque()
        self._records = self._rejects = 0

    def note(self, records: int, rejected_rows: list[int]) -> None:
        """Take note of one chunk. Raises FatalError past the ratio or the run; nothing of the chunk is committed then."""
        run, longest = self._longest_run(records, rejected_rows)
        if longest >= self._run_limit:
            raise FatalError(
                f"{longest} records in a row were rejected (limit {self._run_limit}): the sender or its schema is wrong. "
                "Mend it, or raise CITYHUB_DEAD_LETTER_RUN to set them all aside, then start again: nothing is lost"
            )
        self._recent.append((records, len(rejected_rows)))
        self._records += records
        self._rejects += len(rejected_rows)
        while self._records - self._recent[0][0] >= _WINDOW_RECORDS:
            old_records, old_rejects = self._recent.popleft()
            self._records -= old_records
            self._rejects -= old_rejects
        self._run = run
        if self._records >= _WINDOW_RECORDS and self._rejects > self._ratio * self._records:
            raise FatalError(
                f"{self._rejects} of the last {self._records} records were rejected (limit {self._ratio:.0%}): the sender or its "
                "schema is wrong. Mend it, or raise CITYHUB_DEAD_LETTER_RATIO, then start again: nothing is lost"
            )

    def _longest_run(self, records: int, rejected_rows: list[int]) -> tuple[int, int]:
        run = longest = self._run
        expected = 0
        for row in sorted(rejected_rows):
            run = run + 1 if row == expected else 1
            expected = row + 1
            longest = max(longest, run)
        return (run if expected == records else 0), longest
