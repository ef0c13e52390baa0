"""What RFC 7946 asks of the coordinates of a polygon, said before a library makes a shape of them: it would silently read text as
numbers and close a ring that somebody has cut off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_LEAST_POINTS = 4
_AXES = (2, 3)
"""Longitude and latitude, and the height, which is not looked at."""


def ring_fault(geometry: Any) -> str | None:
    """What is wrong with the coordinates of a Polygon or MultiPolygon, with its place and the way out. None: nothing, or it is
    another kind of geometry."""
    if geometry is None:
        return "it has no geometry (null); draw it, or remove the feature"
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in ("Polygon", "MultiPolygon"):
        return None
    coordinates = geometry.get("coordinates")
    polygons = coordinates if kind == "MultiPolygon" else [coordinates]
    if not isinstance(polygons, list) or not all(isinstance(each, list) for each in polygons):
        return f"a {kind} has lists of rings as its `coordinates` (RFC 7946); export it again"
    of_several = len(polygons) > 1
    for number, rings in enumerate(polygons, start=1):
        for fault in _faults(rings):
            return f"polygon {number}, {fault}" if of_several else fault
    return None


def _faults(rings: list[Any]) -> Iterator[str]:
    for number, ring in enumerate(rings, start=1):
        if not isinstance(ring, list):
            yield f"ring {number} is no list of points; export it again"
            continue
        wrong = next((place for place, point in enumerate(ring, start=1) if not _is_point(point)), None)
        if wrong is not None:
            yield f"ring {number}, point {wrong} is not longitude and latitude as numbers; write it like [114.5, 34.05]"
        elif len(ring) < _LEAST_POINTS:
            yield f"ring {number} has {len(ring)} points; it needs {_LEAST_POINTS} at least, the last like the first (RFC 7946)"
        elif ring[0] != ring[-1]:
            yield f"ring {number} is open: its last point is not its first (RFC 7946); repeat it, if none is lost"


def _is_point(point: Any) -> bool:
    return (
        isinstance(point, list)
        and len(point) in _AXES
        and all(isinstance(axis, int | float) and not isinstance(axis, bool) for axis in point)
    )
