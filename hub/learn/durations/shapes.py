"""Ways in which a clock may count, and what each would have to be for a report to come out as it did.

A *shape* is all of a deadline row but its number: unit, calendar, how the last day ends. For every report and shape there is at
most one number that fits (of durations that roll forward, a few); it is found from the two times and then proved by counting
forward with the hub's own calendar, so that what is learnt is what the hub will do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hub.core.calendars.calendar import Calendar
from hub.core.calendars.zones import MillisArray
from hub.core.columns import Flags, Ints
from hub.learn.durations.cases import TOLERANCE_MS, DueReports
from hub.millis import MINUTE_MS
from hub.units import Manner, unit_of

_MOST = 1 << 22
_LEAST_SPIKE = 0.05


@dataclass(frozen=True)
class Shape:
    """How a clock counts. Minutes stand for all units that never stand still; a number is one of the unit's parts."""

    unit: str
    calendar: str | None = None
    ends: str | None = None
    roll_forward: bool = False
    first_day_counts: bool = False

    @property
    def order(self) -> tuple[str, str, str, bool, bool]:
        """Sort key of shapes, so that ties are always broken the same way."""
        return self.unit, self.calendar or "", self.ends or "", self.roll_forward, self.first_day_counts

    @property
    def manner(self) -> Manner:
        """How the shape counts, apart from its first day, which the number decides."""
        return Manner(self.ends, self.roll_forward)

    @property
    def whole(self) -> bool:
        """True if the shape counts in whole days or months."""
        return unit_of(self.unit).whole


@dataclass(frozen=True)
class Fit:
    """One shape over all reports: the number that each would take, and whether that is right to the minute."""

    shape: Shape
    number: Ints
    right: Flags


def plain_shapes() -> list[Shape]:
    """Shapes that need no office calendar."""
    return [
        Shape("minute"),
        Shape("natural_day", ends="same_time"),
        Shape("natural_day", ends="day_end"),
        Shape("month", ends="same_time"),
    ]


def office_shapes(name: str) -> list[Shape]:
    """Shapes that count by the office calendar `name`."""
    return [Shape("work_day", name), Shape("work_hour", name), Shape("work_day", name, "day_end")]


def timed_shapes(due_tod: Ints, name: str | None) -> list[Shape]:
    """Shapes whose last day ends at a time of day at which many reports are due. `due_tod`: local ms after midnight."""
    found: list[Shape] = []
    for text in spikes(due_tod):
        found.append(Shape("natural_day", ends=text))
        if name is not None:
            found.append(Shape("work_day", name, text))
            found.append(Shape("natural_day", name, text, roll_forward=True))
    return found


def spikes(due_tod: Ints, at_most: int = 2, least: float = _LEAST_SPIKE) -> list[str]:
    """Times of day, other than midnight, at which at least that share of the reports is due."""
    if not len(due_tod):
        return []
    minutes, counts = np.unique(due_tod // MINUTE_MS, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:at_most]
    often = [int(minutes[at]) for at in order if counts[at] >= least * len(due_tod)]
    return [f"{minute // 60:02d}:{minute % 60:02d}" for minute in often if minute not in (0, 24 * 60 - 1)]


def fits(cases: DueReports, shapes: Sequence[Shape], calendars: dict[str, Calendar], always: Calendar) -> list[Fit]:
    """Every shape over all cases."""
    found: list[Fit] = []
    for shape in shapes:
        calendar = calendars[shape.calendar] if shape.calendar else always
        for number in unit_of(shape.unit).counted(calendar, cases.opened, cases.due, shape.manner):
            least = 0 if shape.whole and shape.ends not in (None, "same_time") else 1
            possible = (number >= least) & (number < _MOST)
            counted = np.where(possible, number, 1)
            found.append(Fit(shape, number, possible & _is_right(cases, shape, calendar, counted)))
    return found


def due_by(shape: Shape, calendar: Calendar, starts: MillisArray, number: Ints) -> MillisArray:
    """Due instants of that many of the shape's unit from each start; of 0 days, the end of the start's own day."""
    none = number == 0
    due = _add(shape, calendar, starts, np.maximum(number, 1))
    if none.any():
        due = due.copy()
        due[none] = _add(shape, calendar, starts[none], np.ones(int(none.sum()), dtype=np.int64), first_day_counts=True)
    return due


def _add(
    shape: Shape, calendar: Calendar, starts: MillisArray, number: Ints, *, first_day_counts: bool = False
) -> MillisArray:
    amount = number / unit_of(shape.unit).parts
    return calendar.add(
        starts, amount, shape.unit, **shape.manner._replace(first_day_counts=first_day_counts)._asdict()
    )


def _is_right(cases: DueReports, shape: Shape, calendar: Calendar, number: Ints) -> Flags:
    return np.asarray(np.abs(due_by(shape, calendar, cases.opened, number) - cases.due) <= TOLERANCE_MS)
