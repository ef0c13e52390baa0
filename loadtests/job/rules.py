"""The table of the job: who is responsible for a category in an area, and how long they have. Standard library only: the
contenders, each in an environment of its own, read it too.

Plain tables on purpose: every contender, in whatever language, looks the same things up in the same way.
"""

from __future__ import annotations

import json
import random
from bisect import bisect_left, bisect_right
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path

CLOCK = "accept"
DESK = "dispatch_desk"
ZONE = "Asia/Shanghai"  # no change of clocks since 1991, so an offset says it all
ZONE_HOURS = 8
WEEK_SPANS = (("08:30", "12:00"), ("14:00", "17:30"))
HOLIDAYS = (
    "2026-04-04",
    "2026-04-05",
    "2026-04-06",
    "2026-05-01",
    "2026-05-02",
    "2026-05-03",
    "2026-05-04",
    "2026-05-05",
)
_FIRST, _DAYS = date(2025, 12, 1), 400
_FAMILIES, _CATEGORIES, _GROUPS, _AREAS, _DEPARTMENTS = 12, 48, 6, 36, 24
_MINUTE_MS = 60_000


@dataclass(frozen=True)
class Limit:
    """How long a family's clock runs: `minutes` of the day's time, or of office time."""

    policy: str
    minutes: int
    office: bool


@dataclass(frozen=True)
class Rules:
    """The whole table. `routes` maps "category|area" to department and rule; `spans` are the office's openings, UTC ms."""

    categories: list[str]
    families: dict[str, str]
    areas: list[str]
    groups: dict[str, str]
    departments: list[str]
    routes: dict[str, tuple[str, str]]
    limits: dict[str, Limit]
    """By category."""
    spans: list[tuple[int, int]]

    def route(self, category: str, area: str) -> tuple[str, str]:
        """Department and rule. Raises KeyError: the generator knows no other categories and areas."""
        return self.routes[f"{category}|{area}"]

    def due_ms(self, category: str, start_ms: int) -> int:
        """When the clock of a case opened at `start_ms` runs out."""
        limit = self.limits[category]
        if not limit.office:
            return start_ms + limit.minutes * _MINUTE_MS
        opens, before, after = self._office
        at = bisect_right(opens, start_ms) - 1
        worked = before[at] + min(start_ms - opens[at], after[at] - before[at])
        wanted = worked + limit.minutes * _MINUTE_MS
        end = bisect_left(after, wanted)
        return opens[end] + wanted - before[end]

    @cached_property
    def _office(self) -> tuple[list[int], list[int], list[int]]:
        """Each opening with the open time before it and after it."""
        before, after, worked = [], [], 0
        for start, end in self.spans:
            before.append(worked)
            worked += end - start
            after.append(worked)
        return [start for start, _ in self.spans], before, after

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, path: Path) -> Rules:
        raw = json.loads(path.read_text("utf-8"))
        raw["routes"] = {key: tuple(value) for key, value in raw["routes"].items()}
        raw["limits"] = {key: Limit(**value) for key, value in raw["limits"].items()}
        raw["spans"] = [tuple(span) for span in raw["spans"]]
        return cls(**raw)


def make_rules(seed: int) -> Rules:
    """An invented city's table: 12 families of 4 categories, 6 groups of 6 areas, 24 departments, 72 route rows."""
    draw = random.Random(seed)
    families = [f"family{number:02d}" for number in range(_FAMILIES)]
    categories = [f"{family}.kind{kind}" for family in families for kind in range(_CATEGORIES // _FAMILIES)]
    areas = [f"A{number:02d}" for number in range(1, _AREAS + 1)]
    groups = {area: f"group{number // (_AREAS // _GROUPS)}" for number, area in enumerate(areas)}
    departments = [f"department{number:02d}" for number in range(_DEPARTMENTS)]
    family_of = {category: category.partition(".")[0] for category in categories}
    rows = {(family, f"group{group}"): draw.choice(departments) for family in families for group in range(_GROUPS)}
    limit_of = {
        family: Limit(f"{CLOCK}.{family}", draw.choice((30, 60, 120, 240, 480, 960)), office=number % 2 == 0)
        for number, family in enumerate(families)
    }
    return Rules(
        categories=categories,
        families=family_of,
        areas=areas,
        groups=groups,
        departments=departments,
        routes={
            f"{category}|{area}": (rows[family_of[category], groups[area]], f"{family_of[category]}.{groups[area]}")
            for category in categories
            for area in areas
        },
        limits={category: limit_of[family_of[category]] for category in categories},
        spans=_spans(),
    )


def _spans() -> list[tuple[int, int]]:
    days = [_FIRST + timedelta(days=number) for number in range(_DAYS)]
    return [
        (_instant(day, start), _instant(day, end))
        for day in days
        if day.weekday() < 5 and day.isoformat() not in HOLIDAYS
        for start, end in WEEK_SPANS
    ]


def _instant(day: date, clock: str) -> int:
    hours, minutes = map(int, clock.split(":"))
    local = datetime(day.year, day.month, day.day, hours, minutes, tzinfo=UTC)
    return int((local - timedelta(hours=ZONE_HOURS)).timestamp() * 1000)
