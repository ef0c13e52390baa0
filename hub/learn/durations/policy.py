"""Writes what was learnt of durations as rows of deadlines.yaml, for a person to review and the hub to load."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hub.learn.durations.learn import DurationRow, LearntDurations
from hub.learn.durations.votes import Duration
from hub.policy.models import ClockName, DeadlineRule

_ID_CHARACTERS = 64


def deadline_rules(learnt: LearntDurations, clock: ClockName = "resolve") -> tuple[DeadlineRule, ...]:
    """The rows as policy, in the order in which they must stand; the calendars they name are `learnt.calendars`.

    Each row's note says how many reports speak for it. A condition on anything but the source is written as a `condition`,
    which holds for a report that carries it.
    """
    used: set[str] = set()
    return tuple(_rule(row, clock, _id(row, clock, used)) for row in learnt.rows)


def duration_fields(duration: Duration) -> dict[str, Any]:
    """A duration as fields of a DeadlineRule, in the largest unit that fits."""
    shape, number = duration.shape, duration.number
    found: dict[str, Any] = {"unit": shape.unit, "duration": float(max(number, 1))}
    if shape.unit == "minute" and number % 60 == 0:
        found |= {"unit": "hour", "duration": number / 60}
    elif shape.unit == "work_hour":
        found |= {"duration": number / 60}
    if shape.calendar is not None:
        found["calendar"] = shape.calendar
    if shape.ends is not None:
        found["ends"] = shape.ends
    if shape.roll_forward:
        found["roll_forward"] = True
    if shape.whole and number == 0:
        found["first_day_counts"] = True
    return found


def _rule(row: DurationRow, clock: ClockName, name: str) -> DeadlineRule:
    fields: dict[str, Any] = {"id": name, "clock": clock, "when": _when(row), "note": _note(row)}
    fields |= {"runs": False} if row.duration is None else duration_fields(row.duration)
    for edge in ("effective_from", "effective_until"):
        day = getattr(row, edge)
        if day is not None:
            fields[edge] = day
    return DeadlineRule.model_validate(fields)


def _when(row: DurationRow) -> dict[str, Any]:
    found: dict[str, Any] = {} if row.category is None else {"category": (row.category,)}
    if row.condition is not None:
        column, value = row.condition
        found |= {"source": (value,)} if column == "source" else {"condition": (f"{column}={value}",)}
    return found


def _note(row: DurationRow) -> str:
    if row.category is None:
        return f"for categories never seen: {row.support} of {row.reports} categories have it"
    if row.duration is None:
        return f"none or next to none of {row.reports} reports had a due time"
    return f"{row.support} of {row.reports} reports to the minute, confidence {row.confidence:.2f}"


def _id(row: DurationRow, clock: ClockName, used: set[str]) -> str:
    base = f"{clock}.{row.category or 'default'}"[:_ID_CHARACTERS]
    for name in _numbered(base):
        if name not in used:
            used.add(name)
            return name
    raise AssertionError("numbers do not end")


def _numbered(base: str) -> Iterable[str]:
    yield base
    number = 2
    while True:
        yield f"{base}.{number}"
        number += 1
