"""Where events are: coordinates in WGS84, the city's area, and the key that brings reports of one place together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from hub.bounds import are_degrees
from hub.core.places.crs import Degrees, converter_of
from hub.core.places.point_faults import NULL_ISLAND_DEGREES, PointFault, faults_of
from hub.policy.areas import Area
from hub.policy.city import City

_REMEMBERED_POINTS = 50_000


@dataclass(frozen=True)
class Located:
    """Places as columns, one entry an event. `lat` and `lon` are WGS84 degrees, NaN when the event has no point;
    `area` an area code or None; `place_key` None when the event has neither point nor area code. `faults`: of events that have
    a point and neither it nor their code is in an area of the city, by number, what is probably wrong with the point."""

    lat: Degrees
    lon: Degrees
    area: list[str | None]
    place_key: list[str | None]
    faults: dict[int, PointFault]


class Layer:
    """One layer of areas, asked where points lie."""

    def __init__(self, areas: Sequence[Area]) -> None:
        self.codes = [area.code for area in areas]
        self._shapes = np.array([area.geometry for area in areas], dtype=object)
        shapely.prepare(self._shapes)
        self._tree = shapely.STRtree(self._shapes) if self.codes else None

    def find(self, lats: Degrees, lons: Degrees) -> list[str | None]:
        """The code of the area that holds each point (WGS84 degrees, none NaN), borders included; None outside all."""
        found: list[str | None] = [None] * len(lats)
        point, shape = self._hits(lats, lons)
        # On a shared border the area that comes first in the file wins; written last, so it stays.
        order = np.argsort(-shape, kind="stable")
        for row, index in zip(point[order].tolist(), shape[order].tolist(), strict=True):
            found[row] = self.codes[index]
        return found

    def holds(self, lats: Degrees, lons: Degrees) -> npt.NDArray[np.bool_]:
        """Whether each point, none NaN, lies in any of the areas."""
        inside = np.zeros(len(lats), dtype=np.bool_)
        inside[self._hits(lats, lons)[0]] = True
        return inside

    def _hits(self, lats: Degrees, lons: Degrees) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Numbers of points and of the areas that hold them, pair by pair."""
        if self._tree is None or not len(lats):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        # The tree proposes by bounding box; the prepared polygons decide, faster than by predicate.
        point, shape = self._tree.query(shapely.points(lons, lats))
        hit = shapely.intersects_xy(self._shapes[shape], lons[point], lats[point])
        return point[hit], shape[hit]


class Layers:
    """The further layers of one city, beside its main one."""

    def __init__(self, city: City) -> None:
        self._layers = {name: Layer(areas) for name, areas in city.layers.items()}
        self._remembered: dict[tuple[float, float], dict[str, str | None]] = {}

    def find(self, lat: npt.ArrayLike, lon: npt.ArrayLike) -> dict[str, list[str | None]]:
        """By layer, the code at each point or None; WGS84 degrees, NaN (or None) where there is no point."""
        lats, lons = np.asarray(lat, dtype=np.float64), np.asarray(lon, dtype=np.float64)
        rows = np.flatnonzero(~(np.isnan(lats) | np.isnan(lons)))
        placed = rows.tolist()
        result: dict[str, list[str | None]] = {}
        for name, layer in self._layers.items():
            column: list[str | None] = [None] * len(lats)
            for row, code in zip(placed, layer.find(lats[rows], lons[rows]), strict=True):
                column[row] = code
            result[name] = column
        return result

    def find_one(self, lat: float | None, lon: float | None) -> dict[str, str | None]:
        """As `find`, for one point."""
        if lat is None or lon is None:
            return {}
        known = self._remembered.get((lat, lon))
        if known is None:
            known = {name: codes[0] for name, codes in self.find([lat], [lon]).items()}
            if len(self._remembered) >= _REMEMBERED_POINTS:
                self._remembered.clear()
            self._remembered[(lat, lon)] = known
        return known


