"""Why a clock is due when it is: the stretches of time from start to due and what each counted, so that anyone can recompute it."""

from __future__ import annotations

from hub.core.calendars.calendar import Calendar
from hub.core.deadlines.rules import DeadlineRules
from hub.policy.models import DeadlineRule
from hub.units import Segment, unit_of


def counted_stretches(rules: DeadlineRules, rule: DeadlineRule, started_ms: int, due_ms: int) -> tuple[int, ...]:
    """From a start to the due time that its row gives: milliseconds that count, that do not, and so on in turn; what is left
    of an odd number counts to the end. Empty: all of it counts."""
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
    return unit_of(rule.unit).segments(calendar, start, due, rule.duration, rule.manner)
