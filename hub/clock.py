"""Where the time comes from: the wall when live, the data when history is replayed. Times are int milliseconds since 1970 UTC."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

EARLIEST_MS = int(datetime(1990, 1, 1, tzinfo=UTC).timestamp() * 1000)
LATEST_MS = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp() * 1000)
"""Core times outside these two are mistakes of the source (a date in the year 0001, say) and are rejected."""


class ClockKind(StrEnum):
    WALL = "wall"
    DATA = "data"


class Clock(Protocol):
    """The hub's notion of now for one partition."""

    def now_ms(self) -> int:
        """Now, in milliseconds since 1970 UTC."""
        ...

    def advance(self, seen_ms: int) -> int:
        """Take note of a report time and return now. A wall clock ignores it."""
        ...


class WallClock:
    """The time of day."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def advance(self, seen_ms: int) -> int:
        del seen_ms
        return self.now_ms()


class DataClock:
    """The newest report time seen, less an allowance for reports that arrive out of order. Never goes back."""

    def __init__(self, lateness_ms: int = 0, start_ms: int = 0) -> None:
        self._lateness_ms = lateness_ms
        self._now_ms = start_ms

    def now_ms(self) -> int:
        return self._now_ms

    def advance(self, seen_ms: int) -> int:
        self._now_ms = max(self._now_ms, seen_ms - self._lateness_ms)
        return self._now_ms


def make_clock(kind: ClockKind, *, lateness_ms: int = 0, start_ms: int = 0) -> Clock:
    return WallClock() if kind is ClockKind.WALL else DataClock(lateness_ms, start_ms)


def wall_ms() -> int:
    """Milliseconds since 1970 UTC by the machine's clock, for latencies and `noticed_at`."""
    return time.time_ns() // 1_000_000


def iso(ms: int | None) -> str:
    """`ms` as ISO 8601 with offset, or an empty string."""
    if ms is None:
        return ""
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return f"{ms} ms"
