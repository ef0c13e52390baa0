"""What the simulator has to know of a city: where it is, and which kinds of incident its systems report."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any
from zlib import crc32
from zoneinfo import ZoneInfo

from shapely import MultiPolygon, Point, Polygon, prepare

from hub.policy.city import City
from hub.policy.models import Category

SYSTEMS = ("police", "hotline", "petition", "citymgmt")
"""The four departmental systems, by their connectors' names."""
Coordinates = tuple[float, float]
"""Latitude and longitude, degrees, EPSG:4326."""


@dataclass(frozen=True, slots=True)
class SceneCategory:
    """A category of the city's taxonomy, as the systems can report it."""

    code: str
    label: str
    urgency: str
    """As in CaseEvent: ROUTINE, PROMPT, URGENT or EMERGENCY."""
    sources: tuple[str, ...]
    """The systems that can report it. Never empty."""
    label_zh: str = ""
    group: str = ""
    """The code and label of what it belongs to, for systems that name that too."""
    group_label: str = ""
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class SceneArea:
    """A polygon of the city, with the code events carry for it."""

    code: str
    shape: Polygon | MultiPolygon
    weight: float = 1.0
    """How much happens there, relative to the others."""


@dataclass(frozen=True)
class Scene:
    """A city to simulate. Raises ValueError when there is nowhere or nothing to happen."""

    zone: ZoneInfo
    kinds: tuple[SceneCategory, ...]
    areas: tuple[SceneArea, ...]
    nowhere: Coordinates | None = None
    """Where the hotline's system puts what it cannot place."""
    bounds: tuple[float, float, float, float] = field(init=False)
    """West, south, east, north of all areas, degrees."""

    def __post_init__(self) -> None:
        if not self.kinds or not self.areas:
            raise ValueError(
                "A scene needs at least one kind of incident and one area: is the city's policy folder complete?"
            )
        mute = [kind.code for kind in self.kinds if not kind.sources or not set(kind.sources) <= set(SYSTEMS)]
        if mute:
            raise ValueError(
                f"{', '.join(mute)}: must be reported by at least one of {', '.join(SYSTEMS)} and by no other"
            )
        for area in self.areas:
            prepare(area.shape)
        boxes: list[Any] = [area.shape.bounds for area in self.areas]
        west, south = min(box[0] for box in boxes), min(box[1] for box in boxes)
        east, north = max(box[2] for box in boxes), max(box[3] for box in boxes)
        object.__setattr__(self, "bounds", (west, south, east, north))

    def somewhere(self, rng: Random) -> tuple[SceneArea, Coordinates]:
        """A point inside an area, drawn evenly over the area."""
        (area,) = rng.choices(self.areas, [area.weight for area in self.areas])
        west, south, east, north = area.shape.bounds
        while True:
            lat, lon = rng.uniform(south, north), rng.uniform(west, east)
            if area.shape.contains(Point(lon, lat)):
                return area, (lat, lon)

    def elsewhere(self, rng: Random) -> Coordinates:
        """A point outside every area, some kilometres beyond the city's edge."""
        _, south, east, north = self.bounds
        return rng.uniform(south, north), east + rng.uniform(0.05, 0.25)


_URGENCY = {1: "EMERGENCY", 2: "URGENT", 3: "PROMPT"}


def scene_of(city: City) -> Scene:
    """The stage a city's policy makes. What the policy does not say is drawn from the codes, so that it stays the same.

    Raises ValueError if the city has no areas.
    """
    kinds = tuple(_kind(city, category) for category in city.categories.values())
    areas = tuple(SceneArea(area.code, area.geometry) for area in city.areas)
    nowhere = next(((point.lat, point.lon) for point in city.default_points), None)
    return Scene(ZoneInfo(city.time_zone), kinds, areas, nowhere)


def _kind(city: City, category: Category) -> SceneCategory:
    lot = crc32(category.code.encode())
    urgency = _URGENCY.get(_priority(city, category) or 4, "ROUTINE")
    # What is urgent is called in to the police as well; petitions are about what is not; the hotline takes everything.
    others = ("police", "citymgmt") if urgency in ("EMERGENCY", "URGENT") else ("petition", "citymgmt", "police")
    also = [source for index, source in enumerate(others) if index == 0 or lot >> index & 1]
    sources = tuple(source for source in SYSTEMS if source == "hotline" or source in also)
    weight = 0.5 + lot % 1000 / 1000
    return SceneCategory(
        category.code, category.name.en, urgency, sources, category.name.zh, category.family, category.family, weight
    )


def _priority(city: City, category: Category) -> int | None:
    """Of the first route that names the category or its family."""
    for route in city.routes:
        if category.code in (route.when.category or ()) or category.family in (route.when.family or ()):
            return route.priority
    return None
