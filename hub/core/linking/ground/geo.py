"""Distances on the ground."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt

EARTH_M = 6_371_008.8
"""Mean radius of the earth."""
DEGREE_M = EARTH_M * radians(1)
_HALF_RADIAN = radians(0.5)


def distance_m(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Great-circle metres between two points in degrees, by the haversine formula."""
    half_lat, half_lon = sin((other_lat - lat) * _HALF_RADIAN), sin((other_lon - lon) * _HALF_RADIAN)
    root = half_lat * half_lat + cos(radians(lat)) * cos(radians(other_lat)) * half_lon * half_lon
    return 2 * EARTH_M * asin(min(1.0, sqrt(root)))
