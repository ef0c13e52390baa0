"""Brings coordinates of the reference systems in use in China to WGS84, for whole columns.

GCJ-02 shifts WGS84 by a published approximation inside China and not at all outside; BD-09 adds a second shift. Both are
undone by iterating the forward formula, to better than a centimetre. EPSG:4490 (CGCS2000) is WGS84 to within a metre.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from hub.model.crs import Crs, crs_of

Degrees = npt.NDArray[np.float64]

_AXIS = 6378245.0  # Krasovsky 1940, which GCJ-02 uses
_ECCENTRICITY2 = 0.00669342162296594323
_BD_PI = np.pi * 3000.0 / 180.0
_WEB_RADIUS = 6378137.0


def _same(lat: Degrees, lon: Degrees) -> tuple[Degrees, Degrees]:
    return lat, lon


def wgs84_to_gcj02(lat: Degrees, lon: Degrees) -> tuple[Degrees, Degrees]:
    """The forward shift; the identity outside China's bounding box."""
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    waves = (20.0 * np.sin(6.0 * x * np.pi) + 20.0 * np.sin(2.0 * x * np.pi)) * 2.0 / 3.0
    dlat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + waves
    dlat += (20.0 * np.sin(y * np.pi) + 40.0 * np.sin(y / 3.0 * np.pi)) * 2.0 / 3.0
    dlat += (160.0 * np.sin(y / 12.0 * np.pi) + 320.0 * np.sin(y * np.pi / 30.0)) * 2.0 / 3.0
    dlon = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + waves
    dlon += (20.0 * np.sin(x * np.pi) + 40.0 * np.sin(x / 3.0 * np.pi)) * 2.0 / 3.0
    dlon += (150.0 * np.sin(x / 12.0 * np.pi) + 300.0 * np.sin(x / 30.0 * np.pi)) * 2.0 / 3.0
    radians = np.radians(lat)
    magic = 1.0 - _ECCENTRICITY2 * np.sin(radians) ** 2
    dlat = np.degrees(dlat / (_AXIS * (1.0 - _ECCENTRICITY2) / magic**1.5))
    dlon = np.degrees(dlon / (_AXIS / np.sqrt(magic) * np.cos(radians)))
    inside = (lon >= 72.004) & (lon <= 137.8347) & (lat >= 0.8293) & (lat <= 55.8271)
    return np.where(inside, lat + dlat, lat), np.where(inside, lon + dlon, lon)


def gcj02_to_bd09(lat: Degrees, lon: Degrees) -> tuple[Degrees, Degrees]:
    """The shift of Baidu's maps on top of GCJ-02."""
    distance = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD_PI)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD_PI)
    return distance * np.sin(angle) + 0.006, distance * np.cos(angle) + 0.0065


def _undo(
    forward: Callable[[Degrees, Degrees], tuple[Degrees, Degrees]], lat: Degrees, lon: Degrees
) -> tuple[Degrees, Degrees]:
    found_lat, found_lon = lat, lon
    for _ in range(5):
        shifted_lat, shifted_lon = forward(found_lat, found_lon)
        found_lat, found_lon = found_lat + (lat - shifted_lat), found_lon + (lon - shifted_lon)
    return found_lat, found_lon


def gcj02_to_wgs84(lat: Degrees, lon: Degrees) -> tuple[Degrees, Degrees]:
    return _undo(wgs84_to_gcj02, lat, lon)


def bd09_to_wgs84(lat: Degrees, lon: Degrees) -> tuple[Degrees, Degrees]:
    return gcj02_to_wgs84(*_undo(gcj02_to_bd09, lat, lon))


TO_WGS84: dict[Crs, Callable[[Degrees, Degrees], tuple[Degrees, Degrees]]] = {
    Crs.WGS84: _same,
    Crs.CGCS2000: _same,
    Crs.GCJ02: gcj02_to_wgs84,
    Crs.BD09: bd09_to_wgs84,
}
"""Of the systems in degrees."""


def converter_of(crs: str) -> Callable[[Degrees, Degrees], tuple[Degrees, Degrees]] | None:
    """What brings `crs`, by any of its usual names, to WGS84; None if the system is not known or not in degrees."""
    known = crs_of(crs)
    return None if known is None else TO_WGS84.get(known)


def web_mercator_to_wgs84(x: float, y: float) -> tuple[float, float]:
    """Latitude and longitude in degrees of a point in metres of EPSG:3857."""
    return math.degrees(2 * math.atan(math.exp(y / _WEB_RADIUS)) - math.pi / 2), math.degrees(x / _WEB_RADIUS)
