"""Which clocks run on a case and when each warns and runs out, by the deadline rows of the city's policy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import repeat

import msgspec
import numpy as np

from hub.core.calendars import Calendar
from hub.core.matching import matches
from hub.core.zones import Millis
from hub.policy.city import City
from hub.policy.models import CLOCKS, CalendarSpec, DeadlineRule

_REMEMBERED = 100_000


class Due(msgspec.Struct, frozen=True, gc=False):
    """One clock of one case. Times are UTC ms; the clock is kept when it is stopped at `due_ms` or before."""

    clock: str
    policy: str
    started_ms: int
    warn_ms: int
    due_ms: int


class DeadlineRules:
    """The deadline rows of one city. For each clock the first row that matches applies; without one, that clock does not run."""

    def __init__(self, city: City) -> None:
        self._city = city
        always = Calendar(CalendarSpec(always=True), city.time_zone)
        named = {name: Calendar(spec, city.time_zone) for name, spec in city.calendars.items()}
        self._calendar = {rule.id: named.get(rule.calendar or "", always) for rule in city.deadlines}
        self._by_clock = [[rule for rule in city.deadlines if rule.clock == clock] for clock in CLOCKS]
        self._remembered: dict[tuple[str, str, str, str | None], tuple[DeadlineRule, ...]] = {}
        self._combinations: dict[tuple[str, ...], tuple[DeadlineRule, ...]] = {}

    def due(
        self,
        category: Sequence[str],
        source: Sequence[str],
        urgency: Sequence[str],
        area: Sequence[str | None],
        opened_ms: Millis | Sequence[int],
    ) -> list[tuple[Due, ...]]:
        """For each event its clocks, in the order accept, respond, resolve. All columns have one entry an event."""
        starts = np.asarray(opened_ms, dtype=np.int64)
        chosen = [self.rules(*key) for key in zip(category, source, urgency, area, strict=True)]
        groups: dict[int, list[int]] = defaultdict(list)
        for index, rules in enumerate(chosen):
            groups[id(rules)].append(index)
        found: list[tuple[Due, ...]] = [()] * len(chosen)
        for indexes in groups.values():
            rules = chosen[indexes[0]]
            clocks = [self._dues(rule, starts[indexes]) for rule in rules]
            for index, dues in zip(indexes, zip(*clocks, strict=True), strict=False):
                found[index] = dues
        return found

    def due_one(self, category: str, source: str, urgency: str, area: str | None, opened_ms: int) -> tuple[Due, ...]:
        """As `due`, for one event."""
        return self.due([category], [source], [urgency], [area], [opened_ms])[0]

    def rules(self, category: str, source: str, urgency: str, area: str | None) -> tuple[DeadlineRule, ...]:
        """The rows that apply, at most one a clock."""
        key = (category, source, urgency, area)
        rules = self._remembered.get(key)
        if rules is None:
            known = self._city.category_of(category)
            first = (
                next((rule for rule in rows if matches(rule.when, source, known, area, urgency)), None)
                for rows in self._by_clock
            )
            rules = tuple(rule for rule in first if rule is not None)
            # Equal combinations are one object, so that events group by its identity.
            rules = self._combinations.setdefault(tuple(rule.id for rule in rules), rules)
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = rules
        return rules

    def _dues(self, rule: DeadlineRule, starts: Millis) -> list[Due]:
        calendar = self._calendar[rule.id]
        dues = calendar.add(starts, rule.duration, rule.unit, roll_forward=rule.roll_forward)
        warns = calendar.after_share(starts, dues, rule.warn_share, rule.unit)
        return list(map(Due, repeat(rule.clock), repeat(rule.id), starts.tolist(), warns.tolist(), dues.tolist()))
