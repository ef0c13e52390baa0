"""city.yaml: who and where, and the ground on which everything is placed."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from hub.bounds import LATITUDE, LONGITUDE
from hub.policy.models.base import MAIN_LAYER, Id, Name, ShortText, Strict
from hub.policy.models.life import LifeSpec


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

    lat: Annotated[float, Field(ge=LATITUDE.least, le=LATITUDE.most), AfterValidator(_four_decimals)]
    lon: Annotated[float, Field(ge=LONGITUDE.least, le=LONGITUDE.most), AfterValidator(_four_decimals)]


class AreasFile(Strict):
    """A layer of areas: a GeoJSON file of the folder and the properties that hold code and name."""

    layer: Id = MAIN_LAYER
    """How rows of routes.yaml call it, where they name a layer."""
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    code: ShortText
    name: ShortText


class CityFile(Strict):
    """city.yaml"""

    id: Id
    name: Name
    time_zone: TimeZone
    effective_from: date
    dispatch_desk: Id
    include: tuple[ShortText, ...] = ()
    """Folders of packs 流程包, absolute or from this folder: their rows are the city's too (hub/policy/inclusion.py)."""
    areas: AreasFile | None = None
    """The main layer: its codes key places, and are what `area` means in every table. Without one, cells of a grid key places."""
    layers: tuple[AreasFile, ...] = ()
    """Further layers for routing (wards, police districts, maintenance districts ...)."""
    grid_degrees: float = Field(0.02, ge=0.001, le=1)
    default_points: tuple[DefaultPoint, ...] = ()
    sources: tuple[Id, ...] = ()
    """Systems that report here though no connector of theirs is at hand: they publish by themselves, or are still to come."""
    life: LifeSpec = LifeSpec()

    @model_validator(mode="after")
    def _layers_differ(self) -> Self:
        if any(one.layer == MAIN_LAYER for one in self.layers):
            raise ValueError(f"{MAIN_LAYER!r} always means the main layer; give the further one another `layer` name")
        names = [one.layer for one in (*([self.areas] if self.areas else []), *self.layers)]
        again = [name for name in names if names.count(name) > 1]
        if again:
            raise ValueError(f"two layers are called {again[0]!r}; give each a `layer` name of its own")
        return self
