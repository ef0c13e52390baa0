"""Which department is responsible, by the route rows of the city's policy; what no row takes goes to the dispatch desk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hub.core.matching import matches
from hub.policy.city import City

DESK_RULE = "desk"
"""The rule named when the dispatch desk (派单台) gets a case because no row takes it."""

UNKNOWN_CATEGORY = "unknown category"
OUTSIDE = "outside every area"
UNPLACED = "unplaced"
NO_RULE = "no rule"
DESK_REASONS = (UNKNOWN_CATEGORY, OUTSIDE, UNPLACED, NO_RULE)
"""Every reason there is: a metric label, so the list is closed."""

_REMEMBERED = 100_000


class Decision(NamedTuple):
    """Where one event goes. `desk_reason` is None unless no row took it; `priority` is 1 (first) to 5, if the row has one."""

    department: str
    rule: str
    desk_reason: str | None
    priority: int | None


class Routed(NamedTuple):
    """Decisions as columns, one entry an event."""

    department: list[str]
    rule: list[str]
    desk_reason: list[str | None]
    priority: list[int | None]


class Router:
    """The routes of one city. The first row that matches decides."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._remembered: dict[tuple[str, str, str | None, str, bool], Decision] = {}

    def route(
        self,
        source: Sequence[str],
        category: Sequence[str],
        area: Sequence[str | None],
        urgency: Sequence[str],
        placed: Sequence[bool] | None = None,
    ) -> Routed:
        """Decide a chunk. `category` is a code or a source's label; `area` a code or None; `placed` says which events have
        a place at all (by default all have), to tell 'outside every area' from 'unplaced'."""
        where = [True] * len(source) if placed is None else placed
        remembered = self._remembered
        decisions = [
            remembered.get(key) or self.route_one(*key)
            for key in zip(source, category, area, urgency, where, strict=True)
        ]
        return Routed(*map(list, zip(*decisions, strict=True))) if decisions else Routed([], [], [], [])

    def route_one(self, source: str, category: str, area: str | None, urgency: str, placed: bool = True) -> Decision:
        """As `route`, for one event."""
        key = (source, category, area, urgency, bool(placed))
        decision = self._remembered.get(key)
        if decision is None:
            decision = self._decide(*key)
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = decision
        return decision

    def _decide(self, source: str, label: str, area: str | None, urgency: str, placed: bool) -> Decision:
        category = self._city.category_of(label)
        if category is None:
            return self._desk(UNKNOWN_CATEGORY)
        for row in self._city.routes:
            if matches(row.when, source, category, area, urgency):
                return Decision(row.department, row.id, None, row.priority)
        if area is None and self._depends_on_area(source, label, urgency):
            return self._desk(OUTSIDE if placed else UNPLACED)
        return self._desk(NO_RULE)

    def _depends_on_area(self, source: str, label: str, urgency: str) -> bool:
        """Whether some row would take the event in one area or another."""
        category = self._city.category_of(label)
        return any(
            row.when.area is not None and matches(row.when, source, category, row.when.area[0], urgency)
            for row in self._city.routes
        )

    def _desk(self, reason: str) -> Decision:
        return Decision(self._city.dispatch_desk, DESK_RULE, reason, None)
