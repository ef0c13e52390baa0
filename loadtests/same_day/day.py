"""Plays the day on a hub in memory: rows and updates at their time, other rules at night, a restart and crashes in between."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from hub.clock import ClockKind
from hub.millis import DAY_MS, HOUR_MS, MINUTE_MS
from hub.policy import load_city
from hub.simulator.generate import Plan
from hub.testing.memory import CommittedRecord, MemoryHub
from hub.topics import AGENT_CHANGELOGS
from loadtests.same_day.city import write_city, write_next_rules
from loadtests.same_day.departments import Departments
from loadtests.same_day.systems import Systems, rows

START_MS = 1_772_402_400_000
"""2026-03-02 06:00 in the demo city, a Monday."""
NEXT_DAY = date(2026, 3, 3)
SPEAKING_DAYS, STEP_MINUTES, QUIET_HOURS, QUIET_DAYS = 1.25, 10, 48, 12
"""Systems speak for so long, and are heard every so many minutes; then time passes by the hour, and at last by the day."""
RELOAD, RESTART, CRASH = 80, 50, (30, 100)
"""At which steps."""
SETTINGS: dict[str, Any] = {
    "partitions": 4,
    "chunk_records": 100,
    "closed_case_days": 3,
    "dead_letter_run": 10_000,
    "dead_letter_ratio": 1.0,
}


@dataclass(frozen=True)
class Day:
    """What is played. The same day gives the same records, always."""

    seed: int = 1
    rate: int = 1500
    """Rows in 24 hours, about."""


def play(day: Day, clock: ClockKind, look: Callable[[MemoryHub], None]) -> None:
    """Play the day by this kind of clock, and let somebody look at the hub when it is over."""
    with tempfile.TemporaryDirectory(prefix="cityhub-day-") as folder:
        city = write_city(Path(folder) / "city")
        night = write_next_rules(city, Path(folder) / "next", NEXT_DAY)
        plan = Plan(START_MS, day.seed, SPEAKING_DAYS, day.rate)
        told = rows(load_city(city), plan, Path(folder) / "files")
        with MemoryHub(load_city(city), START_MS, clock=clock, **SETTINGS) as hub:
            systems, departments = Systems(hub, day.seed), Departments(hub, day.seed)
            for number, now_ms in enumerate(_instants()):
                hub.clock.now_ms = now_ms
                while told and told[0].sent_ms <= now_ms:
                    systems.say(told.pop(0))
                departments.say(now_ms)
                if number == RELOAD:
                    hub.reload(night)
                _disturb(hub, number)
                hub.settle(now_ms)
                departments.read()
            hub.settle()
            look(hub)


def _instants() -> Iterator[int]:
    quiet_ms = START_MS + round(SPEAKING_DAYS * DAY_MS)
    yield from range(START_MS, quiet_ms, STEP_MINUTES * MINUTE_MS)
    yield from range(quiet_ms, quiet_ms + QUIET_HOURS * HOUR_MS, HOUR_MS)
    for number in range(QUIET_DAYS):
        yield quiet_ms + QUIET_HOURS * HOUR_MS + number * DAY_MS


def _disturb(hub: MemoryHub, step: int) -> None:
    if step == RESTART:
        hub.restart()
    if step in CRASH:
        for agent in AGENT_CHANGELOGS:
            hub.crash(agent)
            hub.turn(agent)


def records(hub: MemoryHub) -> Iterator[CommittedRecord]:
    """Everything in every topic, changelogs included: topic by topic, in order."""
    for topic in sorted(hub.broker.published):
        yield from hub.broker.records(topic)
