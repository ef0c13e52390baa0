"""The deadline rules of each state of a city's policy: a case is timed by those that were in force when it was reported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from hub.core.deadlines.rules import DeadlineRules
from hub.policy.city import City


class States(Protocol):
    """The states of the rules that a worker knows; see hub.core.rules.succession.Versions."""

    @property
    def latest(self) -> City: ...
    @property
    def cities(self) -> Sequence[City]: ...
    def of(self, version: str, made_ms: int) -> City: ...


class Ruled(Protocol):
    """A case as far as it says by which rules it goes."""

    @property
    def rules(self) -> str:
        """Their version."""

    @property
    def opened_ms(self) -> int: ...


_R = TypeVar("_R", bound=Ruled)


class RuleVersions:
    """Made when first needed, and kept: states of the rules are few."""

    def __init__(self, states: States) -> None:
        self._states = states
        self._made: dict[City, DeadlineRules] = {}

    @classmethod
    def only(cls, rules: DeadlineRules) -> RuleVersions:
        """Of a city whose rules never change: for histories and examples."""
        versions = cls(OneState(rules.city))
        versions._made[rules.city] = rules
        return versions

    @property
    def latest(self) -> DeadlineRules:
        return self._rules(self._states.latest)

    @property
    def every(self) -> list[DeadlineRules]:
        """Of every state that some case may go by."""
        return [self._rules(city) for city in self._states.cities]

    def of(self, version: str, opened_ms: int) -> DeadlineRules:
        """The rules of a case by the version that it names; if they are not known here, or it names none, those in force when it
        was opened, as far as is known."""
        return self._rules(self._states.of(version, opened_ms))

    def parted(self, cases: Sequence[_R]) -> Iterator[tuple[DeadlineRules, list[int]]]:
        """Which of these go by which rules; nearly always all by the same."""
        if len({case.rules for case in cases}) == 1 and cases[0].rules:
            rules = self.of(cases[0].rules, cases[0].opened_ms)
            if rules.version == cases[0].rules:
                yield rules, list(range(len(cases)))
                return
        found: dict[DeadlineRules, list[int]] = {}
        for index, case in enumerate(cases):
            found.setdefault(self.of(case.rules, case.opened_ms), []).append(index)
        yield from found.items()

    def _rules(self, city: City) -> DeadlineRules:
        made = self._made.get(city)
        if made is None:
            made = self._made[city] = DeadlineRules(city)
        return made


class OneState:
    """A city whose rules never change."""

    def __init__(self, city: City) -> None:
        self.latest = city
        self.cities = (city,)

    def of(self, version: str, made_ms: int) -> City:
        return self.latest
