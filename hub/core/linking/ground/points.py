"""Points on the ground in flat, sorted arrays, looked up a chunk at a time.

A point's place in the order is one number: its zone (family), the strip of latitude it lies in, and its longitude within
the strip. What lies around a report is then at most two slices, and a chunk's slices are found and sifted by a few
operations on arrays. At 100,000 points in a dense city that costs 2 to 3 microseconds a report, where a dictionary of
cells with objects in them cost 10 to 20, most of it waiting for memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hub.core.columns import Floats, Ints
from hub.core.linking.ground.geo import DEGREE_M
from hub.millis import NEVER_MS

OPEN_MS = NEVER_MS
"""The instant of closing of a point that is still open."""
LONG_GONE_MS = -NEVER_MS
"""The instant of closing of a point that was removed: no report was made before it."""
ZONES = 1 << 10
_LON_BITS, _ROW_BITS = 29, 24
_MICRODEGREES = 1e6
_SMALLEST_HEIGHT = 2 / DEGREE_M
_FEW, _MANY = 512, 4096
"""Sizes of the smaller levels."""
_NONE, _NOWHERE = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float64)
_POLE_COS = 0.01
"""Least cosine of a latitude. Within half a degree of a pole longitudes are taken to be as wide as there."""


def height_of(radius_m: float) -> float:
    """Height in degrees of latitude of the strips in which points are found within `radius_m` metres, in at most two
    strips."""
    return max(2 * radius_m / DEGREE_M * 1.001, _SMALLEST_HEIGHT)


def slot_order(zone: Ints, row: Floats, lon: Floats) -> Ints:
    """The number by which points are sorted; whole in zone and row, rounded down to a microdegree in longitude."""
    micro = ((lon + 180.0) * _MICRODEGREES).clip(0, (1 << _LON_BITS) - 1).astype(np.int64)
    return (((zone << _ROW_BITS) + (row.astype(np.int64) + (1 << (_ROW_BITS - 1)))) << _LON_BITS) + micro


@dataclass(frozen=True)
class Queries:
    """What to look for, one entry each: `row` of the chunk asks in `zone` around a point; degrees, ms, metres."""

    row: Ints
    zone: Ints
    lat: Floats
    lon: Floats
    at_ms: Ints
    radius_m: Floats
    degrees: Floats
    height: Floats
    window_ms: Floats
    span_ms: Floats
    after_ms: Floats
    min_score: Floats
    tie: Ints

    def spans(self) -> Spans:
        """The slices of the order to look through: one or two strips for each query."""
        south, north = self.lat - self.degrees, self.lat + self.degrees
        cosine = np.cos(np.radians(self.lat)) - np.radians(self.degrees)  # no less anywhere within the reach
        wide = self.degrees / np.maximum(cosine, _POLE_COS)
        row, last = np.floor(south / self.height), np.floor(north / self.height)
        query, zone, west, east = np.arange(len(row)), self.zone, self.lon - wide, self.lon + wide
        second = (last > row).nonzero()[0]
        if len(second):
            query, row = np.concatenate((query, second)), np.concatenate((row, last[second]))
            zone, west, east = zone[query], west[query], east[query]
        return Spans(self, query, slot_order(zone, row, west), slot_order(zone, row, east), south, north)


@dataclass(frozen=True)
class Spans:
    """Slices of the sorted points to search: for each the index of its query and the range of keys; degrees."""

    asked: Queries
    query: Ints
    west: Ints
    east: Ints
    south: Floats
    north: Floats


@dataclass(frozen=True)
class Around:
    """Pairs of query and point: the query's index, and the point's slot, time of report (ms) and position (degrees)."""

    query: Ints
    slot: Ints
    at_ms: Ints
    lat: Floats
    lon: Floats

    @classmethod
    def empty(cls) -> Around:
        return cls(_NONE, _NONE, _NONE, _NOWHERE, _NOWHERE)

    @classmethod
    def joined(cls, parts: Sequence[Around]) -> Around:
        """Concatenate columns of several parts."""
        parts = [part for part in parts if len(part.query)] or parts[:1]
        if len(parts) == 1:
            return parts[0]
        columns = ([getattr(part, name) for part in parts] for name in cls.__dataclass_fields__)
        return cls(*(np.concatenate(column) for column in columns))


@dataclass(frozen=True)
class Level:
    """Points sorted by `key`. `slot` is what a point is called."""

    key: Ints
    lat: Floats
    lon: Floats
    at_ms: Ints
    slot: Ints

    @classmethod
    def sort(cls, key: Ints, lat: Floats, lon: Floats, at_ms: Ints, slot: Ints) -> Level:
        by = key.argsort(kind="stable")
        return cls(key[by], lat[by], lon[by], at_ms[by], slot[by])

    @classmethod
    def empty(cls) -> Level:
        return cls(_NONE, _NOWHERE, _NOWHERE, _NONE, _NONE)

    def joined(self, other: Level) -> Level:
        pairs = ((getattr(self, name), getattr(other, name)) for name in self.__dataclass_fields__)
        return Level.sort(*(np.concatenate(pair) for pair in pairs))

    def kept(self, which: npt.NDArray[np.bool_]) -> Level:
        return Level(**{name: getattr(self, name)[which] for name in self.__dataclass_fields__})

    def around(self, spans: Spans) -> tuple[Ints, Ints]:
        """Pairs of query and point within the query's box and span of time: positions in `asked` and here."""
        start = self.key.searchsorted(spans.west)
        count = self.key.searchsorted(spans.east, side="right") - start
        if not count.any():
            return _NONE, _NONE
        asked, query = spans.asked, spans.query.repeat(count)
        point = np.arange(len(query)) + (start - (count.cumsum() - count)).repeat(count)
        lat = self.lat[point]
        fits = np.abs(self.at_ms[point] - asked.at_ms[query]) <= asked.span_ms[query]
        fits &= (lat >= spans.south[query]) & (lat <= spans.north[query])
        return query[fits], point[fits]


