"""What routes.yaml refers to: departments, categories, families, layers and areas, owners."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from hub.declared.document import Location
from hub.policy.models import MAIN_LAYER, Exit, OrganisationFile, Route, RouteWhen
from hub.policy.organisation import parents_of
from hub.policy.parts import Parts

_FILE = "routes.yaml"
_DEEPEST = 50
"""Levels of an organisation, at most."""
RequireName = Callable[[str, Location, str, Iterable[str], str], None]
"""Notes a name that is not among the known ones: file, place, name, known names, kind."""
Note = Callable[[str, Location, str], None]


def _departments_of(spec: OrganisationFile, departments: frozenset[str]) -> dict[str, str]:
    """By unit, its department; left out what stands in no sound place, which is told elsewhere."""
    parents, found = parents_of(spec), {}
    for unit in spec.units:
        who, steps = unit.id, len(parents)
        while who not in departments and steps and (above := parents.get(who)) is not None:
            who, steps = above, min(steps - 1, _DEEPEST)
        if who in departments:
            found[unit.id] = who
    return found


class RouteChecks:
    """Notes every name in routes.yaml that stands for nothing."""

    def __init__(self, parts: Parts, require: RequireName, require_area: Note, note: Note) -> None:
        self._parts = parts
        self._known = require
        self._area = require_area
        self._note = note
        self._departments = frozenset(department.id for department in parts.departments)
        self._codes = frozenset(category.code for category in parts.categories)
        self._families = frozenset(category.family for category in parts.categories)
        self._units = {} if parts.organisation is None else _departments_of(parts.organisation, self._departments)
        self._layers: Mapping[str, frozenset[str]] = {
            MAIN_LAYER: parts.areas, parts.main_layer: parts.areas, **parts.layers,
        }  # fmt: skip

    def run(self) -> None:
        parts = self._parts
        for where, row in parts.ladder():
            self._row(where, row)
        if parts.owners is not None:
            for name, department in parts.owners.departments.items():
                place: Location = ("owners", "departments", name)
                self._known(_FILE, place, department, self._departments, "department")

    def _row(self, where: Location, row: Route | Exit) -> None:
        if row.department is not None:
            self._known(_FILE, (*where, "department"), row.department, self._departments, "department")
        if isinstance(row, Route):
            self._unit(where, row)
            self._to_area(where, row)
            for position, helper in enumerate(row.co_handlers):
                self._known(_FILE, (*where, "co_handlers", position), helper, self._departments, "department")
        asks_owner = row.when.owner is not None or (isinstance(row, Route) and row.to_owner)
        if asks_owner and self._parts.owners is None:
            self._note(
                _FILE,
                where,
                f"row {row.id!r} asks who owns the facility, but there is no `owners`; add it below the routes",
            )
        self._conditions((*where, "when"), row.when)

    def _to_area(self, where: Location, row: Route) -> None:
        tree = self._parts.organisation
        if row.to_area is None:
            return
        if tree is None:
            self._note(
                _FILE, where, f"row {row.id!r} asks who serves the area, but there is no organisation.yaml; add it"
            )
        else:
            kinds = {place.kind for place in tree.departments.values() if place.areas}
            self._known(_FILE, (*where, "to_area"), row.to_area, kinds, "kind of department with areas")

    def _unit(self, where: Location, row: Route) -> None:
        if row.unit is None and not row.unit_of_area:
            return
        if self._parts.organisation is None:
            self._note(_FILE, where, f"row {row.id!r} asks for a unit, but there is no organisation.yaml; add it")
        elif row.unit is not None:
            self._known(_FILE, (*where, "unit"), row.unit, self._units, "unit")
            if self._units.get(row.unit, row.department) != row.department:
                self._note(
                    _FILE, (*where, "unit"), f"{row.unit!r} is a unit of {self._units[row.unit]!r}, not of {row.department!r}; "
                    "name the department that it belongs to"
                )  # fmt: skip

    def _conditions(self, where: Location, when: RouteWhen) -> None:
        for kind, values, known in (
            ("category", when.category, self._codes),
            ("family", when.family, self._families),
            ("owner", when.owner, self._departments),
        ):
            for position, value in enumerate(values or ()):
                self._known(_FILE, (*where, kind, position), value, known, kind)
        in_layers = isinstance(when.area, dict)
        for layer, codes in when.layers.items():
            place: Location = (*where, "area", layer) if in_layers else (*where, "area")
            if layer not in self._layers:
                self._known(_FILE, place, layer, self._layers, "layer")
                continue
            for position, code in enumerate(codes):
                if layer in (MAIN_LAYER, self._parts.main_layer):
                    self._area(_FILE, (*place, position), code)
                    continue
                self._known(_FILE, (*place, position), code, self._layers[layer], "area")
