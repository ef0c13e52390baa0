"""Who stands above whom in a city: departments, and below them units without topics of their own. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hub.policy.divisions import Divisions
from hub.policy.models import OrganisationFile, OrganisationUnit


class Organisation:
    """Of one city, checked. All that is asked of it by report or update is a look-up."""

    def __init__(self, spec: OrganisationFile, departments: Collection[str], divisions: Divisions | None) -> None:
        self.spec = spec
        self.units: Mapping[str, OrganisationUnit] = {unit.id: unit for unit in spec.units}
        self._departments = departments
        self._divisions = divisions
        self._parents = parents_of(spec)
        self._superiors = frozenset(place.parent for place in spec.departments.values() if place.parent is not None)
        self._department_of: dict[str, str] = {}
        for unit in self.units:
            self._note_department(unit)
        self._serving = {
            (self._department_of[unit.id], code): unit.id for unit in spec.units for code in unit.areas
        }  # fmt: skip
        self._seats = {(place.kind, code): id_ for id_, place in spec.departments.items() for code in place.areas}
        self._desks = {code: id_ for id_, place in spec.departments.items() if place.desk for code in place.areas}

    def department_of(self, who: str) -> str:
        """The department of a unit; itself of whoever is none."""
        return self._department_of.get(who, who)

    def above(self, who: str) -> tuple[str, ...]:
        """Who stands above a unit or a department, the nearest first."""
        found: list[str] = []
        while (parent := self._parents.get(who)) is not None:
            found.append(parent)
            who = parent
        return tuple(found)

    def with_those_below(self, unit: str) -> tuple[str, ...]:
        """A unit and all that stand below it."""
        return (unit, *(each for each in self.units if unit in self.above(each)))

    def kind_of(self, who: str) -> str:
        """What a unit or a department is: grid, post, county, ..."""
        if who in self.units:
            return self.units[who].kind
        place = self.spec.departments.get(who)
        return "department" if place is None else place.kind

    @property
    def seated(self) -> frozenset[str]:
        """The departments that have a place in the tree."""
        return frozenset((*self.spec.departments, *self._superiors))

    @property
    def superiors(self) -> frozenset[str]:
        """The departments that stand above another."""
        return self._superiors

    @property
    def desks(self) -> frozenset[str]:
        """The departments that are the dispatch desk of an area."""
        return frozenset(self._desks.values())

    def unit_for(self, department: str, area: str | None) -> str | None:
        """The unit of a department that serves an area: the one with the smallest around it, if any."""
        return next((found for code in self._around(area) if (found := self._serving.get((department, code)))), None)

    def department_for(self, kind: str, area: str | None) -> str | None:
        """The department of a kind that serves an area: the one with the smallest around it, if any."""
        return next((found for code in self._around(area) if (found := self._seats.get((kind, code)))), None)

    def desk_for(self, area: str | None) -> str | None:
        """The dispatch desk of an area, or of the nearest around it that has one."""
        return next((found for code in self._around(area) if (found := self._desks.get(code))), None)

    def _around(self, area: str | None) -> tuple[str, ...]:
        if area is None:
            return ()
        return (area,) if self._divisions is None else self._divisions.above(area)

    def _note_department(self, unit: str) -> None:
        below: list[str] = []
        who = unit
        while who not in self._departments and who not in self._department_of:
            below.append(who)
            who = self._parents[who]
        self._department_of |= dict.fromkeys(below, self._department_of.get(who, who))


def served_by(spec: OrganisationFile | None, kind: str) -> tuple[str, ...]:
    """The areas that departments of a kind serve."""
    places = () if spec is None else spec.departments.values()
    return tuple(code for place in places if place.kind == kind for code in place.areas)


def parents_of(spec: OrganisationFile) -> dict[str, str]:
    """By unit and department, who stands directly above."""
    places = {id_: place.parent for id_, place in spec.departments.items() if place.parent is not None}
    return places | {unit.id: unit.parent for unit in spec.units}
