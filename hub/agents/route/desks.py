"""The casework of each state of the rules: a report is decided by the rules in force when it was made."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import msgspec

from hub.agents.live_policy import LivePolicy
from hub.core.cases.cases import CaseJournal
from hub.core.cases.casework import Casework
from hub.core.cases.steps import Step
from hub.core.deadlines.versions import RuleVersions
from hub.core.report import Sighting
from hub.policy import City


class RuleSet:
    """What decides by one state of the rules."""

    def __init__(self, city: City) -> None:
        self.city, self.casework = city, Casework(city)


class RuleSets:
    """Made when first needed, and kept: states of the rules are few."""

    def __init__(self, policy: LivePolicy) -> None:
        self._policy = policy
        self.rules = RuleVersions(policy)
        """By which clocks are reckoned."""
        self._desks: dict[str, RuleSet] = {}

    @property
    def latest(self) -> RuleSet:
        return self._of(self._policy.latest)

    @property
    def ask_words(self) -> bool:
        """Whether some row looks at what reports say."""
        return self.latest.casework.asks_words or any(desk.casework.asks_words for desk in self._desks.values())

    def take_all(self, journal: CaseJournal, reports: Sequence[Sighting]) -> list[Step]:
        """As Casework.take_all for one report or more, in order, each stretch of reports by its own rules."""
        times = [seen.at_ms for seen in reports]
        earliest = self._policy.in_force(min(times))
        if earliest is self._policy.in_force(max(times)):  # and so in between
            return self._of(earliest).casework.take_all(journal, reports)
        steps: list[Step] = []
        for _, stretch in groupby(reports, lambda seen: self._policy.in_force(seen.at_ms).fingerprint):
            these = list(stretch)
            steps += self._of(self._policy.in_force(these[0].at_ms)).casework.take_all(journal, these)
        return steps

    def open_alone(self, journal: CaseJournal, seen: Sighting, why: str) -> Step:
        """As Casework.open_alone; its orders say why, where they have no other reason."""
        step = self._of(self._policy.in_force(seen.at_ms)).casework.open_alone(journal, seen)
        orders = (msgspec.structs.replace(order, reason=order.reason or why) for order in step.orders)
        return msgspec.structs.replace(step, orders=tuple(orders))

    def _of(self, city: City) -> RuleSet:
        desk = self._desks.get(city.fingerprint)
        if desk is None:
            desk = self._desks[city.fingerprint] = RuleSet(city)
        return desk
