"""Why a point is of no use to the city, as far as it can be told from the point: for whoever has to mend its source."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from hub.bounds import are_degrees
from hub.core.places.crs import Degrees

Holds = Callable[[Degrees, Degrees], npt.NDArray[np.bool_]]
"""Which points (latitudes, longitudes) lie in an area of the city."""
NULL_ISLAND_DEGREES = 0.001


class PointFault(StrEnum):
    """A metric label, so the list is closed. The likeliest reason is given, the first that holds in the order below."""

    UNKNOWN_CRS = "unknown_crs"
    ZERO = "zero"
    """0/0: the system had no point and wrote one."""
    SWAPPED = "swapped"
    """With latitude and longitude exchanged it would lie in the city."""
    SIGN = "sign"
    """With another sign it would."""
    HALF_ZERO = "half_zero"
    """One of the two is 0."""
    NOT_DEGREES = "not_degrees"
    """Beyond 90 and 180: metres, feet, or degrees times a million."""
    OUTSIDE = "outside"
    """In degrees, and in no area of the city."""


HINTS = {
    PointFault.UNKNOWN_CRS: "their reference system is not known",
    PointFault.ZERO: "0/0 stands where there is no point",
    PointFault.SWAPPED: "latitude and longitude are exchanged: the other way round they lie in the city",
    PointFault.SIGN: "the sign is lost: with another they lie in the city",
    PointFault.HALF_ZERO: "one of latitude and longitude is 0",
    PointFault.NOT_DEGREES: "they are no degrees: metres, feet, or degrees times a power of ten",
    PointFault.OUTSIDE: "they lie in no area of the city",
}
_SIGNS = ((-1, 1), (1, -1), (-1, -1))


def faults_of(lats: Degrees, lons: Degrees, known_crs: npt.NDArray[np.bool_], holds: Holds) -> list[PointFault]:
    """One entry for each point, none of which is NaN and none of which lies in an area as it stands.

    `known_crs`: whether its system is. Where the city has no areas, `holds` is never true and nothing is OUTSIDE: see Places.
    """
    found = np.full(len(lats), PointFault.OUTSIDE, dtype=object)
    found[~are_degrees(lats, lons)] = PointFault.NOT_DEGREES
    near_zero = np.abs(lats) <= NULL_ISLAND_DEGREES, np.abs(lons) <= NULL_ISLAND_DEGREES
    found[near_zero[0] | near_zero[1]] = PointFault.HALF_ZERO
    for lat_sign, lon_sign in _SIGNS:
        found[holds(lats * lat_sign, lons * lon_sign)] = PointFault.SIGN
    found[holds(lons, lats)] = PointFault.SWAPPED
    found[near_zero[0] & near_zero[1]] = PointFault.ZERO
    found[~known_crs] = PointFault.UNKNOWN_CRS
    return list(found)
