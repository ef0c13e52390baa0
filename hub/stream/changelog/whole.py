"""When a commit writes the offsets of all that is held, moved or not."""

from __future__ import annotations

import time

_EVERY_SECONDS = 86_400.0
"""Kafka forgets an offset after offsets.retention.minutes (a week) if its topic is not one that the group subscribes to, and the
changelog is the only one it subscribes to."""


class WholeCommits:
    """Of one session: the first commit of each hold is whole, and one a day after it."""

    def __init__(self) -> None:
        self.claimed = False
        """This hold has committed, and so has its claim beside the offsets of all that it holds."""
        self._at = 0.0

    def begin(self) -> None:
        """Another hold begins."""
        self.claimed, self._at = False, time.monotonic()

    def is_due(self) -> bool:
        """True if the last whole commit, or the beginning of the hold, is a day ago."""
        return time.monotonic() - self._at > _EVERY_SECONDS

    def committed(self, *, whole: bool) -> None:
        """Something was committed for this hold; `whole`: the offsets of all that it holds."""
        self.claimed = True
        if whole:
            self._at = time.monotonic()
