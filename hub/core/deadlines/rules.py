"""Which clocks run on a case and when each warns and runs out, by the deadline rows of the city's policy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from functools import cached_property
from itertools import repeat
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hub.core.calendars.calendar import Calendar
from hub.core.calendars.zones import MillisArray
from hub.core.columns import from_columns
from hub.core.deadlines.columns import DueColumns, Reckoned, due_columns
from hub.core.deadlines.rows import ClockRows, RuleKey, RulesByClock
from hub.core.kinds import ByKind, Kind
from hub.millis import DAY_MS
from hub.policy.city import City
from hub.policy.models import By, CalendarSpec, DeadlineRule

OPENING = "opened"
"""The event that starts a clock unless its row or clock says otherwise: the report was opened."""
DISPATCHED, REOPENED = "dispatched", "reopened"
RESOLVE = "resolve"
"""The clock that runs anew when a case comes back."""
RESPOND = "respond"
"""The clock that says when a department answered first."""


class Due(msgspec.Struct, frozen=True, gc=False):
    """One clock of one case. Times are UTC ms; the clock is kept when it is stopped at `due_ms` or before."""

    clock: str
    policy: str
    started_ms: int
    warn_ms: int
    """The first warning."""
    due_ms: int
    warns_ms: tuple[int, ...] = ()
    """All warnings, in order, where the row has more than one; empty if `warn_ms` is the only one."""
    provisional: bool = False
    """Due beyond the last day whose holidays are settled: to be reckoned again when the year is known."""


_WEEKS, _WEEK_MS = 52, 7 * DAY_MS


class DeadlineRules:
    """The deadline rows of one city. For each clock the first row that matches applies; without one, that clock does not run."""

    def __init__(self, city: City) -> None:
        self.city = city
        always = Calendar(CalendarSpec(always=True), city.time_zone)
        named = {name: Calendar(spec, city.time_zone) for name, spec in city.calendars.items()}
        self._calendar = {rule.id: named.get(rule.calendar or "", always) for rule in city.deadlines}
        self._rule = {rule.id: rule for rule in city.deadlines}
        self._starts = {rule.id: frozenset(_events(rule, city, "start")) for rule in city.deadlines}
        self._stops = {rule.id: frozenset(_events(rule, city, "stop")) for rule in city.deadlines}
        self._by = {rule.id: _by(rule, city) for rule in city.deadlines}
        self.starters = frozenset(event for events in self._starts.values() for event in events) - {OPENING}
        """Events other than the opening that start some clock."""
        self._rows = ClockRows(city, self._length)

    @property
    def version(self) -> str:
        return self.city.version

    def due(
        self,
        category: Sequence[str],
        source: Sequence[str],
        urgency: Sequence[str],
        area: Sequence[str | None],
        opened_ms: MillisArray | Sequence[int],
        condition: Sequence[Collection[str]] | None = None,
        event: str = OPENING,
    ) -> list[tuple[Due, ...]]:
        """For each report the clocks that `event` starts: accept, respond, resolve, then others as the rows first name them.
        All columns have one entry a report; `opened_ms` is the instant of the event. `condition`: what holds of each report
        beyond its category (see DeadlineWhen)."""
        starts = np.asarray(opened_ms, dtype=np.int64)
        groups: dict[int, list[int]] = defaultdict(list)
        plans: dict[int, RulesByClock] = {}
        for index, plan in enumerate(self._plans(category, source, urgency, area, condition)):
            groups[id(plan)].append(index)
            plans[id(plan)] = plan
        found: list[tuple[Due, ...]] = [()] * len(starts)
        for which, indexes in groups.items():
            clocks = [self._column(rules, starts[indexes], event) for rules in plans[which]]
            for index, dues in zip(indexes, zip(*clocks, strict=True), strict=False):
                found[index] = dues if None not in dues else tuple(due for due in dues if due is not None)
        return found

    def columns(
        self,
        category: Sequence[str] | pa.Array,
        source: Sequence[str] | pa.Array,
        urgency: Sequence[str] | pa.Array,
        area: Sequence[str | None] | pa.Array,
        opened_ms: MillisArray | Sequence[int],
        condition: Sequence[Collection[str]] | None = None,
        event: str = OPENING,
        *,
        warns: bool = False,
    ) -> DueColumns:
        """The due times of `due` as columns, at a fraction of the time; most so from Arrow's columns. `warns`: with when they
        warn, and whether they are provisional."""

        def reckon(rule: DeadlineRule, starts: MillisArray) -> Reckoned | None:
            if not rule.runs or event not in self._starts[rule.id]:
                return None
            return self._with_warnings(rule, starts) if warns else Reckoned(self.reckon(rule, starts))

        starts = np.asarray(opened_ms, dtype=np.int64)
        if condition is None and isinstance(category, pa.Array):
            columns = {"category": category, "source": source, "urgency": urgency, "area": area}
            of = self._by_kind.of([columns[name] for name in self._kind])
            return due_columns(self._by_kind.answers, of, starts, self._rows, reckon)
        plans = self._plans(category, source, urgency, area, condition)
        different = {id(plan): plan for plan in plans}
        number = {which: at for at, which in enumerate(different)}
        of = np.array([number[id(plan)] for plan in plans], dtype=np.int64)
        return due_columns(list(different.values()), of, starts, self._rows, reckon)

    @cached_property
    def _kind(self) -> tuple[str, ...]:
        return tuple(name for name in self._rows.asked if name != "condition")

    @cached_property
    def _by_kind(self) -> ByKind[RulesByClock]:
        def decide(kinds: list[Kind]) -> list[RulesByClock]:
            unasked: dict[str, Any] = {"category": "", "source": "", "urgency": "", "area": None}
            return [self._rows.plan(RuleKey(**(unasked | dict(zip(self._kind, kind, strict=True))))) for kind in kinds]

        return ByKind(decide, id)

    def due_one(
        self,
        category: str,
        source: str,
        urgency: str,
        area: str | None,
        opened_ms: int,
        condition: Collection[str] = (),
        event: str = OPENING,
    ) -> tuple[Due, ...]:
        """As `due`, for one report."""
        return self.due([category], [source], [urgency], [area], [opened_ms], [condition], event)[0]

    def again(
        self, category: str, source: str, urgency: str, area: str | None, at_ms: int, condition: Collection[str] = ()
    ) -> tuple[Due, ...]:
        """The clocks of a case that comes back at an instant: what `reopened` starts, and the resolve clock anew unless that is
        among them."""
        started = self.due_one(category, source, urgency, area, at_ms, condition, REOPENED)
        if any(due.clock == RESOLVE for due in started):
            return started
        opened = self.due_one(category, source, urgency, area, at_ms, condition)
        return (*started, *(due for due in opened if due.clock == RESOLVE))

    def clock_of(self, policy: str, started_ms: int) -> Due | None:
        """The clock of a row that started at an instant; None if there is no such row, or it does not run."""
        rule = self._rule.get(policy)
        if rule is None or not rule.runs:
            return None
        (due,) = self._of_row(rule, np.array([started_ms], dtype=np.int64))
        return due

    def _length(self, rule: DeadlineRule) -> int:
        """How long a row's limit is in the mean of a year, from the day on which the rules hold: what limits are compared by, so
        that it is all the same whether that day lies before a holiday. In ms."""
        starts = self.city.effective_ms + np.arange(_WEEKS, dtype=np.int64) * _WEEK_MS
        return int(np.mean(self.reckon(rule, starts) - starts))

    def gave_way(
        self, policy: str, category: str, source: str, urgency: str, area: str | None, condition: Collection[str] = ()
    ) -> str | None:
        """Id of the row that yields to this one's longer legal limit for such a report, or None."""
        held = self._rows.known_conditions(condition)
        return self._rows.gave_way(policy, RuleKey(category, source, urgency, area, held))

    def starts(self, policy: str) -> frozenset[str]:
        """The events that start a row's clock; none for a row that is not in force."""
        return self._starts.get(policy, frozenset())

    def stops(self, policy: str) -> frozenset[str]:
        """The events that stop a row's clock; none for a row that is not in force."""
        return self._stops.get(policy, frozenset())

    def counts(self, policy: str, *, helper: bool) -> bool:
        """True if the word of a helper, or else of the holder, counts for the row's clock of the case."""
        return self._by.get(policy, "holder") in ("any", "helper" if helper else "holder")

    def rule(self, policy: str) -> DeadlineRule | None:
        """The row of that id, if it is in force in this city at any time."""
        return self._rule.get(policy)

    def calendar(self, rule: DeadlineRule) -> Calendar:
        """The calendar by which a row of this city counts."""
        return self._calendar[rule.id]

    def reckon(self, rule: DeadlineRule, starts: MillisArray) -> MillisArray:
        """Due instants of one row for a column of starts, UTC ms."""
        return self._calendar[rule.id].add(
            starts,
            rule.duration,
            rule.unit,
            roll_forward=rule.roll_forward,
            ends=rule.ends,
            first_day_counts=rule.first_day_counts,
        )

    def _plans(
        self,
        category: Sequence[str],
        source: Sequence[str],
        urgency: Sequence[str],
        area: Sequence[str | None],
        condition: Sequence[Collection[str]] | None,
    ) -> list[RulesByClock]:
        if condition is None or not self._rows.asks_conditions:
            held = [frozenset[str]()] * len(category)
        else:
            held = list(map(self._rows.known_conditions, condition))
        return self._rows.plans(category, source, urgency, area, held)

    def _column(self, rules: tuple[DeadlineRule, ...], starts: MillisArray, event: str) -> list[Due | None]:
        """The dues of one clock: each start takes the first row in force at it."""
        if len(rules) == 1 and self._rows.undated(rules[0]):
            return list(self._dues(rules[0], starts, event))
        found: list[Due | None] = [None] * len(starts)
        left: npt.NDArray[np.bool_] = np.ones(len(starts), dtype=np.bool_)
        for rule in rules:
            mine = np.flatnonzero(left & self._rows.in_force(rule, starts))
            left[mine] = False
            for index, due in zip(mine.tolist(), self._dues(rule, starts[mine], event), strict=True):
                found[index] = due
        return found

    def _dues(self, rule: DeadlineRule, starts: MillisArray, event: str) -> Sequence[Due | None]:
        if not rule.runs or event not in self._starts[rule.id]:
            return [None] * len(starts)
        return self._of_row(rule, starts)

    def _of_row(self, rule: DeadlineRule, starts: MillisArray) -> list[Due]:
        dues, columns, flags = self._with_warnings(rule, starts)
        warns = [column.tolist() for column in columns]
        several = zip(*warns, strict=True) if len(warns) > 1 else repeat(())
        provisional = repeat(False) if flags is None else flags.tolist()
        found = from_columns(
            Due,
            clock=repeat(rule.clock),
            policy=repeat(rule.id),
            started_ms=starts.tolist(),
            warn_ms=warns[0],
            due_ms=dues.tolist(),
            warns_ms=several,
            provisional=provisional,
        )
        return list(found)

    def _with_warnings(self, rule: DeadlineRule, starts: MillisArray) -> Reckoned:
        calendar, dues = self._calendar[rule.id], self.reckon(rule, starts)
        warns = tuple(calendar.after_share(starts, dues, share, rule.unit) for share in rule.shares)
        return Reckoned(dues, warns, calendar.is_provisional(dues) if rule.calendar else None)


def _by(rule: DeadlineRule, city: City) -> By:
    """The row's own, or else its clock's."""
    clock = city.clocks.get(rule.clock)
    return rule.by or (clock.by if clock else "holder")


def _events(rule: DeadlineRule, city: City, kind: Literal["start", "stop"]) -> tuple[str, ...]:
    """The row's own events, or else its clock's."""
    clock = city.clocks.get(rule.clock)
    if kind == "start":
        return rule.start or (clock.start if clock else (OPENING,))
    return rule.stop or (clock.stop if clock else ())
