"""A flow pack played through a whole hub: its statements by its mapping, its updates at their times. No tests of its own.

`statements.csv` has the columns that the mapping reads. `updates.csv`: report, department, at, says (a step of every city or a code
of the city's own, in lower case), and what else the update says, each column empty where it says nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from itertools import groupby
from pathlib import Path
from typing import Any

from hub import topics
from hub.backtest.intake import EventFile, read_events
from hub.backtest.mappings import ChosenMapping
from hub.core.figures.rates import ALL, ClockWord, CountedUpdate, Counts, Given, rates
from hub.millis import DAY_MS
from hub.model.event import CaseEvent
from hub.model.ids import case_id
from hub.model.update import EVENT_NAMES, Update, event_of, status_and_step
from hub.policy import City, load_city
from hub.sdk.mapping.mapping import load_mapping
from hub.settings import ROOT
from hub.testing.memory import MemoryHub

FLOWS = ROOT / "ops" / "flows"
_CITY = """\
id: played
name: {{en: Played, zh: 演练}}
time_zone: Asia/Shanghai
effective_from: 2022-05-01
dispatch_desk: dispatch_desk
include: [{include}]
life: {{refusal_needs_reason: true, supervisors: [petition_office, government_office, citymgmt_centre, grid_centre]}}
"""
_CHINA = timezone(timedelta(hours=8))
HOUR_MS = DAY_MS // 24
_OPENING_MS = 8 * HOUR_MS + HOUR_MS // 2 + 1_000
_TEXTS = ("note", "reason", "clock", "to", "outcome", "unit")


def at(text: str) -> int:
    """Local time of China, in ms."""
    return int(datetime.fromisoformat(f"{text}+08:00").timestamp() * 1000)


def city_of(folder: Path, *packs: str, templates: str = "[]", **files: str) -> City:
    """A city that includes these packs and base, with these templates in force and more files of its own."""
    include = ", ".join(str(FLOWS / pack) for pack in (*packs, "base"))
    (folder / "city.yaml").write_text(_CITY.format(include=include), encoding="utf-8")
    (folder / "deadlines.yaml").write_text(f"templates: {templates}\n", encoding="utf-8")
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return load_city(folder)


def played(city: City, pack: str, until: str) -> MemoryHub:
    """The hub after all that the pack's examples say, closed: its topics may still be read."""
    told = said(city, pack)
    with MemoryHub(city, when(told[0]), sources=sources_of(told)) as hub:
        for each in told:
            _pass(hub, when(each))
            hub.publish(each)
            hub.run()
        hub.settle()
        _pass(hub, at(until))
    return hub


def said(city: City, *packs: str) -> list[CaseEvent | Update]:
    """All that the examples of these packs say, in order of time."""
    told = (each for pack in packs for each in (*statements(FLOWS / pack), *_updates(FLOWS / pack, city)))
    return sorted(told, key=when)


def sources_of(told: Iterable[CaseEvent | Update]) -> list[str]:
    return sorted({each.source for each in told if isinstance(each, CaseEvent)})


def _pass(hub: MemoryHub, until_ms: int) -> None:
    """Let time pass, stopping just after a limit in days may end: at every midnight, and when offices open."""
    stops = (
        day + part for day in range(_midnight(hub.clock.now_ms), until_ms, DAY_MS) for part in (1_000, _OPENING_MS)
    )
    for stop in (*(each for each in stops if hub.clock.now_ms < each < until_ms), until_ms):
        hub.settle(max(stop, hub.clock.now_ms))


def _midnight(at_ms: int) -> int:
    return at_ms - (at_ms + 8 * HOUR_MS) % DAY_MS


def statements(pack: Path) -> list[CaseEvent]:
    mapping = load_mapping(pack / "mapping.yaml")
    intake = read_events([EventFile(pack / "statements.csv", ChosenMapping(pack.name, mapping, pack.name))])
    assert not intake.rejects, intake.rejects
    return intake.events


