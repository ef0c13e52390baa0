"""A whole policy folder drafted from a history, for a person to review: each learner drafts its own part."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

from hub.learn.departments import DESK, DepartmentIds
from hub.learn.durations.learn import LearntDurations, learn_durations
from hub.learn.durations.policy import deadline_rules
from hub.learn.history import History
from hub.learn.layers import AreaLayer
from hub.learn.links.learn import learn_links
from hub.learn.reach import reachable
from hub.learn.reading import LatLon, Read
from hub.learn.routes.learn import RoutesDraft, learn_routes
from hub.learn.rows import Drafted
from hub.millis import datetime_of
from hub.policy.models import AreasFile, CityFile, DefaultPoint, Name, Route

NO_DEPARTMENTS = "The truth names no departments: everything goes to the dispatch desk until routes.yaml is written."
NO_DUES = "The truth has no due times: deadlines.yaml and calendars.yaml are to be written by hand."


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


def draft(read: Read, layers: list[AreaLayer], city_id: str, nowhere: list[LatLon]) -> Draft:
    """Ask every learner. What the history does not tell (no truth of that kind) is left empty, with a note that says so."""
    history, ids = read.history, DepartmentIds(read.history.department.to_pylist())
    routes, clocks, links = learn_routes(history, ids), learn_durations(history), learn_links(history)
    every_layer = [*layers, *routes.layers]
    categories = [links.in_family(each) for each in read.codes.categories()]
    rows, fallback, lost = reachable(
        routes.routes, routes.fallback, [each.category for each in categories], every_layer
    )
    return Draft(
        city=_city(history, every_layer, city_id, [*nowhere, *read.nowhere]),
        layers=every_layer,
        categories=[Drafted(each.category, each.support) for each in categories],
        departments=[Drafted(each, ids.counts.get(each.name.en)) for each in ids.departments],
        routes=rows or [Drafted(Route(id="desk", department=DESK))],
        fallback=fallback,
        deadlines=_deadlines(clocks),
        calendars={name: Drafted(spec) for name, spec in clocks.calendars.items()},
        linking=links.rows,
        notes=[*_notes(routes, clocks, lost), *links.notes],
    )


def _city(history: History, layers: list[AreaLayer], city_id: str, nowhere: list[LatLon]) -> CityFile:
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
    return datetime_of(opened, ZoneInfo(history.time_zone)).date()


def _deadlines(clocks: LearntDurations) -> list[Drafted]:
    rows = zip(deadline_rules(clocks), clocks.rows, strict=True)
    return [Drafted(rule, row.support or row.reports, row.confidence if row.duration else None) for rule, row in rows]


def _notes(routes: RoutesDraft, clocks: LearntDurations, lost: list[str]) -> list[str]:
    found = list(routes.notes) if routes.routes else [NO_DEPARTMENTS]
    if lost:
        found.append(f"{len(lost)} routing rows were left out, as rows above take all they could match.")
    if not clocks.reports:
        return [*found, NO_DUES]
    found.append(f"The clocks give {clocks.explained:.1%} of {clocks.reports:,} due times to the minute.")
    for day, reports in sorted(clocks.single_days.items()):
        found.append(f"{day} is off, or worked, by what {reports:,} due times say; no set of holidays gives it.")
    return found
