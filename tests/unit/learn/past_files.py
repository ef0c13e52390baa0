"""A simulated city's past as three files, as a city that tries `backtest` and `learn` would bring them: events, truth, mapping.

The truth follows the given policy to the letter (departments, due times), so that what is learnt from it can be judged.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from hub.core.deadlines.rules import DeadlineRules
from hub.core.routing.router import Router
from hub.policy.city import City
from hub.simulator.truth import Statement, StatementKind

EVENTS, TRUTH, MAPPING = "events.csv", "truth.csv", "mapping.yaml"
_EVENT_COLUMNS = (
    "ref",
    "system",
    "reported",
    "category",
    "urgency",
    "area",
    "lat",
    "lon",
    "address",
    "title",
    "text",
    "channel",
)
_TRUTH_COLUMNS = ("ref", "due", "closed", "department", "queue", "duplicate_of", "status")
_MAPPING = """\
description: a simulated city's past, written by the tests
format: csv
time_zone: {zone}
source: system
event:
  source_ref: ref
  reported_at: {{column: reported, formats: [iso]}}
  category: category
  urgency: urgency
  place: {{code: area, lat: lat, lon: lon, address: address}}
  title: title
  text: text
  channel: channel
truth:
  ref: ref
  due: {{column: due, formats: [iso]}}
  closed: {{column: closed, formats: [iso]}}
  department: department
  queue: queue
  duplicate_of: duplicate_of
  duplicate: {{column: status, matches: "duplicate"}}
"""


@dataclass(frozen=True)
class HistoryFiles:
    """Where the three files are."""

    events: Path
    truth: Path
    mapping: Path


def write_history(folder: Path, city: City, said: Iterable[Statement], seed: int = 1) -> HistoryFiles:
    """Write the first statements of `said`; each reference once. Local times, without offset, as real files have them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = HistoryFiles(folder / EVENTS, folder / TRUTH, folder / MAPPING)
    first: dict[str, Statement] = {}
    for each in said:
        if each.kind is StatementKind.OPENED and not each.broken:
            first.setdefault(each.ref, each)
    files.mapping.write_text(_MAPPING.format(zone=city.time_zone), encoding="utf-8")
    _write(files.events, _EVENT_COLUMNS, (_event(each, city) for each in first.values()))
    _write(files.truth, _TRUTH_COLUMNS, _truths(list(first.values()), city, Random(seed)))
    return files


def _event(said: Statement, city: City) -> tuple[object, ...]:
    lat, lon = ("", "") if said.point is None else (f"{said.point[0]:.6f}", f"{said.point[1]:.6f}")
    return (
        said.ref, said.source, _local(said.reported_ms, city), said.category, said.urgency, said.area or "", lat, lon,
        said.address, said.title, said.text, said.channel,
    )  # fmt: skip


def _truths(reports: list[Statement], city: City, rng: Random) -> Iterable[tuple[object, ...]]:
    router, rules = Router(city), DeadlineRules(city)
    lead: dict[int, str] = {}
    for each in reports:
        decision = router.route_one(each.source, each.category, each.area, each.urgency, each.point is not None)
        clocks = rules.due_one(each.category, each.source, each.urgency, each.area, each.reported_ms)
        due_ms = next((clock.due_ms for clock in clocks if clock.clock == "resolve"), None)
        took_ms = ((due_ms or each.reported_ms + 86_400_000) - each.reported_ms) * rng.uniform(0.2, 1.4)
        parent = lead.setdefault(each.incident, each.ref)
        duplicate = parent != each.ref
        yield (
            each.ref, _local(due_ms, city), _local(each.reported_ms + round(took_ms), city),
            city.departments[decision.department].name.en, f"{decision.department} {each.area or 'anywhere'}",
            parent if duplicate else "", "closed: duplicate" if duplicate else "closed",
        )  # fmt: skip


def _local(ms: int | None, city: City) -> str:
    if ms is None:
        return ""
    moment = datetime.fromtimestamp(ms / 1000, UTC).astimezone(ZoneInfo(city.time_zone))
    return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="milliseconds")


def _write(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
