"""When a clock is due after extensions and pauses, by the row it follows. Pure; instants are UTC ms."""

from __future__ import annotations

import math

import numpy as np

from hub.core.calendars.calendar import HOUR_MS
from hub.core.calendars.zones import DAY_MS
from hub.core.deadlines.rules import DeadlineRules
from hub.policy.models import CONTINUOUS_UNITS, WHOLE_UNITS, DeadlineRule, Extension, Unit

Pauses = tuple[tuple[int, int], ...]


class Terms:
    """Reckons due times of one city's rows."""

    def __init__(self, rules: DeadlineRules) -> None:
        self._rules = rules

    def due(self, rule: DeadlineRule, started_ms: int, base_ms: int, extensions: int, pauses: Pauses) -> int:
        """The due time of a clock that was first due at `base_ms`, extended so many times and paused from, to.

        Extensions lengthen the duration: 60 days and 30 more are 90 days from the start (信访工作条例 art. 34), not 30 days from
        the instant of granting. Pauses come after that, in order: time that did not count is added at the end. Neither ever
        brings a due time forward.
        """
        found = base_ms
        if extensions and rule.extension is not None:
            found = max(found, self._extended(rule, rule.extension, started_ms, base_ms, extensions))
        for from_ms, to_ms in pauses:
            found = max(found, self._shifted(rule, found, from_ms, to_ms))
        return found

    def warn(self, rule: DeadlineRule, started_ms: int, due_ms: int) -> tuple[int, ...]:
        """When the clock warns on its way to a due time, in order."""
        calendar = self._rules.calendar(rule)
        start, due = np.array([started_ms], dtype=np.int64), np.array([due_ms], dtype=np.int64)
        return tuple(int(calendar.after_share(start, due, share, rule.unit)[0]) for share in rule.shares)

    def pause_ends(self, rule: DeadlineRule, from_ms: int) -> int | None:
        """When a pause ends by itself because it may not be longer; None: it has no limit."""
        pause = rule.pause
        if pause is None or pause.duration is None or pause.unit is None:
            return None
        return self._add(rule, from_ms, pause.duration, pause.unit)

    def is_provisional(self, rule: DeadlineRule, due_ms: int) -> bool:
        """Whether holidays on the way are not settled yet."""
        return bool(rule.calendar) and bool(self._rules.calendar(rule).is_provisional(np.array([due_ms]))[0])

    def added(self, extension: Extension, rule: DeadlineRule) -> tuple[float, Unit]:
        """What one extension adds: an amount and its unit."""
        if extension.share is not None:
            amount = rule.duration * extension.share
            return (math.ceil(amount) if rule.unit in WHOLE_UNITS else amount), rule.unit
        assert extension.duration is not None
        assert extension.unit is not None
        return extension.duration, extension.unit

    def _extended(self, rule: DeadlineRule, extension: Extension, started_ms: int, base_ms: int, times: int) -> int:
        amount, unit = self.added(extension, rule)
        if unit == rule.unit:
            return self._add(rule, started_ms, rule.duration + amount * times, unit, from_start=True)
        return self._add(rule, self._within_last_day(rule, base_ms), amount * times, unit)

    def _shifted(self, rule: DeadlineRule, due_ms: int, from_ms: int, to_ms: int) -> int:
        """The due time when [from, to) does not count.

        Clocks in hours and in working days that end at the time they began gain just what they lost. Clocks that end with a
        day gain whole days: those that began within the pause, working ones if the unit counts these.
        """
        if to_ms <= from_ms:
            return due_ms
        if rule.unit in CONTINUOUS_UNITS:
            return due_ms + to_ms - from_ms
        calendar = self._rules.calendar(rule)
        edges = np.array([from_ms, to_ms], dtype=np.int64)
        if not self._ends_with_day(rule):
            lost = int(calendar.open_ms(edges[:1], edges[1:])[0])
            ends = rule.ends if rule.unit == "work_hour" else None
            return int(calendar.add(np.array([due_ms]), lost / HOUR_MS, "work_hour", ends=ends)[0]) if lost else due_ms
        table = calendar.covering(edges)
        first, last = (table.zone.to_local(edges) // DAY_MS).tolist()
        days = last - first
        unit: Unit = "natural_day"
        if rule.unit == "work_day":
            unit, bounds = "work_day", np.array([first + 1, last + 1])
            days = int(np.diff(table.working_before(bounds))[0])
        return self._add(rule, self._within_last_day(rule, due_ms), days, unit) if days else due_ms

    def _ends_with_day(self, rule: DeadlineRule) -> bool:
        return rule.unit in WHOLE_UNITS and (rule.unit != "work_day" or rule.ends not in (None, "same_time"))

    def _within_last_day(self, rule: DeadlineRule, due_ms: int) -> int:
        """An instant in the last day of a clock: the midnight that ends it belongs to it."""
        return due_ms - 1 if self._ends_with_day(rule) and rule.ends != "same_time" else due_ms

    def _add(self, rule: DeadlineRule, start_ms: int, amount: float, unit: Unit, *, from_start: bool = False) -> int:
        ends = rule.ends if unit in WHOLE_UNITS and rule.unit in WHOLE_UNITS else None
        if not from_start and unit in WHOLE_UNITS and amount != int(amount):
            amount = math.ceil(amount)
        found = self._rules.calendar(rule).add(
            np.array([start_ms], dtype=np.int64),
            amount,
            unit,
            roll_forward=rule.roll_forward and unit in ("natural_day", "month"),
            ends=ends,
            first_day_counts=rule.first_day_counts and from_start,
        )
        return int(found[0])
