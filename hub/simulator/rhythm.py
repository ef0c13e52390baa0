"""When incidents happen: the rhythm of a day, and the bursts in it. Pure, and the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from hub.millis import HOUR_MS, MINUTE_MS, datetime_of
from hub.simulator.scene import Coordinates, Scene, SceneArea, SceneCategory

HOURS = (3, 2, 2, 1, 2, 3, 6, 10, 13, 14, 13, 12, 11, 12, 13, 13, 12, 12, 11, 9, 8, 6, 5, 4)
"""Relative frequency by local hour: quiet at night, a morning and an afternoon hump, as call centres show."""
REPORTS_EACH = ((1, 72), (2, 17), (3, 7), (4, 3), (5, 1))
"""How many people report one everyday incident, with weights."""
MEAN_REPORTS = sum(count * weight for count, weight in REPORTS_EACH) / sum(weight for _, weight in REPORTS_EACH)


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that happens once, however many report it."""

    number: int
    at_ms: int
    kind: SceneCategory
    area: SceneArea
    where: Coordinates
    reports: int
    spread_ms: int
    """How long the reports keep coming in."""
    burst: str | None = None


@dataclass(frozen=True, slots=True)
class Burst:
    """Much at once: `incidents` of one kind, each with about `reports` reports, within `spread_ms`."""

    name: str
    hour: float
    """Hours after the start of the day, on average."""
    incidents: int
    reports: int
    spread_ms: int
    wide: bool
    """All over the city and of any kind; otherwise of an urgent kind that many systems report."""


BURSTS = (
    Burst("outcry", 3.5, 1, 40, 12 * MINUTE_MS, wide=False),
    Burst("storm", 9.0, 60, 1, 100 * MINUTE_MS, wide=True),
    Burst("pile_up", 12.0, 1, 15, 8 * MINUTE_MS, wide=False),
)
"""What a day has besides the everyday, at 6,000 rows a day; scaled with the rate."""
NOMINAL_RATE = 6000
_RANK = {"ROUTINE": 0, "PROMPT": 1, "URGENT": 2, "EMERGENCY": 3}


def day_of_incidents(
    scene: Scene, rng: Random, start_ms: int, everyday: int, scale: float, first: int
) -> list[Incident]:
    """The incidents of the 24 hours from `start_ms`, everyday ones and bursts; numbered from `first`, by time."""
    found = [*_everyday(scene, rng, start_ms, everyday), *_bursts(scene, rng, start_ms, scale)]
    found.sort(key=lambda incident: incident.at_ms)
    return [replace(incident, number=first + index) for index, incident in enumerate(found)]


def burst_reports(scale: float) -> float:
    """Reports that the bursts of a day add, on average."""
    return sum(
        _scaled(b.incidents, scale) * (_scaled(b.reports, scale) if b.reports > 1 else MEAN_REPORTS) for b in BURSTS
    )


def _scaled(count: int, scale: float) -> int:
    return 1 if count == 1 else max(3, round(count * scale))


def _everyday(scene: Scene, rng: Random, start_ms: int, count: int) -> Iterator[Incident]:
    first_hour = datetime_of(start_ms, scene.zone).hour
    weights = [HOURS[(first_hour + hour) % 24] for hour in range(24)]
    kinds = [kind.weight for kind in scene.kinds]
    for hour in rng.choices(range(24), weights, k=count):
        at_ms = start_ms + hour * HOUR_MS + rng.randrange(HOUR_MS)
        (kind,) = rng.choices(scene.kinds, kinds)
        yield _incident(scene, rng, at_ms, kind, _reports(rng), 5 * HOUR_MS, None)


def _bursts(scene: Scene, rng: Random, start_ms: int, scale: float) -> Iterator[Incident]:
    loud = sorted(scene.kinds, key=lambda kind: (len(kind.sources) < 3, -_RANK[kind.urgency], kind.code))[:5]
    for burst in BURSTS:
        at_ms = start_ms + round((burst.hour + rng.uniform(-1, 1)) * HOUR_MS)
        kind = rng.choice(scene.kinds if burst.wide else loud)
        for _ in range(_scaled(burst.incidents, scale)):
            begins = at_ms + (rng.randrange(burst.spread_ms) if burst.wide else 0)
            reports = _reports(rng) if burst.reports == 1 else _scaled(burst.reports, scale)
            yield _incident(scene, rng, begins, kind, reports, burst.spread_ms, burst.name)


def _reports(rng: Random) -> int:
    return rng.choices([count for count, _ in REPORTS_EACH], [weight for _, weight in REPORTS_EACH])[0]


def _incident(
    scene: Scene, rng: Random, at_ms: int, kind: SceneCategory, reports: int, spread_ms: int, burst: str | None
) -> Incident:
    area, where = scene.somewhere(rng)
    return Incident(0, at_ms, kind, area, where, reports, spread_ms, burst)