class Ground:
    """The points of a partition in three sorted levels: what came last is small and sorted anew for each chunk."""

    def __init__(self) -> None:
        self._base, self._middle = Level.empty(), Level.empty()
        self._last = Level.empty()
        """The smallest level, sorted."""
        self._fresh: list[tuple[int, float, float, float, int, int]] = []
        """What is not yet in it."""
        self._closed = array("q")
        self._free: list[int] = []
        self._gone = 0

    def insert(self, zone: int, height: float, lat: float, lon: float, at_ms: int, closed_ms: int | None) -> int:
        """Insert a point. Returns its slot, which identifies it until it is deleted."""
        closing = OPEN_MS if closed_ms is None else closed_ms
        if self._free:
            slot = self._free.pop()
            self._closed[slot] = closing
        else:
            slot = len(self._closed)
            self._closed.append(closing)
        self._fresh.append((zone, height, lat, lon, at_ms, slot))
        return slot

    def close(self, slot: int, closed_ms: int | None) -> None:
        self._closed[slot] = OPEN_MS if closed_ms is None else closed_ms

    def delete(self, slot: int) -> None:
        self._closed[slot] = LONG_GONE_MS
        self._gone += 1

    def around(self, spans: Spans) -> Around:
        """Pairs for every point that is near enough, recent enough and open long enough."""
        fresh, asked = self._sorted(), spans.asked
        closed = np.frombuffer(self._closed, dtype=np.int64)
        found = [Around.empty()]
        for level in (self._base, self._middle, fresh):
            if not len(level.key):
                continue
            query, point = level.around(spans)
            if not len(query):
                continue
            slot = level.slot[point]
            open_enough = closed[slot] > asked.at_ms[query] - asked.after_ms[query]
            query, point = query[open_enough], point[open_enough]
            found.append(Around(query, slot[open_enough], level.at_ms[point], level.lat[point], level.lon[point]))
        return Around.joined(found)

    def _sorted(self) -> Level:
        """The newest points, sorted. Once there are many, they are merged into the next level."""
        if self._fresh:
            zone, height, lat, lon, at_ms, slot = zip(*self._fresh, strict=True)
            self._fresh.clear()
            lats, lons = np.array(lat), np.array(lon)
            key = slot_order(np.array(zone, dtype=np.int64), np.floor(lats / np.array(height)), lons)
            new = Level(key, lats, lons, np.array(at_ms, dtype=np.int64), np.array(slot, dtype=np.int64))
            self._last = self._last.joined(new)
        if len(self._last.key) >= _FEW or self._gone >= _MANY + len(self._base.key) // 4:
            self._middle, self._last = self._middle.joined(self._last), Level.empty()
            if len(self._middle.key) + self._gone > _MANY + len(self._base.key) // 8:
                self._compact()
        return self._last

    def _compact(self) -> None:
        whole = self._base.joined(self._middle)
        there = np.frombuffer(self._closed, dtype=np.int64)[whole.slot] != LONG_GONE_MS
        self._free += whole.slot[~there].tolist()
        self._base, self._middle, self._gone = whole.kept(there), Level.empty(), 0
