"""Ways in which a clock may count, and what each would have to be for a report to come out as it did.

A *shape* is all of a deadline row but its number: unit, calendar, how the last day ends. For every report and shape there is at
most one number that fits (of durations that roll forward, a few); it is found from the two times and then proved by counting
forward with the hub's own calendar, so that what is learnt is what the hub will do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hub.core.calendars.calendar import Amount, Calendar
from hub.core.calendars.open_time import MINUTE_MS
from hub.core.calendars.zones import DAY_MS, Millis
from hub.learn.durations.cases import TOLERANCE_MS, Cases, Ints, Mask
from hub.policy.models import WHOLE_UNITS, Unit, parse_time_of_day

_MOST = 1 << 22
_ROLLED_DAYS = 10
_LEAST_SPIKE = 0.05


@dataclass(frozen=True)
class Shape:
    """How a clock counts. Minutes stand for all units that are parts of a day."""

    unit: Unit
    calendar: str | None = None
    ends: str | None = None
    roll_forward: bool = False
    first_day_counts: bool = False

    @property
    def order(self) -> tuple[str, str, str, bool, bool]:
        """By which shapes are put in order, so that equals are always settled alike."""
        return self.unit, self.calendar or "", self.ends or "", self.roll_forward, self.first_day_counts

    @property
    def whole(self) -> bool:
        """Counted in whole days or months."""
        return self.unit in WHOLE_UNITS


@dataclass(frozen=True)
class Fit:
    """One shape over all reports: the number that each would take, and whether that is right to the minute."""

    shape: Shape
    number: Ints
    right: Mask


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


def fits(cases: Cases, shapes: Sequence[Shape], calendars: dict[str, Calendar], always: Calendar) -> list[Fit]:
    """Every shape over all cases."""
    found: list[Fit] = []
    for shape in shapes:
        calendar = calendars[shape.calendar] if shape.calendar else always
        for number in _numbers(cases, shape, calendar):
            least = 0 if shape.whole and shape.ends not in (None, "same_time") else 1
            possible = (number >= least) & (number < _MOST)
            counted = np.where(possible, number, 1)
            found.append(Fit(shape, number, possible & _is_right(cases, shape, calendar, counted)))
    return found


def due_by(shape: Shape, calendar: Calendar, starts: Millis, number: Ints) -> Millis:
    """Due instants of that many of the shape's unit from each start; of 0 days, the end of the start's own day."""
    none = number == 0
    due = _add(shape, calendar, starts, np.maximum(number, 1))
    if none.any():
        due = due.copy()
        due[none] = _add(shape, calendar, starts[none], np.ones(int(none.sum()), dtype=np.int64), first_day_counts=True)
    return due


def _add(shape: Shape, calendar: Calendar, starts: Millis, number: Ints, *, first_day_counts: bool = False) -> Millis:
    minutes = shape.unit in ("minute", "work_hour")
    amount: Amount = number / 60 if shape.unit == "work_hour" else number
    return calendar.add(
        starts,
        amount,
        shape.unit,
        ends=None if minutes else shape.ends,
        roll_forward=shape.roll_forward,
        first_day_counts=first_day_counts,
    )


def _is_right(cases: Cases, shape: Shape, calendar: Calendar, number: Ints) -> Mask:
    return np.asarray(np.abs(due_by(shape, calendar, cases.opened, number) - cases.due) <= TOLERANCE_MS)


def _numbers(cases: Cases, shape: Shape, calendar: Calendar) -> Iterator[Ints]:
    """The number that would bring each case from its opening to its due time; -1 or less: none."""
    if shape.unit == "minute":
        yield np.rint((cases.due - cases.opened) / MINUTE_MS).astype(np.int64)
        return
    table = calendar.covering(np.concatenate([cases.opened, cases.due]))
    opened, due = table.zone.to_local(cases.opened), table.zone.to_local(cases.due)
    if shape.unit == "work_hour":
        yield np.rint((table.position(cases.due) - table.position(cases.opened)) / MINUTE_MS).astype(np.int64)
    elif shape.unit == "month":
        yield _months(due) - _months(opened)
    elif shape.unit == "work_day" and shape.ends in (None, "same_time"):
        following = np.minimum(np.searchsorted(table.closes, cases.opened, side="right"), len(table.opens) - 1)
        begun = table.zone.to_local(np.maximum(cases.opened, table.opens[following]))
        yield table.working_before(due // DAY_MS) - table.working_before(begun // DAY_MS)
    elif shape.unit == "work_day":
        last = _last_day(shape, due)
        yield table.working_before(last + 1) - table.working_before(opened // DAY_MS + 1)
    elif shape.ends == "same_time":
        yield np.rint((due - opened) / DAY_MS).astype(np.int64)
    else:
        days = _last_day(shape, due) - opened // DAY_MS
        for back in range(_ROLLED_DAYS if shape.roll_forward else 1):
            yield days - back


def _last_day(shape: Shape, due: Millis) -> Ints:
    """The local day in which a due time lies that was meant to be at the shape's time of day, give or take the tolerance."""
    ends = DAY_MS if shape.ends == "day_end" else parse_time_of_day(shape.ends or "00:00") * 1000
    return np.asarray(np.rint((due - ends) / DAY_MS).astype(np.int64))


def _months(local: Millis) -> Ints:
    return local.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
