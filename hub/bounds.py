"""Bounds that several checks share, each written once: pydantic's of records and files, msgspec's of changelogs, those of
columns."""

from __future__ import annotations

from typing import Any, NamedTuple


class Bounds(NamedTuple):
    """The least and the most that a number may be."""

    least: int
    most: int


INT = Bounds(-(2**31), 2**31 - 1)
LONG = Bounds(-(2**63), 2**63 - 1)
COUNTER = Bounds(0, INT.most)
OFFSET = Bounds(0, LONG.most)
LATITUDE = Bounds(-90, 90)
LONGITUDE = Bounds(-180, 180)

CONTROL_CHARACTERS = r"\x00-\x1f\x7f-\x9f"
"""NUL, line ends, what begins a terminal's escape; for within the brackets of a regular expression."""
MAX_SYSTEM_ID_CHARS = 40
SYSTEM_ID = rf"[a-z][a-z0-9_]{{0,{MAX_SYSTEM_ID_CHARS - 1}}}"
"""What a source or a department is called, in topics too."""


def are_degrees(lat: Any, lon: Any) -> Any:
    """Whether these can be latitudes and longitudes: of numbers, or of columns of them. Never of what is not a number."""
    return (abs(lat) <= LATITUDE.most) & (abs(lon) <= LONGITUDE.most)


def in_degrees(west: float, south: float, east: float, north: float) -> bool:
    """True if a box can be one of longitudes and latitudes; never of one that is not a number."""
    return LONGITUDE.least <= west <= east <= LONGITUDE.most and LATITUDE.least <= south <= north <= LATITUDE.most


CASE_ID = "C-[A-Z2-7]{16}"
"""Of what the hub itself calls a case; what is none, but stands where one should, may be anything that somebody wrote."""
