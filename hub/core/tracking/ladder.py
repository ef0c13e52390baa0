"""The rungs of supervision of one city (督办阶梯): a case climbs them and does not come down, and who is told of each. Pure."""

from __future__ import annotations

from typing import NamedTuple

from hub.core.deadlines.rules import Due
from hub.core.tracking.vocabulary import Vocabulary
from hub.policy.city import City


class Climb(NamedTuple):
    """A case came to a rung."""

    rung: str
    dues: tuple[Due, ...]
    """The clocks that run from then because of it."""


class Ladder:
    """By the latest state of the rules."""

    def __init__(self, city: City, vocabulary: Vocabulary) -> None:
        self._city, self._vocabulary = city, vocabulary
        self._heights = {spec.rung: height for height, spec in enumerate(city.ladder)}

    def __contains__(self, event: object) -> bool:
        """True if an event is a rung."""
        return event in self._heights

    def name_of(self, rung: str) -> str:
        return self._vocabulary.rule(rung).name

    def refusal(self, rung: str | None, event: str) -> str | None:
        """Reason why a case on this rung may not go to that of `event`, or None."""
        if rung is None or self._heights.get(event, -1) >= self._heights.get(rung, -1):
            return None
        return (
            f"{self.name_of(event)} comes below {self.name_of(rung)}, which was said already; a case does not come down"
        )

    def addressee(self, rung: str, department: str, unit: str | None) -> str | None:
        """Who above the holder is told of this rung, a unit or a department; None if only the holder is, or nobody stands above.
        Where fewer stand above than the rung asks for, or none of its kind, the topmost is told."""
        organisation, spec = self._city.organisation, self._city.ladder[self._heights[rung]]
        if organisation is None or (spec.above is None and spec.kind is None):
            return None
        seat = department if unit is None or organisation.department_of(unit) != department else unit
        above = organisation.above(seat)
        if not above:
            return None
        if spec.kind is not None:
            return next((who for who in above if organisation.kind_of(who) == spec.kind), above[-1])
        assert spec.above is not None
        return above[min(spec.above, len(above)) - 1]
