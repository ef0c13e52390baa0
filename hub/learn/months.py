"""Calendar months as spans of time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def months_between(from_ms: int, until_ms: int, time_zone: str) -> Iterator[tuple[int, int]]:
    """The months, local to the zone, from one instant to another; the first and the last may be parts of one. UTC ms."""
    zone, start = ZoneInfo(time_zone), from_ms
    while start < until_ms:
        local = datetime.fromtimestamp(start / 1000, UTC).astimezone(zone)
        year, month = (local.year + 1, 1) if local.month == 12 else (local.year, local.month + 1)
        end = min(until_ms, round(datetime(year, month, 1, tzinfo=zone).timestamp() * 1000))
        yield start, end
        start = end
