"""WGS 84 to GCJ-02, the system Chinese map services are bound to: what the simulated city management writes."""

from __future__ import annotations

from math import cos, pi, sin, sqrt

_AXIS = 6_378_245.0
"""Semi-major axis of the Krasovsky ellipsoid, metres."""
_ECCENTRICITY = 0.006_693_421_622_965_943


def to_gcj02(lat: float, lon: float) -> tuple[float, float]:
    """Shift a position as the public approximation of GCJ-02 does, to six decimals; not outside China."""
    if not (0.8293 <= lat <= 55.8271 and 72.004 <= lon <= 137.8347):
        return lat, lon
    x, y = lon - 105.0, lat - 35.0
    root = sqrt(abs(x))
    waves = (20 * sin(6 * x * pi) + 20 * sin(2 * x * pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + waves
    north += (20 * sin(y * pi) + 40 * sin(y / 3 * pi)) * 2 / 3 + (
        160 * sin(y / 12 * pi) + 320 * sin(y * pi / 30)
    ) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + waves
    east += (20 * sin(x * pi) + 40 * sin(x / 3 * pi)) * 2 / 3 + (
        150 * sin(x / 12 * pi) + 300 * sin(x / 30 * pi)
    ) * 2 / 3
    curve = 1 - _ECCENTRICITY * sin(lat / 180 * pi) ** 2
    lat_shift = north * 180 / (_AXIS * (1 - _ECCENTRICITY) / (curve * sqrt(curve)) * pi)
    lon_shift = east * 180 / (_AXIS / sqrt(curve) * cos(lat / 180 * pi) * pi)
    return round(lat + lat_shift, 6), round(lon + lon_shift, 6)
