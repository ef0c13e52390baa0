"""What no single file can tell: do the files of a folder refer to what exists, and is every row reached?"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial

from hub.declared.document import Document, Location
from hub.declared.problems import Problems, hint, nearest
from hub.policy.city import label_key
from hub.policy.clock_checks import clock_mistakes, leaves_none, may_apply, outcome_mistakes
from hub.policy.division_checks import division_mistakes
from hub.policy.models import EVERYTHING, MAIN_LAYER, STANDARD_LADDER, ConditionSpec, DeadlineRule, Exit, Route, When
from hub.policy.organisation import served_by
from hub.policy.organisation_checks import codes_named, ladder_mistakes, organisation_mistakes, says_mistakes
from hub.policy.parts import Parts
from hub.policy.reach import Box, possible, product, unreached
from hub.policy.route_checks import RouteChecks
from hub.policy.source_checks import departments_named, sources_named
from hub.policy.space import Space
from hub.units import unit_of


class Checker:
    """Notes every cross-file mistake of `parts`, on the lines the `documents` give.

    `sources`: those that report here. None: nobody knows, and none is looked for.
    """

    def __init__(
        self,
        parts: Parts,
        documents: Mapping[str, Document],
        problems: Problems,
        sources: Collection[str] | None = None,
    ) -> None:
        self._parts = parts
        self._sources = None if sources is None else frozenset((*sources, *parts.city.sources))
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
            ("deadlines.yaml", "deadlines", [rule.id for rule in parts.deadlines]),
            ("linking.yaml", "linking", [rule.id for rule in parts.linking]),
        ):
            self._distinct(file, key, "id", ids)
        self._rule_ids()
        self._aliases()
        self._known("city.yaml", ("dispatch_desk",), parts.city.dispatch_desk, self._departments, "department")
        for file, location, department in departments_named(parts):
            self._known(file, location, department, self._departments, "department")
        if self._sources is not None:
            self._reporting(self._sources)
        RouteChecks(parts, self._known, self._area, self._note).run()
        for index, rule in enumerate(parts.deadlines):
            self._conditions("deadlines.yaml", ("deadlines", index), rule.when)
            self._calendar(index, rule)
        for name, spec in parts.conditions.items():
            self._condition(("conditions", name), spec)
        rows = (parts.deadlines, parts.clocks, parts.area_classes, parts.templates, parts.steps, parts.conditions)
        for file, location, what in clock_mistakes(*rows):
            self._note(file, location, what)
        for file, location, what in outcome_mistakes(parts.outcomes, parts.deadlines, parts.templates):
            self._note(file, location, what)
        for name, codes in parts.area_classes.items():
            for position, code in enumerate(codes):
                self._area("deadlines.yaml", ("area_classes", name, position), code)
        for file, location, what in division_mistakes(parts):
            self._note(file, location, what)
        self._links()
        for index, example in enumerate(parts.examples):
            place: Location = ("examples", index, "expect")
            self._known(
                "examples.yaml", (*place, "department"), example.expect.department, self._departments, "department"
            )
            if example.expect.area is not None:
                self._area("examples.yaml", (*place, "area"), example.expect.area)
        self._steps()
        self._organisation()
        self._purposes()
        self._unreachable()

    def _steps(self) -> None:
        if self._parts.city.life.arbitrate_after is not None:
            return
        for code, step in self._parts.steps.items():
            if set(step.states) == {"arbitration"}:
                what = "no case is ever in arbitration here, so nobody can say it; say `life: {arbitrate_after: 2}` in city.yaml"
                self._note("steps.yaml", ("steps", code, "states"), f"{what}, or another state")

    def _organisation(self) -> None:
        spec = self._parts.organisation
        rungs = {each.rung for each in (STANDARD_LADDER if spec is None else spec.ladder)}
        for index, rule in enumerate(self._parts.deadlines):
            if rule.climbs is not None:
                self._known("deadlines.yaml", ("deadlines", index, "climbs"), rule.climbs, rungs, "rung")
        if spec is None:
            return
        mistakes = [*organisation_mistakes(spec, self._parts.department_ids)]
        if not mistakes:
            mistakes += ladder_mistakes(spec, self._parts.steps)
        mistakes += says_mistakes(spec, self._parts.steps)
        for location, what in mistakes:
            self._note("organisation.yaml", location, what)
        for location, code in codes_named(spec):
            self._area("organisation.yaml", location, code)

    def _reporting(self, sources: Collection[str]) -> None:
        """A misspelt source makes its row, or what is said of it, stand there for nothing. One that is like none that is known may
        report from elsewhere."""
        for file, location, source in sources_named(self._parts):
            if source not in sources and nearest(source, sources) and not self._of_a_pack(file, location):
                self._note(
                    file, location, f"there is no source {source!r}; {hint(source, sources)} (one without a connector here "
                    "stands under `sources` in city.yaml)"
                )  # fmt: skip

    def _of_a_pack(self, file: str, location: Location) -> bool:
        """True for an example of a pack: it shows the pack's rows, also where this city has no such system."""
        return file == "examples.yaml" and self._documents[file].place(location)[0] != file

    def _purposes(self) -> None:
        known = {EVERYTHING, *self._parts.privacy.purposes}
        for index, department in enumerate(self._parts.departments):
            if department.purpose is not None:
                self._known("departments.yaml", ("departments", index, "purpose"), department.purpose, known, "purpose")
        for source, purpose in self._parts.privacy.sources.items():
            self._known("privacy.yaml", ("sources", source), purpose, known, "purpose")

    def _note(self, file: str, location: Location, what: str) -> None:
        self._problems.add(*self._documents[file].place(location), what)

    def _known(self, file: str, location: Location, name: str, names: Iterable[str], kind: str) -> None:
        if name not in (names if isinstance(names, Collection) else set(names)):
            self._note(file, location, f"there is no {kind} {name!r}; {hint(name, names)}")
            self._broken.add((file, location[:2]))

    def _area(self, file: str, location: Location, code: str) -> None:
        """A code of the main layer: one of its file, or one that divisions.yaml can have."""
        divisions = self._parts.divisions
        if divisions is None or code in self._parts.areas:
            self._known(file, location, code, self._parts.areas, "area")
        elif fault := divisions.fault(code):
            self._note(file, location, fault)
            self._broken.add((file, location[:2]))

    def _distinct(self, file: str, key: str, part: str, names: Sequence[str]) -> None:
        seen: set[str] = set()
        for index, name in enumerate(names):
            if name in seen:
                self._note(
                    file, (key, index, part), f"the {part} {name!r} stands here a second time; {part}s must differ"
                )
            seen.add(name)

    def _rule_ids(self) -> None:
        seen: set[str] = set()
        for where, row in self._parts.ladder():
            if row.id in seen:
                self._note(
                    "routes.yaml", (*where, "id"), f"the id {row.id!r} stands here a second time; ids must differ"
                )
            seen.add(row.id)

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
        ):
            for position, value in enumerate(values or ()):
                self._known(file, (*row, "when", kind, position), value, known, kind)
        for position, code in enumerate(when.area or ()):
            self._area(file, (*row, "when", "area", position), code)

    def _condition(self, place: Location, spec: ConditionSpec) -> None:
        for kind, values, known in (
            ("category", spec.category, self._codes), ("family", spec.family, self._families),
            ("area_class", spec.area_class, self._parts.area_classes),
        ):  # fmt: skip
            for position, value in enumerate(values or ()):
                self._known("deadlines.yaml", (*place, kind, position), value, known, kind)
        layers = {MAIN_LAYER: self._parts.areas, self._parts.main_layer: self._parts.areas, **self._parts.layers}
        for layer, codes in spec.layers.items():
            for code in codes:
                if layer in (MAIN_LAYER, self._parts.main_layer):
                    self._area("deadlines.yaml", (*place, "area"), code)
                    continue
                self._known("deadlines.yaml", (*place, "area"), code, layers.get(layer, ()), f"area of {layer}")

    def _calendar(self, index: int, rule: DeadlineRule) -> None:
        if rule.calendar is None:
            return
        where: Location = ("deadlines", index, "calendar")
        self._known("deadlines.yaml", where, rule.calendar, self._parts.calendars, "calendar")
        calendar = self._parts.calendars.get(rule.calendar)
        if calendar is None:
            return
        if unit_of(rule.unit).continuous and not calendar.always:
            self._note(
                "deadlines.yaml",
                where,
                f"a clock in {rule.unit} never stands still, but calendar {rule.calendar!r} closes; "
                "remove the calendar or write work_hour",
            )
        if unit_of(rule.unit).needs_office and calendar.always:
            self._note(
                "deadlines.yaml",
                where,
                f"a clock in {rule.unit} counts office time, but calendar {rule.calendar!r} never closes; "
                "write hour or name an office calendar",
            )

    def _links(self) -> None:
        left, pairs = set(self._families), set[frozenset[str]]()
        for index, rule in enumerate(self._parts.linking):
            for key in ("family", "between"):
                for position, family in enumerate(getattr(rule, key) or ()):
                    self._known("linking.yaml", ("linking", index, key, position), family, self._families, "family")
            if rule.between is not None:
                pair = frozenset(rule.between)
                mine = pair not in pairs
                pairs.add(pair)
            else:
                taken = left if rule.family is None else left & set(rule.family)
                mine, left = bool(taken), left - taken
            if not mine:
                self._note("linking.yaml", ("linking", index), f"row {rule.id!r} is never reached: {_REMEDY}")

    def _unreachable(self) -> None:
        parts = self._parts
        self._reach("routes.yaml", parts.ladder(), parts)
        held = [
            (index, rule)
            for index, rule in enumerate(parts.deadlines)
            if may_apply(rule, parts.templates) and ("deadlines.yaml", ("deadlines", index)) not in self._broken
        ]
        for index, rule in held:
            self._contradicted(index, rule)
        for clock in {rule.clock for _, rule in held}:
            rows = [(index, rule) for index, rule in held if rule.clock == clock]
            space = Space([rule.when for _, rule in rows], parts.categories, {parts.main_layer: parts.areas},
                          main_layer=parts.main_layer, divisions=parts.divisions)  # fmt: skip
            places: list[PlacedBoxes] = [
                (("deadlines", index), rule.id, space.boxes(rule.when, unknown_category=True)) for index, rule in rows
            ]
            self._report("deadlines.yaml", places, space, partial(_takes, [rule for _, rule in rows]))

    def _contradicted(self, index: int, rule: DeadlineRule) -> None:
        """Note the conditions of a row that hold of no report which is as the row asks."""
        parts, declared = self._parts, {label_key(name): spec for name, spec in self._parts.conditions.items()}
        asked = [(at, name, declared.get(label_key(name))) for at, name in enumerate(rule.when.condition or ())]
        specs = [spec for _, _, spec in asked if spec is not None]
        if not specs:
            return
        layers = {parts.main_layer: parts.areas, **parts.layers}
        space = Space(
            [rule.when, *specs], parts.categories, layers, main_layer=parts.main_layer, divisions=parts.divisions
        )
        alone = space.boxes(rule.when.model_copy(update={"condition": None}), unknown_category=True)
        for at, name, spec in asked:
            if spec is None:
                continue
            if self._in_other_areas(spec, rule) or not any(
                map(possible, product(alone, space.boxes(spec, unknown_category=True)))
            ):
                self._note(
                    "deadlines.yaml", ("deadlines", index, "when", "condition", at),
                    f"no report can be as row {rule.id!r} asks and fulfil {name!r} 条件与本行互相排斥; mend one or leave it out",
                )  # fmt: skip

    def _in_other_areas(self, spec: ConditionSpec, rule: DeadlineRule) -> bool:
        """True if no area of the classes of a condition is of those that a row asks for. Where areas are a tree of codes, classes
        are compared with classes alone."""
        if spec.area_class is None:
            return False
        classes, areas = rule.when.area_class, rule.when.area
        if classes is not None and set(spec.area_class).isdisjoint(classes):
            return True
        lying = {code for one in spec.area_class for code in self._parts.area_classes.get(one, ())}
        return areas is not None and self._parts.divisions is None and lying.isdisjoint(areas)

    def _reach(self, file: str, ladder: list[tuple[Location, Route | Exit]], parts: Parts) -> None:
        rows = [row for _, row in ladder]
        kinds = {row.to_area for row in rows if isinstance(row, Route) and row.to_area is not None}
        space = Space(
            [row.when for row in rows],
            parts.categories,
            {parts.main_layer: parts.areas, **parts.layers},
            parts.owners,
            [one for row in rows for one in (row.effective_from, row.effective_until)],
            parts.main_layer,
            parts.divisions,
            {kind: served_by(parts.organisation, kind) for kind in kinds},
        )
        known = [(where, row) for where, row in ladder if (file, where[:2]) not in self._broken]
        self._report(
            file,
            [(where, row.id, space.row(row, unknown_category=where[0] != "routes")) for where, row in known],
            space,
        )

    def _report(
        self,
        file: str,
        rows: list[PlacedBoxes],
        space: Space,
        covers: Callable[[int, int], bool] = lambda above, below: True,
    ) -> None:
        # what a row with an unknown name would match is not known, and the name has been told already
        rows = [row for row in rows if (file, row[0][:2]) not in self._broken]
        found = unreached([boxes for _, _, boxes in rows], space.domains, covers)
        for at, reach in found.items():
            where, rule, _ = rows[at]
            if reach.empty:
                self._note(
                    file, where, f"row {rule!r} matches nothing: its conditions exclude each other; mend or remove it"
                )
            elif reach.by is None:
                self._note(file, where, f"row {rule!r} is never reached: {_REMEDY}")
            else:
                above, name, _ = rows[reach.by]
                other, line = self._documents[file].place(above)
                at_line = f"line {line}" if other == self._documents[file].place(where)[0] else f"{other}:{line}"
                self._note(
                    file, where, f"row {rule!r} is never reached: row {name!r} ({at_line}) above takes all it "
                    "could match; move it up or remove it"
                )  # fmt: skip


def _takes(rules: Sequence[DeadlineRule], above: int, below: int) -> bool:
    """Whether a row takes what it matches from one below it. To what yields the longest legal limit applies, wherever it stands."""
    by_yielding = rules[below].legal and any(rule.yields for rule in rules[:above])
    return not by_yielding and leaves_none(rules[above], rules[below])


_REMEDY = "rows above take all it could match; move it up or remove it"
PlacedBoxes = tuple[Location, str, list[Box]]
"""Where a row stands, its id, and what it matches."""
