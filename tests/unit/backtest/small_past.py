"""A small city and reports of it, for tests of the back-test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hub.backtest.decided import Decided
from hub.backtest.intake import HistoryIntake
from hub.backtest.prepare import prepare
from hub.backtest.replay import Played, play
from hub.backtest.updates import HistoryUpdate
from hub.model.event import CaseEvent
from hub.policy.city import City
from hub.policy.loader import load_city

START_MS = 1_772_413_200_000
"""Monday 2026-03-02 09:00 in Shanghai."""
HOUR_MS = 3_600_000

CITY = """\
id: small
name: {en: Small, zh: 小城}
time_zone: Asia/Shanghai
effective_from: 2020-01-01
dispatch_desk: desk
"""
FILES = {
    "city.yaml": CITY,
    "taxonomy.yaml": """\
categories:
  - {code: hole, name: {en: Hole, zh: 坑}, family: road, aliases: [Hole in road, 路坑]}
  - {code: lamp, name: {en: Lamp, zh: 灯}, family: light, aliases: [路灯]}
""",
    "departments.yaml": """\
departments:
  - {id: desk, name: {en: Desk, zh: 派单台}}
  - {id: roads, name: {en: Roads, zh: 道路}}
  - {id: power, name: {en: Power, zh: 供电}}
""",
    "routes.yaml": """\
routes:
  - {id: hole, when: {category: [hole]}, department: roads, queue: Road gang}
  - {id: lamp, when: {category: [lamp]}, department: power}
""",
    "deadlines.yaml": """\
deadlines:
  - {id: resolve.hole, clock: resolve, when: {category: [hole]}, duration: 24, unit: hour}
""",
    "calendars.yaml": "calendars: {}\n",
    "linking.yaml": "linking: [{id: all, radius_m: 100, window_hours: 48, min_score: 0}]\n",
    "examples.yaml": "examples: []\n",
}


def small_city(folder: Path, **changed: str) -> City:
    """The city, with files changed as `deadlines_yaml=...`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in FILES.items():
        (folder / name).write_text(changed.get(name.replace(".", "_"), text), encoding="utf-8")
    return load_city(folder)


def report(ref: str, hours: float, **fields: Any) -> CaseEvent:
    """A report made so many hours after START_MS, at one and the same place unless told otherwise."""
    place = fields.pop("place", {"lat": 30.05, "lon": 100.05})
    said: dict[str, object] = {
        "source": "hotline", "source_ref": ref, "revision": 0, "kind": "OPENED", "category": "hole", "urgency": "ROUTINE",
        "title": "", "text": "", "channel": "phone", "reported_at": START_MS + round(hours * HOUR_MS), "place": place,
    }  # fmt: skip
    return CaseEvent.model_validate(said | fields)


def closed(ref: str, hours: float, status: str = "CLOSED") -> HistoryUpdate:
    return HistoryUpdate(ref, START_MS + round(hours * HOUR_MS), status)


def run(
    city: City,
    events: list[CaseEvent],
    updates: list[HistoryUpdate] | None = None,
    *,
    hours: float = 1000,
    source_due: bool = False,
) -> Played:
    """Run the reports, judging open cases so many hours after START_MS."""
    intake = HistoryIntake(events=events, lines=[("events.csv", number + 2) for number in range(len(events))])
    now_ms = START_MS + round(hours * HOUR_MS)
    return play(city, prepare(city, intake).sightings, updates or [], now_ms=now_ms, source_due=source_due)


def by_ref(played: Played) -> dict[str, Decided]:
    return {each.report.ref: each for each in played.decisions}
