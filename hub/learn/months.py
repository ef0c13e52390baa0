"""Calendar months as spans of time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from zoneinfo import ZoneInfo

from hub.millis import datetime_of, midnight_ms


def months_between(from_ms: int, until_ms: int, time_zone: str) -> Iterator[tuple[int, int]]:
    """The months, local to the zone, from one instant to another; the first and the last may be parts of one. UTC ms."""
    zone, start = ZoneInfo(time_zone), from_ms
    while start < until_ms:
        local = datetime_of(start, zone)
        year, month = (local.year + 1, 1) if local.month == 12 else (local.year, local.month + 1)
        end = min(until_ms, midnight_ms(date(year, month, 1), time_zone))
        yield start, end
        start = end
