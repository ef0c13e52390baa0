"""Why a clock is due when it is: the stretches of time from start to due and what each counted, so that anyone can recompute it."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from hub.core.calendars.calendar import Calendar
from hub.core.calendars.open_time import OpenTime
from hub.core.calendars.zones import DAY_MS
from hub.core.deadlines.rules import DeadlineRules
from hub.policy.models import CONTINUOUS_UNITS, DeadlineRule

Why = Literal["counted", "first_day", "closed", "rolled"]

_HOUR_MS = 3_600_000


class Segment(msgspec.Struct, frozen=True):
    """From one instant to another, UTC ms, and how much of the duration it counted, in the row's unit."""

    from_ms: int
    to_ms: int
    counted: float
    why: Why


def stretches(rules: DeadlineRules, rule: DeadlineRule, started_ms: int, due_ms: int) -> tuple[int, ...]:
    """From a start to the due time that its row gives: milliseconds that count, that do not, and so on in turn; what is left
    of an odd number counts to the end. Empty: all of it counts."""
    if rule.unit in CONTINUOUS_UNITS:
        return ()
    found: list[int] = []
    for one in segments(rule, rules.calendar(rule), started_ms, due_ms):
        counts = one.counted > 0
        if counts == (len(found) % 2 == 0):
            found.append(one.to_ms - one.from_ms)
        elif found:
            found[-1] += one.to_ms - one.from_ms
        else:
            found += [0, one.to_ms - one.from_ms]
    return () if len(found) == 1 else tuple(found)


def segments(rule: DeadlineRule, calendar: Calendar, start: int, due: int) -> list[Segment]:
    """What each stretch from a start to the due time that its row gives counted, one after another without a gap."""
    if rule.unit in CONTINUOUS_UNITS:
        return [Segment(start, due, rule.duration, "counted")]
    table = calendar.covering(np.array([start, due], dtype=np.int64))
    if rule.unit == "work_hour":
        return _open_segments(table, start, due)
    return _day_segments(rule, calendar, table, start, due)


def _open_segments(table: OpenTime, start: int, due: int) -> list[Segment]:
    """Open and closed stretches in turn."""
    first, end = np.searchsorted(table.closes, start, side="right"), np.searchsorted(table.opens, due, side="left")
    found: list[Segment] = []
    at = start
    for opens, closes in zip(table.opens[first:end].tolist(), table.closes[first:end].tolist(), strict=True):
        begin, finish = max(opens, start), min(closes, due)
        if begin > at:
            found.append(Segment(at, begin, 0.0, "closed"))
        found.append(Segment(begin, finish, (finish - begin) / _HOUR_MS, "counted"))
        at = finish
    return found if at == due else [*found, Segment(at, due, 0.0, "closed")]


def _day_segments(rule: DeadlineRule, calendar: Calendar, table: OpenTime, start: int, due: int) -> list[Segment]:
    """Whole local days, equal neighbours together."""
    ends = rule.ends or ("same_time" if rule.unit == "work_day" else "day_end")
    within = due - 1 if ends in ("day_end", "close") else due  # the midnight that ends a day belongs to it
    own, last = (int(local) // DAY_MS for local in table.zone.to_local(np.array([start, within], dtype=np.int64)))
    reasons = _reasons(rule, calendar, table, start, due, own, max(last, own))
    found: list[Segment] = []
    for day, (why, counted) in enumerate(reasons, own):
        edges = table.zone.to_utc(np.array([day * DAY_MS, (day + 1) * DAY_MS], dtype=np.int64)).tolist()
        begin, finish = max(start, edges[0]), due if day == own + len(reasons) - 1 else min(due, edges[1])
        if found and found[-1].why == why:
            found[-1] = Segment(found[-1].from_ms, finish, found[-1].counted + counted, why)
        else:
            found.append(Segment(begin, finish, counted, why))
    return found


def _reasons(
    rule: DeadlineRule, calendar: Calendar, table: OpenTime, start: int, due: int, own: int, last: int
) -> list[tuple[Why, float]]:
    """What each local day from the start's own to the last one counted."""
    days = np.arange(own, last + 1)
    if rule.unit == "work_day":
        working = np.isin(days, table.working_days)
        base = own - rule.first_day_counts
        if rule.ends in (None, "same_time"):
            following = int(np.searchsorted(table.closes, start, side="right"))
            begun = max(start, int(table.opens[following]))
            base = int(table.zone.to_local(np.array([begun]))[0]) // DAY_MS
        return [
            ("counted", 1.0) if works and day > base else ("first_day", 0.0) if day == base else ("closed", 0.0)
            for day, works in zip(days.tolist(), working.tolist(), strict=True)
        ]
    unrolled = _unrolled(rule, calendar, table, start)
    counted = 1.0 if rule.unit == "natural_day" else rule.duration / max(unrolled - own, 1)
    reasons: list[tuple[Why, float]] = [("counted", 1.0) if rule.first_day_counts else ("first_day", 0.0)]
    return reasons + [("counted", counted) if day <= unrolled else ("rolled", 0.0) for day in days[1:].tolist()]


def _unrolled(rule: DeadlineRule, calendar: Calendar, table: OpenTime, start: int) -> int:
    """The last day before it is moved past days off."""
    plain = calendar.add(
        np.array([start], dtype=np.int64),
        rule.duration,
        rule.unit,
        ends="day_end",
        first_day_counts=rule.first_day_counts,
    )
    return int(table.zone.to_local(plain - 1)[0]) // DAY_MS
