"""A time zone's offsets as arrays, so that whole columns of instants become local times and back without a Python loop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from hub.millis import ms_of
from hub.units.office import MillisArray as MillisArray


class Zone:
    """Offsets of one zone between two years. Segment k runs from `starts[k]` to `ends[k]` (UTC ms) at `offsets[k]` (ms)."""

    def __init__(self, name: str, first_year: int, end_year: int) -> None:
        zone = ZoneInfo(name)
        first, end = datetime(first_year, 1, 1, tzinfo=UTC), datetime(end_year, 1, 1, tzinfo=UTC)
        starts, offsets = [ms_of(first)], [_offset(zone, first)]
        for day in range(1, (end - first).days + 1):
            noon = first + timedelta(days=day)
            if _offset(zone, noon) != offsets[-1]:
                starts.append(ms_of(_transition(zone, noon - timedelta(days=1), noon)))
                offsets.append(_offset(zone, noon))
        self.starts: MillisArray = np.array(starts, dtype=np.int64)
        self.ends: MillisArray = np.append(self.starts[1:], np.int64(ms_of(end)))
        self.offsets: MillisArray = np.array(offsets, dtype=np.int64)
        self._local_starts: MillisArray = self.starts + self.offsets

    def to_local(self, utc: MillisArray) -> MillisArray:
        """Local time, written as if it were milliseconds since 1970 UTC."""
        found: MillisArray = utc + self.offsets[np.searchsorted(self.starts[1:], utc, side="right")]
        return found

    def to_utc(self, local: MillisArray) -> MillisArray:
        """The instant of a local time: of two the later, and of none (clocks put forward) the change itself."""
        index = np.searchsorted(self._local_starts[1:], local, side="right")
        changes = np.append(self.starts[1:], np.iinfo(np.int64).max)
        found: MillisArray = np.minimum(local - self.offsets[index], changes[index])
        return found


@lru_cache(maxsize=64)
def zone_of(name: str, first_year: int, end_year: int) -> Zone:
    """The zone's offsets from the start of `first_year` to the start of `end_year`."""
    return Zone(name, first_year, end_year)


def _offset(zone: ZoneInfo, instant: datetime) -> int:
    offset = instant.astimezone(zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds() * 1000)


def _transition(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first instant, to the second, that has the offset of `after`."""
    old = _offset(zone, before)
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, before + timedelta(seconds=middle)) == old:
            low = middle
        else:
            high = middle
    return before + timedelta(seconds=high)
