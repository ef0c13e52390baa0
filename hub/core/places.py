"""Where events are: coordinates in WGS84, the city's area, and the key that brings reports of one place together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from hub.core.crs import Degrees, converter_of
from hub.policy.city import City

_NULL_ISLAND_DEGREES = 0.001


@dataclass(frozen=True)
class Located:
    """Places as columns, one entry an event. `lat` and `lon` are WGS84 degrees, NaN when the event has no point;
    `area` an area code or None; `place_key` None when the event has neither point nor area code."""

    lat: Degrees
    lon: Degrees
    area: list[str | None]
    place_key: list[str | None]


class Places:
    """The areas and default points of one city."""

    def __init__(self, city: City) -> None:
        self._codes = [area.code for area in city.areas]
        self._known = frozenset(self._codes)
        self._shapes = np.array([area.geometry for area in city.areas], dtype=object)
        shapely.prepare(self._shapes)
        self._tree = shapely.STRtree(self._shapes) if self._codes else None
        self._grid = city.grid_degrees
        self._default = np.array([_packed(point.lat, point.lon) for point in city.default_points], dtype=np.int64)

    def locate(
        self,
        lat: npt.ArrayLike,
        lon: npt.ArrayLike,
        code: Sequence[str | None],
        crs: Sequence[str],
    ) -> Located:
        """Place a chunk. `lat` and `lon` in degrees of `crs`, NaN where missing; `code` the source's division code.

        No point: missing, out of range, at 0/0, at a default point of the city, or in a reference system not known.
        An event's own code counts if it is one of the city's areas, before its point does.
        """
        lats, lons = np.array(lat, dtype=np.float64), np.array(lon, dtype=np.float64)
        unusable = ~self._usable(lats, lons)
        lats[unusable] = lons[unusable] = np.nan
        self._convert(lats, lons, crs)
        area = self._areas(lats, lons, code)
        return Located(lats, lons, area, self._keys(lats, lons, area))

    def _usable(self, lats: Degrees, lons: Degrees) -> npt.NDArray[np.bool_]:
        usable = (np.abs(lats) <= 90) & (np.abs(lons) <= 180)  # False for NaN and infinity
        usable &= (np.abs(lats) > _NULL_ISLAND_DEGREES) | (np.abs(lons) > _NULL_ISLAND_DEGREES)
        if self._default.size:
            usable[usable] = ~np.isin(_packed(lats[usable], lons[usable]), self._default)
        return usable

    def _convert(self, lats: Degrees, lons: Degrees, crs: Sequence[str]) -> None:
        names = set(crs)
        for name in names:
            convert = converter_of(name)
            rows = slice(None) if len(names) == 1 else np.array([one == name for one in crs], dtype=np.bool_)
            if convert is None:
                lats[rows] = lons[rows] = np.nan
            else:
                lats[rows], lons[rows] = convert(lats[rows], lons[rows])

    def _areas(self, lats: Degrees, lons: Degrees, code: Sequence[str | None]) -> list[str | None]:
        known = self._known
        area = [one if one in known else None for one in code]
        if self._tree is None:
            return area
        rows = np.flatnonzero(~np.isnan(lats) & np.array([one is None for one in area], dtype=np.bool_))
        if not rows.size:
            return area
        x, y = lons[rows], lats[rows]
        # The tree proposes by bounding box; the prepared polygons decide, borders included, faster than by predicate.
        point, shape = self._tree.query(shapely.points(x, y))
        hit = shapely.intersects_xy(self._shapes[shape], x[point], y[point])
        point, shape = point[hit], shape[hit]
        # On a shared border the area that comes first in the file wins; written last, so it stays.
        order = np.argsort(-shape, kind="stable")
        for row, index in zip(rows[point[order]].tolist(), shape[order].tolist(), strict=True):
            area[row] = self._codes[index]
        return area

    def _keys(self, lats: Degrees, lons: Degrees, area: list[str | None]) -> list[str | None]:
        keys = list(area)
        rows = np.flatnonzero(~np.isnan(lats) & np.array([one is None for one in area], dtype=np.bool_))
        ix = np.floor(lons[rows] / self._grid).astype(np.int64).tolist()
        iy = np.floor(lats[rows] / self._grid).astype(np.int64).tolist()
        for row, cell in zip(rows.tolist(), zip(ix, iy, strict=True), strict=True):
            keys[row] = f"g:{cell[0]}:{cell[1]}"
        return keys


def _packed(lat: npt.ArrayLike, lon: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """A point at 4 decimals as one whole number."""
    lats = np.rint(np.asarray(lat, dtype=np.float64) * 1e4).astype(np.int64)
    lons = np.rint(np.asarray(lon, dtype=np.float64) * 1e4).astype(np.int64)
    return np.asarray(lats * 10_000_000 + lons)
