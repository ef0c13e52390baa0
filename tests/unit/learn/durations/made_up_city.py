"""Histories of cities that do not exist: reports with due times by rules that are known, for learners to find again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from hub.core.calendars.calendar import Calendar
from hub.learn.durations.cases import DueReports, cases_from
from hub.policy.models import CalendarSpec

DAY_MS = 86_400_000
FIVE = ("mon", "tue", "wed", "thu", "fri")
Counting = Mapping[str, object]
"""Arguments of Calendar.add: amount, unit and the rest."""


def ms(text: str) -> int:
    """An instant written with its offset, UTC ms."""
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


def week(*spans: str, days: Sequence[str] = FIVE) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(days, spans)


def opened_between(first: str, last: str, count: int, seed: int) -> np.ndarray:  # type: ignore[type-arg]
    """Whole seconds, at all hours of all days, in order."""
    drawn = np.random.default_rng(seed).integers(ms(first) // 1000, ms(last) // 1000, count)
    return np.sort(drawn) * 1000


def history(
    rules: Mapping[str, Counting],
    spec: CalendarSpec,
    time_zone: str,
    *,
    first: str = "2025-01-01T00:00:00+00:00",
    last: str = "2025-12-31T00:00:00+00:00",
    each: int = 400,
    wrong: float = 0.0,
    seed: int = 7,
) -> DueReports:
    """`each` reports of every category, due by its rule; the share `wrong` of them at some other time."""
    random = np.random.default_rng(seed)
    calendar = Calendar(spec, time_zone)
    opened, due, category = [], [], []
    for number, (name, counting) in enumerate(rules.items()):
        starts = opened_between(first, last, each, seed + number)
        dues = calendar.add(starts, **counting)  # type: ignore[arg-type]
        astray = random.random(each) < wrong
        dues = np.where(astray, starts + random.integers(1, 60 * 24 * 40, each) * 60_000, dues)
        opened.append(starts)
        due.append(dues)
        category += [name] * each
    return cases_from(np.concatenate(opened), np.concatenate(due).astype(np.float64), category, time_zone)
