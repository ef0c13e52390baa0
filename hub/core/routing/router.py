"""Which department is responsible, by the rows of the city's routes.yaml: exits, routes, fallback, and then the dispatch desk."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hub.core.calendars.localtime import LocalTime
from hub.core.kinds import ByKind, Kind
from hub.core.places.places import Layers
from hub.core.report import Sighting
from hub.core.routing.conditions import ASKS_AREA, ASKS_PLACED, Asked, Questions, RouteRow, Test
from hub.model.event import EventKind
from hub.policy.city import City
from hub.policy.models import Category, Exit, Route, RouteWhen

DESK_RULE = "desk"
"""The rule named when the dispatch desk (派单台) gets a case because no row takes it."""

UNKNOWN_CATEGORY = "unknown category"
OUTSIDE = "outside every area"
UNPLACED = "unplaced"
NO_RULE = "no rule"
"""Every reason there is for the dispatch desk: a metric label, so the list is closed."""

_REMEMBERED = 100_000
_BEYOND_CATEGORY = frozenset(RouteWhen.model_fields) - {"category", "family"}
_NOBODY = Sighting(
    row=0, source="", ref="", revision=0, kind=EventKind.OPENED, at_ms=0, category="", urgency="", channel="", due_ms=None,
    place_key="", area=None, lat=None, lon=None, body=b"",
)  # fmt: skip


class Decision(NamedTuple):
    """Where one event goes. `desk_reason` is None unless no row took it; `priority` is 1 (first) to 5, if the row has one.

    `exit` is the row that settled it before dispatch. Then: emergency, `department` is who gets it at once; refuse and progress,
    no order is made, the reporter gets `exit.reply`, and `department` is the desk that keeps the record.
    """

    department: str
    rule: str
    desk_reason: str | None
    priority: int | None
    queue: str | None = None
    co_handlers: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    """Of these, who is called together (joint: 联合处置) and so has clocks of its own."""
    unit: str | None = None
    """Who below the department, where the city says so."""
    exit: Exit | None = None


@dataclass(frozen=True)
class Routed:
    """Decisions on a chunk: the different ones, and which of them each event got."""

    decisions: Sequence[Decision]
    of: npt.NDArray[np.int64]

    def __getitem__(self, event: int) -> Decision:
        return self.decisions[int(self.of[event])]

    def __len__(self) -> int:
        return len(self.of)

    def column(self, name: str, type_: pa.DataType) -> pa.Array:
        """A field of the decisions, one entry an event."""
        different = pa.array([getattr(decision, name) for decision in self.decisions], type_)
        return different.take(pa.array(self.of))


class Candidate(NamedTuple):
    """A row that may take reports of one category, and what else must hold."""

    row: RouteRow
    tests: tuple[Test, ...]


@dataclass(frozen=True)
class CategoryPlan:
    """How reports of one category are decided: the rows that may take them, and what these ask."""

    category: Category | None
    questions: Questions
    candidates: tuple[Candidate, ...]
    remembered: dict[tuple[Hashable, ...], Decision] = field(default_factory=dict)

    def takes(self, key: tuple[Hashable, ...]) -> Candidate | None:
        """The first row all of whose tests hold."""
        for candidate in self.candidates:
            if all(test.holds(key) for test in candidate.tests):
                return candidate
        return None


class Router:
    """The routes of one city. The first row that matches decides: exits first, then routes, then fallback."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._by_label: dict[str, CategoryPlan] = {}
        self._by_code: dict[str | None, CategoryPlan] = {}
        self._plain: dict[tuple[Hashable, ...], Decision] = {}

    def route(self, source: pa.Array, category: pa.Array, area: pa.Array, urgency: pa.Array) -> Routed:
        """Decide a chunk of events that have a place, by what `route_one` reads of them without `seen`. `category` is a code
        or a source's label; `area` a code or null."""
        columns = {"category": category, "source": source, "area": area, "urgency": urgency}
        of = self._by_kind.of([columns[name] for name in self._kind])
        return Routed(self._by_kind.answers, of)

    @cached_property
    def _kind(self) -> tuple[str, ...]:
        """What decides beside the category: the fewer columns, the fewer kinds there are to decide."""
        rows: tuple[RouteRow, ...] = (*self._city.exits, *self._city.routes, *self._city.fallback)
        asked = [name for name in ("source", "urgency") if any(getattr(row.when, name) is not None for row in rows)]
        return ("category", "area", *asked)

    @cached_property
    def _by_kind(self) -> ByKind[Decision]:
        def decide(kinds: list[Kind]) -> list[Decision]:
            unasked = {"source": "", "urgency": ""}
            return [self.route_one(**(unasked | dict(zip(self._kind, kind, strict=True)))) for kind in kinds]  # type: ignore[arg-type]

        return ByKind(decide, lambda decision: decision[:-1])  # an exit is known by its row's id, and cannot be hashed

    def route_all(self, reports: Sequence[Sighting]) -> list[Decision]:
        """As `route_one` for each. Where rows ask for no more than all kinds of reports have, a known kind costs one look-up."""
        kind_of = attrgetter(*self._kind)
        kinds = [(one.lat is not None, kind_of(one)) for one in reports]
        found = list(map(self._plain.get, kinds))
        for index, known in enumerate(found):
            if known is None:
                one = reports[index]
                found[index] = decision = self.route_one(
                    one.source, one.category, one.area, one.urgency, one.lat is not None, one
                )
                if not self.plan(one.category).questions.asks:
                    if len(self._plain) >= _REMEMBERED:
                        self._plain.clear()
                    self._plain[kinds[index]] = decision
        return found  # type: ignore[return-value]  # no None is left in it

    def route_one(
        self,
        source: str,
        category: str,
        area: str | None,
        urgency: str,
        placed: bool = True,
        seen: Sighting | None = None,
        layers: Mapping[str, str | None] | None = None,
    ) -> Decision:
        """Decide one event; conditions known before cost a dict lookup.

        `seen` is what rows on channel, time, words, attributes and owners read; without it none of these holds. `layers` are
        the codes of further layers at its point (see Places.layers); not given, they are looked up if a row asks for them.
        """
        plan = self._by_label.get(category) or self.plan(category)
        key: tuple[Hashable, ...] = (source, urgency, bool(placed), area)
        if plan.questions.asks:
            key += self._answers(plan, seen or _NOBODY, layers)
        decision = plan.remembered.get(key)
        if decision is None:
            decision = self._decide(plan, key)
            if len(plan.remembered) >= _REMEMBERED:
                plan.remembered.clear()
            plan.remembered[key] = decision
        return decision

    def plan(self, category: str) -> CategoryPlan:
        """How reports of a category, by its code or a label, are decided."""
        known = self._city.category_of(category)
        code = known.code if known else None
        plan = self._by_code.get(code)
        if plan is None:
            plan = self._by_code[code] = self._make_plan(known)
        if len(self._by_label) >= _REMEMBERED:
            self._by_label.clear()
        self._by_label[category] = plan
        return plan

    def key(
        self, plan: CategoryPlan, source: str, urgency: str, placed: bool, area: str | None, seen: Sighting,
        layers: Mapping[str, str | None] | None = None,
    ) -> tuple[Hashable, ...]:  # fmt: skip
        """The report's answers to the plan's questions."""
        return (source, urgency, placed, area, *self._answers(plan, seen, layers))

    def _answers(
        self, plan: CategoryPlan, seen: Sighting, layers: Mapping[str, str | None] | None
    ) -> tuple[Hashable, ...]:
        if layers is None:
            layers = self._layers.find_one(seen.lat, seen.lon) if plan.questions.layers else {}
        asked = Asked(seen, layers)
        return tuple([ask(asked) for ask in plan.questions.asks])

    @cached_property
    def _layers(self) -> Layers:
        return Layers(self._city)

    @cached_property
    def _clock(self) -> LocalTime:
        return LocalTime(self._city.time_zone)

    def _make_plan(self, category: Category | None) -> CategoryPlan:
        city = self._city
        # A category that nobody knows is for no department's row, even one that asks for nothing: a person must look at it.
        ladder: tuple[RouteRow, ...] = (*city.exits, *(city.routes if category else ()), *city.fallback)
        rows = [row for row in ladder if admits(row, category)]
        # what stands below a row that takes every report of the category need not be asked
        last = next((at for at, row in enumerate(rows) if asks_nothing(row)), len(rows))
        rows = rows[: last + 1]
        questions = Questions(rows, city, lambda: self._clock)
        return CategoryPlan(category, questions, tuple(Candidate(row, questions.tests(row)) for row in rows))

    def _decide(self, plan: CategoryPlan, key: tuple[Hashable, ...]) -> Decision:
        taken = plan.takes(key)
        if taken is None:
            area = key[plan.questions.asked.index(ASKS_AREA)]
            desk = self._city.desk_for(area if isinstance(area, str) else None)
            return Decision(desk, DESK_RULE, self._why_desk(plan, key), None)
        row = taken.row
        if isinstance(row, Exit):
            urgent = row.exit == "emergency"
            return Decision(row.department or self._city.dispatch_desk, row.id, None, 1 if urgent else None, exit=row)
        area = key[plan.questions.asked.index(ASKS_AREA)]
        department = row.department
        if department is None and row.to_area is not None and self._city.organisation is not None:
            department = self._city.organisation.department_for(row.to_area, area if isinstance(area, str) else None)
        if department is None:
            owner = key[plan.questions.asked.index(("owner",))]
            assert isinstance(owner, str)
            department = owner
        helpers = tuple(one for one in row.co_handlers if one != department)
        unit = row.unit
        if row.unit_of_area:
            unit = self._city.unit_for(department, area if isinstance(area, str) else None)
        return Decision(
            department, row.id, None, row.priority, queue=row.queue, co_handlers=helpers, unit=unit,
            called=helpers if row.joint else (),
        )  # fmt: skip

    def _why_desk(self, plan: CategoryPlan, key: tuple[Hashable, ...]) -> str:
        if plan.category is None:
            return UNKNOWN_CATEGORY
        areas = {index for index, question in enumerate(plan.questions.asked) if question[0] == "layer"}
        if any(self._but_for_area(one, key, areas) for one in plan.candidates):
            placed = key[plan.questions.asked.index(ASKS_PLACED)]
            return OUTSIDE if placed else UNPLACED
        return NO_RULE

    @staticmethod
    def _but_for_area(candidate: Candidate, key: tuple[Hashable, ...], areas: set[int]) -> bool:
        """Whether the row would take the event, were it in some area of the layers that it is in none of."""
        failed = [test for test in candidate.tests if not test.holds(key)]
        return bool(failed) and all(test.place in areas and key[test.place] is None for test in failed)


def admits(row: RouteRow, category: Category | None) -> bool:
    """Whether the row's conditions on what it is about hold. A category that is not known meets none."""
    when = row.when
    return (when.category is None or (category is not None and category.code in when.category)) and (
        when.family is None or (category is not None and category.family in when.family)
    )


def asks_nothing(row: RouteRow) -> bool:
    """Whether the row takes every report of the categories it admits, always."""
    return (
        all(getattr(row.when, condition) is None for condition in _BEYOND_CATEGORY)
        and row.effective_from is None
        and row.effective_until is None
        and not (isinstance(row, Route) and (row.to_owner or row.to_area is not None))
    )