class Places:
    """The main layer of areas and the default points of one city."""

    def __init__(self, city: City) -> None:
        self._layer = Layer(city.areas)
        self._known = frozenset(self._layer.codes)
        self._divisions = city.divisions
        self._grid = city.grid_degrees
        self._default = np.array([_packed(point.lat, point.lon) for point in city.default_points], dtype=np.int64)

    def locate(
        self,
        lat: npt.ArrayLike,
        lon: npt.ArrayLike,
        code: Sequence[str | None],
        crs: Sequence[str],
        grid: Sequence[str | None] = (),
        source: Sequence[str] = (),
    ) -> Located:
        """Place a chunk. `lat` and `lon` in degrees of `crs`, NaN where missing; `code` the source's division code. `grid`, its
        code of a grid, and `source` are asked where `by_codes` is True.

        No point: missing, out of range, at 0/0, at a default point of the city, or in a reference system not known.
        An event's own code counts if it is one of the city's areas, before its point does. Where the city has divisions.yaml, the
        area is the finest code that is known, and the key that of the level by which places are keyed.
        """
        lats, lons = np.array(lat, dtype=np.float64), np.array(lon, dtype=np.float64)
        given = lats.copy(), lons.copy()
        unusable = ~self._usable(lats, lons)
        lats[unusable] = lons[unusable] = np.nan
        known = self._convert(lats, lons, crs)
        area = (
            self._areas(lats, lons, code) if self._divisions is None else self._divided(lats, lons, code, grid, source)
        )
        unplaced = np.array([one is None for one in area], dtype=np.bool_)
        keys = self._keys(lats, lons, area, np.flatnonzero(~np.isnan(lats) & unplaced))
        return Located(lats, lons, area, keys, self._faults(*given, known, unplaced))

    def _usable(self, lats: Degrees, lons: Degrees) -> npt.NDArray[np.bool_]:
        usable: npt.NDArray[np.bool_] = are_degrees(lats, lons)  # False for NaN and infinity
        usable &= (np.abs(lats) > NULL_ISLAND_DEGREES) | (np.abs(lons) > NULL_ISLAND_DEGREES)
        return usable & ~self._at_default(lats, lons)

    def _at_default(self, lats: Degrees, lons: Degrees) -> npt.NDArray[np.bool_]:
        at = np.zeros(len(lats), dtype=np.bool_)
        if self._default.size:
            sane = are_degrees(lats, lons)
            at[sane] = np.isin(_packed(lats[sane], lons[sane]), self._default)
        return at

    def _convert(self, lats: Degrees, lons: Degrees, crs: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Bring the columns to WGS84 in place, NaN where the system is not known; return where it is."""
        converters, known = {name: converter_of(name) for name in set(crs)}, np.ones(len(lats), dtype=np.bool_)
        different = set(converters.values())
        for convert in different:
            rows = (
                slice(None)
                if len(different) == 1
                else np.array([converters[name] is convert for name in crs], dtype=np.bool_)
            )
            if convert is None:
                lats[rows] = lons[rows] = np.nan
                known[rows] = False
            else:
                lats[rows], lons[rows] = convert(lats[rows], lons[rows])
        return known

    def _faults(
        self, lats: Degrees, lons: Degrees, known_crs: npt.NDArray[np.bool_], unplaced: npt.NDArray[np.bool_]
    ) -> dict[int, PointFault]:
        """Of the points as they were given. A default point of the city is none; nothing is outside a city without areas."""
        suspects = unplaced & np.isfinite(lats) & np.isfinite(lons)
        if not self._known:
            suspects &= ~(known_crs & self._usable(lats, lons))
        if not suspects.any():
            return {}
        rows = np.flatnonzero(suspects)
        rows = rows[~self._at_default(lats[rows], lons[rows])]
        return dict(
            zip(rows.tolist(), faults_of(lats[rows], lons[rows], known_crs[rows], self._layer.holds), strict=True)
        )

    def _areas(self, lats: Degrees, lons: Degrees, code: Sequence[str | None]) -> list[str | None]:
        known = self._known
        area = [one if one in known else None for one in code]
        rows = np.flatnonzero(~np.isnan(lats) & np.array([one is None for one in area], dtype=np.bool_))
        for row, found in zip(rows.tolist(), self._layer.find(lats[rows], lons[rows]), strict=True):
            area[row] = found
        return area

    @property
    def by_codes(self) -> bool:
        """True if areas are told by codes of divisions, so that grids and sources count."""
        return self._divisions is not None

    def _divided(
        self,
        lats: Degrees,
        lons: Degrees,
        code: Sequence[str | None],
        grid: Sequence[str | None],
        source: Sequence[str],
    ) -> list[str | None]:
        """What a report names counts before its point, unless the point lies within that and says more."""
        divisions, known = self._divisions, self._known
        assert divisions is not None
        asked = zip(source or [""] * len(code), grid or [None] * len(code), code, strict=True)
        area = [divisions.code_of(*each) or (each[2] if each[2] in known else None) for each in asked]
        coarse = [one is None or len(one) <= divisions.key_digits for one in area]
        rows = np.flatnonzero(~np.isnan(lats) & np.array(coarse, dtype=np.bool_))
        for row, found in zip(rows.tolist(), self._layer.find(lats[rows], lons[rows]), strict=True):
            named = area[row]
            if named is None or (found is not None and divisions.within(found, (named,))):
                area[row] = found
        return area

    def _keys(
        self, lats: Degrees, lons: Degrees, area: list[str | None], rows: npt.NDArray[np.int64]
    ) -> list[str | None]:
        """Each event's area, or that of the level that keys places; and for `rows`, which have a point and no area, the cell of the
        grid."""
        divisions = self._divisions
        keys = list(area) if divisions is None else [one and divisions.key_of(one) for one in area]
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
