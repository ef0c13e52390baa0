"""A whole policy folder drafted from a history, for a person to review: each learner drafts its own part."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from hub.learn.departments import DESK, DepartmentIds
from hub.learn.history import History
from hub.learn.layers import AreaLayer
from hub.learn.reading import Read
from hub.learn.rows import Drafted
from hub.policy.models import AreasFile, CityFile, DefaultPoint, Name, Route, RouteWhen

MAX_RULE = 80


@dataclass
class Draft:
    """The content of a policy folder, row by row."""

    city: CityFile
    layers: list[AreaLayer] = field(default_factory=list)
    """The main one first."""
    categories: list[Drafted] = field(default_factory=list)
    departments: list[Drafted] = field(default_factory=list)
    routes: list[Drafted] = field(default_factory=list)
    fallback: list[Drafted] = field(default_factory=list)
    deadlines: list[Drafted] = field(default_factory=list)
    calendars: dict[str, Drafted] = field(default_factory=dict)
    linking: list[Drafted] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What a person should know that no row says."""


def draft(read: Read, layers: list[AreaLayer], city_id: str, nowhere: list[tuple[float, float]]) -> Draft:
    """Ask every learner. What the history does not tell (no truth of that kind) is left empty, with a note that says so."""
    history = read.history
    ids = DepartmentIds(history.department.to_pylist())
    found = Draft(city=_city(history, layers, city_id, [*nowhere, *read.nowhere]), layers=list(layers))
    found.categories = [Drafted(each.category, each.support) for each in read.codes.categories()]
    found.departments = [Drafted(each, ids.counts.get(each.name.en)) for each in ids.departments]
    found.routes = _routes(history, ids, found.notes)
    return found


def _city(history: History, layers: list[AreaLayer], city_id: str, nowhere: list[tuple[float, float]]) -> CityFile:
    specs = [AreasFile(layer=each.layer, file=f"{each.layer}.geojson", code="code", name="name") for each in layers]
    points = sorted({(round(lat, 4), round(lon, 4)) for lat, lon in nowhere})
    return CityFile(
        id=city_id,
        name=Name(en=city_id, zh=city_id),
        time_zone=history.time_zone,
        effective_from=_first_day(history),
        dispatch_desk=DESK,
        areas=specs[0] if specs else None,
        layers=tuple(specs[1:]),
        default_points=tuple(DefaultPoint(lat=lat, lon=lon) for lat, lon in points),
    )


def _first_day(history: History) -> date:
    opened = history.opened_ms[0].as_py() if len(history) else 0
    return datetime.fromtimestamp(opened / 1000, UTC).astimezone(ZoneInfo(history.time_zone)).date()


def _routes(history: History, ids: DepartmentIds, notes: list[str]) -> list[Drafted]:
    """For each category whoever had most of it."""
    tally: dict[str, Counter[tuple[str, str | None]]] = defaultdict(Counter)
    columns = (history.category, history.department, history.queue)
    for category, department, queue in zip(*(column.to_pylist() for column in columns), strict=True):
        if department:
            tally[category][department, queue] += 1
    found = []
    for category, counts in sorted(tally.items()):
        (department, queue), most = max(counts.items(), key=lambda item: (item[1], item[0][0], item[0][1] or ""))
        when = RouteWhen(category=(category,))
        row = Route(id=category[:MAX_RULE], when=when, department=ids.of(department), queue=queue)
        found.append(Drafted(row, counts.total(), most / counts.total()))
    if not found:
        notes.append(
            "The truth names no departments: everything goes to the dispatch desk until routes.yaml is written."
        )
        found.append(Drafted(Route(id="desk", department=DESK)))
    return found
