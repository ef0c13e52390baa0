"""Who may speak as the desk: the dispatch desk of every case, who stands above others of what is below them. Pure."""

from __future__ import annotations

from hub.core.tracking.lives.life import Life
from hub.policy.city import City


class Powers:
    """Of one city. Supervisors without a place in organisation.yaml have power over every case, those with one over cases that are
    held below them; so has every department that stands above another, and a desk of an area over what lies there."""

    def __init__(self, city: City) -> None:
        self._city, organisation = city, city.organisation
        supervisors = city.file.life.supervisors
        seated = frozenset[str]() if organisation is None else organisation.seated
        self.everywhere = frozenset((city.dispatch_desk, *(each for each in supervisors if each not in seated)))
        somewhere = () if organisation is None else (*supervisors, *organisation.superiors, *organisation.desks)
        self.desks = self.everywhere | frozenset(somewhere)
        """All that have power over any case."""

    def over(self, department: str, life: Life, at_ms: int) -> bool:
        """True if a department may speak as the desk of this case, as it is held at an instant."""
        if department in self.everywhere or department not in self.desks:
            return department in self.everywhere
        organisation = self._city.organisation
        assert organisation is not None
        return organisation.desk_for(life.version.area) == department or any(
            department in organisation.above(holder) for holder in life.holders(at_ms)
        )

    def reaches(self, department: str, to: str) -> bool:
        """True if who speaks as the desk may give a case to this department or unit: itself, or one below it."""
        organisation = self._city.organisation
        if department in self.everywhere or organisation is None or department not in self.desks:
            return True
        return department in (to, *organisation.above(to))

    def now(self, life: Life, at_ms: int) -> tuple[str, ...]:
        """All that may, of this case."""
        return tuple(each for each in sorted(self.desks) if self.over(each, life, at_ms))
