"""What no single file can tell: do the files of a folder refer to what exists, and is every row reached?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hub.policy.city import label_key
from hub.policy.document import Document, Location
from hub.policy.models import (
    CONTINUOUS_UNITS,
    OFFICE_UNITS,
    URGENCIES,
    CalendarSpec,
    Category,
    CityFile,
    DeadlineRule,
    Department,
    Example,
    LinkRule,
    Route,
    When,
)
from hub.policy.problems import Problems, hint


@dataclass(frozen=True)
class Parts:
    """A folder's files, each valid by itself."""

    city: CityFile
    categories: tuple[Category, ...]
    departments: tuple[Department, ...]
    areas: frozenset[str]
    routes: tuple[Route, ...]
    deadlines: tuple[DeadlineRule, ...]
    calendars: Mapping[str, CalendarSpec]
    linking: tuple[LinkRule, ...]
    examples: tuple[Example, ...]


class Checker:
    """Notes every cross-file mistake of `parts`, on the lines the `documents` give."""

    def __init__(self, parts: Parts, documents: Mapping[str, Document], problems: Problems) -> None:
        self._parts = parts
        self._documents = documents
        self._problems = problems
        self._codes = {category.code for category in parts.categories}
        self._families = {category.family for category in parts.categories}
        self._departments = {department.id for department in parts.departments}
        self._broken: set[tuple[str, Location]] = set()

    def run(self) -> None:
        parts = self._parts
        self._distinct("taxonomy.yaml", "categories", "code", [category.code for category in parts.categories])
        self._distinct("departments.yaml", "departments", "id", [department.id for department in parts.departments])
        for file, key, ids in (
            ("routes.yaml", "routes", [route.id for route in parts.routes]),
            ("deadlines.yaml", "deadlines", [rule.id for rule in parts.deadlines]),
            ("linking.yaml", "linking", [rule.id for rule in parts.linking]),
        ):
            self._distinct(file, key, "id", ids)
        self._aliases()
        self._known("city.yaml", ("dispatch_desk",), parts.city.dispatch_desk, self._departments, "department")
        for index, route in enumerate(parts.routes):
            where: Location = ("routes", index)
            self._known("routes.yaml", (*where, "department"), route.department, self._departments, "department")
            self._conditions("routes.yaml", where, route.when)
        for index, rule in enumerate(parts.deadlines):
            self._conditions("deadlines.yaml", ("deadlines", index), rule.when)
            self._calendar(index, rule)
        self._links()
        for index, example in enumerate(parts.examples):
            place: Location = ("examples", index, "expect")
            self._known(
                "examples.yaml", (*place, "department"), example.expect.department, self._departments, "department"
            )
            if example.expect.area is not None:
                self._known("examples.yaml", (*place, "area"), example.expect.area, parts.areas, "area")
        self._unreachable()

    def _note(self, file: str, location: Location, what: str) -> None:
        self._problems.add(file, self._documents[file].line(location), what)

    def _known(self, file: str, location: Location, name: str, known: Iterable[str], kind: str) -> None:
        if name not in set(known):
            self._note(file, location, f"there is no {kind} {name!r}; {hint(name, known)}")
            self._broken.add((file, location[:2]))

    def _distinct(self, file: str, key: str, part: str, names: Sequence[str]) -> None:
        for index, name in enumerate(names):
            if name in names[:index]:
                self._note(
                    file, (key, index, part), f"the {part} {name!r} stands here a second time; {part}s must differ"
                )

    def _aliases(self) -> None:
        owner = {label_key(code): code for code in self._codes}
        for index, category in enumerate(self._parts.categories):
            for position, alias in enumerate(category.aliases):
                other = owner.setdefault(label_key(alias), category.code)
                if other != category.code:
                    self._note(
                        "taxonomy.yaml",
                        ("categories", index, "aliases", position),
                        f"the alias {alias!r} already means {other!r}; keep it in one category",
                    )

    def _conditions(self, file: str, row: Location, when: When) -> None:
        for kind, values, known in (
            ("category", when.category, self._codes),
            ("family", when.family, self._families),
            ("area", when.area, self._parts.areas),
        ):
            for position, value in enumerate(values or ()):
                self._known(file, (*row, "when", kind, position), value, known, kind)

    def _calendar(self, index: int, rule: DeadlineRule) -> None:
        if rule.calendar is None:
            return
        where: Location = ("deadlines", index, "calendar")
        self._known("deadlines.yaml", where, rule.calendar, self._parts.calendars, "calendar")
        calendar = self._parts.calendars.get(rule.calendar)
        if calendar is None:
            return
        if rule.unit in CONTINUOUS_UNITS and not calendar.always:
            self._note(
                "deadlines.yaml",
                where,
                f"a clock in {rule.unit} never stands still, but calendar {rule.calendar!r} closes; "
                "remove the calendar or write work_hour",
            )
        if rule.unit in OFFICE_UNITS and calendar.always:
            self._note(
                "deadlines.yaml",
                where,
                f"a clock in {rule.unit} counts office time, but calendar {rule.calendar!r} never closes; "
                "write hour or name an office calendar",
            )

    def _links(self) -> None:
        left = set(self._families)
        for index, rule in enumerate(self._parts.linking):
            for position, family in enumerate(rule.family or ()):
                self._known("linking.yaml", ("linking", index, "family", position), family, self._families, "family")
            mine = left if rule.family is None else left & set(rule.family)
            if not mine:
                self._note("linking.yaml", ("linking", index), f"row {rule.id!r} is never reached: {_REMEDY}")
            left = left - mine

    def _unreachable(self) -> None:
        space = _Space(self._parts)
        covered = space.nothing()
        for index, route in enumerate(self._parts.routes):
            covered = self._reach("routes.yaml", ("routes", index), route.id, space.match(route.when), covered)
        by_clock = {rule.clock: space.nothing() for rule in self._parts.deadlines}
        for index, rule in enumerate(self._parts.deadlines):
            mask = space.match(rule.when)
            by_clock[rule.clock] = self._reach(
                "deadlines.yaml", ("deadlines", index), rule.id, mask, by_clock[rule.clock]
            )

    def _reach(
        self, file: str, row: Location, rule: str, mask: npt.NDArray[np.bool_], covered: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        if (file, row) in self._broken:  # said already; what it would match is not known
            return covered
        if not mask.any():
            self._note(file, row, f"row {rule!r} matches nothing: its conditions exclude each other; mend or remove it")
        elif not (mask & ~covered).any():
            self._note(file, row, f"row {rule!r} is never reached: {_REMEDY}")
        return covered | mask


_REMEDY = "rows above take all it could match; move it up or remove it"


class _Space:
    """All that conditions can tell apart, as a boolean cube: source (or any other), category, area (or none), urgency."""

    def __init__(self, parts: Parts) -> None:
        rows = [*(route.when for route in parts.routes), *(rule.when for rule in parts.deadlines)]
        self._sources = [*sorted({name for when in rows for name in when.source or ()}), None]
        self._categories = [*parts.categories, None]
        self._areas = [*sorted(parts.areas), None]

    def nothing(self) -> npt.NDArray[np.bool_]:
        shape = (len(self._sources), len(self._categories), len(self._areas), len(URGENCIES))
        return np.zeros(shape, dtype=np.bool_)

    def match(self, when: When) -> npt.NDArray[np.bool_]:
        sources = [when.source is None or source in when.source for source in self._sources]
        categories = [
            (when.category is None or (category is not None and category.code in when.category))
            and (when.family is None or (category is not None and category.family in when.family))
            for category in self._categories
        ]
        areas = [when.area is None or area in when.area for area in self._areas]
        urgencies = [when.urgency is None or urgency in when.urgency for urgency in URGENCIES]
        result = np.ones((), dtype=np.bool_)
        for axis in (sources, categories, areas, urgencies):
            result = np.logical_and.outer(result, np.array(axis, dtype=np.bool_))
        return result
