"""What who works below a department (a unit, team, grid, post, company) may say of its cases. Pure."""

from __future__ import annotations

from hub.core.tracking.lives.life import Happening, Life
from hub.core.tracking.state import AppliedUpdate
from hub.policy.city import City

_PASSES_ON = frozenset(("transferred", "designated"))


class Subordinates:
    """Of one city. A unit speaks for its department, of cases that are on its own line of the tree: with it, with who stands
    above it or with who works below it. It hands on within its department, and what it refuses goes to who stands above it."""

    def __init__(self, city: City) -> None:
        self._tree = city.organisation

    def mistaken(self, answer: AppliedUpdate) -> str | None:
        """Reason why this unit may say this of no case; None if there is none, or no unit says it."""
        unit = answer.details.unit if answer.details else None
        if unit is None or self._tree is None:
            return None
        if unit not in self._tree.units or self._tree.department_of(unit) != answer.department:
            return "the unit 单位 that it names is none of this department's in organisation.yaml; `cityhub dept units` lists them"
        kind = self._tree.kind_of(unit)
        may = self._tree.spec.says.get(kind)
        if may is not None and answer.event not in may:
            return f"a {kind} may say {', '.join(may)} here (organisation.yaml, says); its department may say the rest"
        to = answer.details.to if answer.details else None
        if answer.event in _PASSES_ON and to is not None and self._tree.department_of(to) != answer.department:
            return "a unit hands a case on within its department 只能在本部门内流转; its department gives it to others"
        return None

    def barred(self, life: Life, happening: Happening) -> str | None:
        """Reason why this unit may not speak of the case at this point of its history, or None."""
        unit = happening.details.unit
        if unit is None or not self._has_line(life, happening, unit):
            return None
        with_whom = life.units(happening.at_ms)
        if any(each is None or self._on_one_line(unit, each) for each in with_whom):
            return None
        return f"another unit has the case 该案由其他单位承办: now {', '.join(map(str, with_whom))}; its department may say it"

    def handed_up(self, life: Life, happening: Happening) -> bool:
        """True if a unit says of a case of its department that it is not its own: the department keeps the case."""
        unit = happening.details.unit
        return happening.event == "refused" and unit is not None and self._has_line(life, happening, unit)

    def above(self, unit: str) -> str | None:
        """The unit that stands above a unit in its department; None where that is the department itself."""
        parent = self._tree.above(unit)[0] if self._tree is not None and unit in self._tree.units else None
        return parent if self._tree is not None and parent in self._tree.units else None

    def _has_line(self, life: Life, happening: Happening, unit: str) -> bool:
        """True if the unit is one of who holds the case then. Units that the city has no more are their department."""
        known = self._tree is not None and unit in self._tree.units
        return known and happening.department in life.holders(happening.at_ms)

    def _on_one_line(self, unit: str, other: str) -> bool:
        assert self._tree is not None
        return unit == other or unit in self._tree.above(other) or other in self._tree.above(unit)
