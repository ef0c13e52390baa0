"""An event's place from a row's columns: degrees as systems write them, in a reference system that the hub knows."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as Values
from typing import Any

from hub.core.places.crs import web_mercator_to_wgs84
from hub.errors import Reason, RejectedRecordError
from hub.model.crs import KNOWN_CRS, Crs, crs_of
from hub.sdk.mapping.columns import Cell, optional_reader, text_reader
from hub.sdk.mapping.mapping import PlaceSpec
from hub.sdk.mapping.numbers import Plain

_Point = tuple[float, float]


def place_reader(spec: PlaceSpec, cell: Cell, plain: Plain) -> Callable[[Values[str, Any]], dict[str, Any]]:
    """The place from a row's values, its point in degrees of a system by the hub's own name.

    The function raises RejectedRecordError: bad_row for what is no number, invalid for a system that is not known and for numbers
    that cannot be degrees.
    """
    code, grid, address = (optional_reader(each, cell) for each in (spec.code, spec.grid, spec.address))
    lat, lon, crs = optional_reader(spec.lat, cell), optional_reader(spec.lon, cell), text_reader(spec.crs, cell)
    nowhere = frozenset(spec.nowhere)

    def place(values: Values[str, Any]) -> dict[str, Any]:
        y, x = _number("lat", lat(values), plain), _number("lon", lon(values), plain)
        system: str = Crs.WGS84
        if (y, x) in nowhere:
            y = x = None
        elif y is not None and x is not None:
            (y, x), system = _in_degrees(y, x, crs(values))
        return {
            "code": code(values), "grid": grid(values), "lat": y, "lon": x, "crs": system, "address": address(values),
        }  # fmt: skip

    return place


def _in_degrees(y: float, x: float, name: str) -> tuple[_Point, str]:
    system = crs_of(name)
    if system is None:
        raise RejectedRecordError(
            Reason.INVALID,
            f"place.crs: {'it is empty' if not name else 'the reference system is not known'}; known are {KNOWN_CRS} and Web "
            "Mercator (EPSG:3857). Name the system in the mapping, with `map` or `default`, or convert the points",
        )
    if system is Crs.WEB_MERCATOR:
        return _from_mercator(y, x), Crs.WGS84
    if not may_be_degrees(y, x):
        raise RejectedRecordError(
            Reason.INVALID,
            "place: lat and lon are no degrees: metres, feet, or degrees times a power of ten? If they are metres of Web Mercator, "
            "let the mapping's `crs` say EPSG:3857; a point that means nowhere belongs under `nowhere`; else convert them",
        )
    return (y, x), system


def may_be_degrees(y: float, x: float) -> bool:
    """False if two numbers are no latitude and longitude, whichever of them is which: that is told later."""
    y, x = abs(y), abs(x)
    return not (min(y, x) > 90 or max(y, x) > 180)


def _from_mercator(y: float, x: float) -> _Point:
    if max(abs(y), abs(x)) > 20_037_509:  # metres from the equator and the meridian to the edge of the map
        raise RejectedRecordError(Reason.INVALID, "place: lat and lon lie beyond the map of Web Mercator (EPSG:3857)")
    return web_mercator_to_wgs84(x, y)


def _number(name: str, text: str | None, plain: Plain) -> float | None:
    if not text:
        return None
    try:
        if "_" in (written := plain(text)) or not written.isascii():
            raise ValueError
        return float(written)
    except ValueError:
        raise RejectedRecordError(
            Reason.BAD_ROW,
            f'{name} is not a number of degrees; if its decimal sign is a comma, let the mapping say `decimal: ","`, and what sets '
            "its thousands apart by `thousands`; words for no value belong under `nulls`",
        ) from None
