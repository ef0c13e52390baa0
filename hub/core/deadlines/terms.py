"""When a clock is due after extensions and pauses, by the row it follows. Pure; instants are UTC ms."""

from __future__ import annotations

import numpy as np

from hub.core.deadlines.rules import DeadlineRules
from hub.policy.models import DeadlineRule, Extension
from hub.units import Manner, unit_of

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
        unit, office = unit_of(rule.unit), self._rules.calendar(rule)
        for from_ms, to_ms in pauses:
            if to_ms > from_ms:
                found = max(found, unit.after_pause(office, found, from_ms, to_ms, rule.manner))
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
        return self._add_at_end(rule, from_ms, pause.duration, pause.unit)

    def is_provisional(self, rule: DeadlineRule, due_ms: int) -> bool:
        """Whether holidays on the way are not settled yet."""
        return bool(rule.calendar) and bool(self._rules.calendar(rule).is_provisional(np.array([due_ms]))[0])

    def added(self, extension: Extension, rule: DeadlineRule) -> tuple[float, str]:
        """What one extension adds: an amount and its unit."""
        if extension.share is not None:
            return unit_of(rule.unit).rounded(rule.duration * extension.share), rule.unit
        assert extension.duration is not None
        assert extension.unit is not None
        return extension.duration, extension.unit

    def _extended(self, rule: DeadlineRule, extension: Extension, started_ms: int, base_ms: int, times: int) -> int:
        amount, unit = self.added(extension, rule)
        if unit == rule.unit:
            return self._add(rule, started_ms, rule.duration + amount * times, unit, rule.manner)
        return self._add_at_end(rule, unit_of(rule.unit).within_last_day(base_ms, rule.manner), amount * times, unit)

    def _add_at_end(self, rule: DeadlineRule, from_ms: int, amount: float, unit: str) -> int:
        counts = unit_of(unit)
        manner = counts.manner_of(unit_of(rule.unit), rule.manner)
        return self._add(rule, from_ms, counts.rounded(amount), unit, manner)

    def _add(self, rule: DeadlineRule, from_ms: int, amount: float, unit: str, manner: Manner) -> int:
        start = np.array([from_ms], dtype=np.int64)
        return int(self._rules.calendar(rule).add(start, amount, unit, **manner._asdict())[0])