def _updates(pack: Path, city: City) -> Iterator[Update]:
    with (pack / "updates.csv").open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=1):
            word = row["says"]
            own = word not in map(str.lower, EVENT_NAMES)
            status, step = status_and_step("CUSTOM" if own else word.upper())
            more: dict[str, Any] = {name: row[name] for name in _TEXTS if row.get(name)}
            if own:
                more["code"] = word
            if row.get("members"):
                more["members"] = row["members"].split(" ")
            if row.get("score"):
                more["score"] = int(row["score"])
            if row.get("solved"):
                more["solved"] = row["solved"] == "yes"
            if row.get("until"):
                more["until"] = at(row["until"])
            source, _, ref = row["report"].partition(":")
            yield Update(
                update_id=f"{pack.name}-{number}", department=row["department"], case_id=case_id(source, ref), status=status,
                step=step, at=at(row["at"]), **more,
            )  # fmt: skip


def when(told: CaseEvent | Update) -> int:
    return told.at if isinstance(told, Update) else told.reported_at


def clocks(hub: MemoryHub, source: str, ref: str) -> dict[str, tuple[str, str, str]]:
    """Of each clock of a case that ended or ran out: its last word, when it was said, and when it was due; local times."""
    found = {}
    for ring in hub.records(topics.DEADLINES.name, case_id=case_id(source, ref)):
        if ring["kind"] != "WARNED":
            found[ring["clock"]] = (ring["kind"], local(ring["at"]), local(ring["due_at"]))
    return found


def local(at_ms: int) -> str:
    """As `at` reads it, without seconds."""
    return datetime.fromtimestamp(at_ms / 1000, tz=_CHINA).isoformat(timespec="minutes")[:16]


def orders(hub: MemoryHub, source: str, ref: str) -> list[tuple[str, str]]:
    """Department and kind of each order about a case, without reminders, as they were issued."""
    found = [each for each in hub.orders(case_id=case_id(source, ref)) if each["kind"] != "REMIND"]
    return [(each["department"], each["kind"]) for each in sorted(found, key=lambda each: each["issued_at"])]


def holders(hub: MemoryHub, source: str, ref: str) -> list[str]:
    """Who held the case 主办, one after the other."""
    found = hub.records(topics.CASES.name, case_id=case_id(source, ref))
    return [who for who, _ in groupby(each["department"] for each in found if each["change"] in ("OPENED", "REROUTED"))]


def replies(hub: MemoryHub, source: str, ref: str) -> list[str]:
    """What who reported was told, in order: the status of each reply."""
    return [each["status"] for each in hub.replies(source_ref=ref) if each["source"] == source]


def refused(hub: MemoryHub) -> list[tuple[str, str]]:
    """Updates that came to nothing, with why."""
    return [(r["update_id"], r["detail"]) for r in hub.receipts() if r["outcome"] not in ("accepted", "waiting")]


def figures(hub: MemoryHub, city: City, department: str = ALL) -> Counts:
    """The figures of all time, of all departments together or of one, as `cityhub rates` counts them."""
    words = [
        ClockWord(r["case_id"], r["clock"], r["started_at"], r["kind"], r["department"], r["due_at"])
        for r in hub.records(topics.DEADLINES.name)
    ]
    given = [
        Given(r["case_id"], r["department"], r["at"])
        for r in hub.records(topics.CASES.name)
        if r["change"] in ("OPENED", "REROUTED")
    ]
    desks = {city.dispatch_desk, *city.file.life.supervisors}
    said = [_counted(r["update"], desks) for r in hub.records(topics.UPDATES.name)]
    table = rates(words, given, said, lambda _: "-", {code: spec.counts for code, spec in city.outcomes.items()})
    return table.get((department, "-"), Counts())


def _counted(update: dict[str, Any], desks: set[str]) -> CountedUpdate:
    event = event_of(update["status"], update["step"], update["code"], update["until"])
    outcome = None if update["outcome"] is None else update["outcome"].lower()
    by_desk = update["department"] in desks
    return CountedUpdate(
        update["case_id"], update["department"], event, update["at"], update["solved"], outcome, by_desk
    )  # fmt: skip
