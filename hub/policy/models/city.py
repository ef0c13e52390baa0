"""city.yaml: who and where, and the ground on which everything is placed."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

from hub.policy.models.base import Id, Name, Strict, Text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{text!r} is not an IANA time zone; write one like 'Asia/Shanghai'") from None
    return text


def _four_decimals(value: float) -> float:
    if round(value, 4) != value:
        raise ValueError("default points are compared at 4 decimals; write no more than 4")
    return value


TimeZone = Annotated[str, AfterValidator(_zone)]


class DefaultPoint(Strict):
    """Where a source's system puts what it cannot place: no place at all."""

    lat: Annotated[float, Field(ge=-90, le=90), AfterValidator(_four_decimals)]
    lon: Annotated[float, Field(ge=-180, le=180), AfterValidator(_four_decimals)]


class AreasFile(Strict):
    """Where the polygons are: a GeoJSON file of the folder and the properties that hold code and name."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    code: Text
    name: Text


class CityFile(Strict):
    """city.yaml"""

    id: Id
    name: Name
    time_zone: TimeZone
    effective_from: date
    dispatch_desk: Id
    areas: AreasFile | None = None
    grid_degrees: float = Field(0.02, ge=0.001, le=1)
    default_points: tuple[DefaultPoint, ...] = ()
