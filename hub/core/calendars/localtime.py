"""One instant at a time as a city's clock and calendar show it; for columns of instants see hub.core.calendars.zones."""

from __future__ import annotations

from bisect import bisect_right

from hub.core.calendars.zones import zone_of
from hub.millis import DAY_MS, MINUTE_MS

FIRST_YEAR, END_YEAR = 1970, 2101
_THURSDAY = 3
"""1 January 1970 was one; Monday is 0."""


class LocalTime:
    """The local time of one zone."""

    def __init__(self, time_zone: str) -> None:
        zone = zone_of(time_zone, FIRST_YEAR, END_YEAR)
        self._changes: list[int] = zone.starts[1:].tolist()
        self._offsets: list[int] = zone.offsets.tolist()

    def day_and_minute(self, at_ms: int) -> tuple[int, int]:
        """Days since 1970-01-01 and minutes since local midnight."""
        day, rest = divmod(at_ms + self._offsets[bisect_right(self._changes, at_ms)], DAY_MS)
        return day, rest // MINUTE_MS


def weekday(day: int) -> int:
    """0 (Monday) to 6 of a day since 1970-01-01."""
    return (day + _THURSDAY) % 7
