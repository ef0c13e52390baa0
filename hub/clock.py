"""Where the time comes from: the wall when live, the data when history is replayed. Times are int milliseconds since 1970 UTC."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from hub.bounds import Bounds
from hub.millis import DAY_MS, datetime_of, ms_of

EARLIEST_MS = ms_of(datetime(1990, 1, 1, tzinfo=UTC))
LATEST_MS = ms_of(datetime(2100, 1, 1, tzinfo=UTC))
"""Core times outside these two are mistakes of the source (a date in the year 0001, say) and are rejected."""


CALENDAR = Bounds(
    ms_of(datetime(1, 1, 1, tzinfo=UTC)) + DAY_MS, ms_of(datetime.max.replace(microsecond=0, tzinfo=UTC)) - DAY_MS
)
"""Times that are dates in every zone."""


LEAP_MS = DAY_MS
"""How far a record may move the data clock by itself."""
_WITNESSES = 3
Ahead = tuple[tuple[int, str], ...]


class ClockKind(StrEnum):
    WALL = "wall"
    DATA = "data"


class Clock(Protocol):
    """The hub's notion of now for one partition."""

    def now_ms(self) -> int:
        """Now, in milliseconds since 1970 UTC."""
        ...

    def advance(self, seen_ms: int, who: str) -> int:
        """Take note of a time that a record of the case or report `who` claims, and return now. A wall clock ignores it."""
        ...

    @property
    def doubt(self) -> str | None:
        """Why it may be wrong: nothing may be sent then, because of the time alone, that cannot be taken back. Mostly None."""
        ...


class DataClock:
    """The newest time claimed that is believed, less an allowance for records that come out of order. Never goes back.

    A time more than LEAP_MS ahead is not believed for one record's word: three of different cases must claim such times, with
    no other record between them, and then the middle one of theirs counts. So one record dated years ahead moves nobody's time.
    """

    doubt: str | None = None

    def __init__(self, lateness_ms: int = 0, start_ms: int = 0, ahead: Ahead = ()) -> None:
        """`start_ms` and `ahead`: where another such clock stood. Without them it stands at 0 until it believes something."""
        self._lateness_ms = lateness_ms
        self._newest_ms = start_ms + lateness_ms
        self.ahead = ahead
        """What is claimed and not believed yet: times, and by whom."""

    def now_ms(self) -> int:
        return max(0, self._newest_ms - self._lateness_ms)

    def advance(self, seen_ms: int, who: str) -> int:
        if seen_ms <= self._newest_ms + LEAP_MS:
            self._newest_ms, self.ahead = max(self._newest_ms, seen_ms), ()
        else:
            claims = sorted((*(claim for claim in self.ahead if claim[1] != who), (seen_ms, who)))
            if len(claims) == _WITNESSES:
                self._newest_ms = claims[_WITNESSES // 2][0]
            for at_ms, _ in claims:
                if at_ms <= self._newest_ms + LEAP_MS:
                    self._newest_ms = max(self._newest_ms, at_ms)
            self.ahead = tuple(claim for claim in claims if claim[0] > self._newest_ms)
        return self.now_ms()


class Reading(NamedTuple):
    """A clock as it stood at one moment: all of a chunk is decided at one time."""

    at_ms: int
    doubt: str | None = None

    def now_ms(self) -> int:
        return self.at_ms

    def advance(self, seen_ms: int, who: str) -> int:
        del seen_ms, who
        return self.at_ms


def read_clock(clock: Clock) -> Reading:
    """How a clock stands now."""
    doubt = clock.doubt
    return Reading(clock.now_ms(), doubt)


def wall_ms() -> int:
    """Milliseconds since 1970 UTC by the machine's clock, for latencies and `noticed_at`."""
    return time.time_ns() // 1_000_000


def iso(ms: int | None) -> str:
    """`ms` as ISO 8601 with offset, or an empty string."""
    if ms is None:
        return ""
    try:
        return datetime_of(ms).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return f"{ms} ms"
