"""Makes the clocks that run in a life, with what stops them."""

from __future__ import annotations

from collections.abc import Iterator

from hub.core.deadlines.rules import OPENING, RESOLVE, DeadlineRules
from hub.core.deadlines.terms import Terms
from hub.core.tracking.lives.amendments import frozen_before
from hub.core.tracking.lives.life import Term
from hub.core.tracking.state import TrackedCase, Version
from hub.policy.models import DEFAULT_CLOCKS

SOURCE_STOPS = frozenset(DEFAULT_CLOCKS[RESOLVE].stop)


class TermMaker:
    """Makes clocks by whichever rules their case goes by. Pure."""

    def __init__(self) -> None:
        self._terms: dict[DeadlineRules, Terms] = {}

    def _terms_of(self, rules: DeadlineRules) -> Terms:
        """The computation of extensions and pauses by these rules, made once."""
        made = self._terms.get(rules)
        if made is None:
            made = self._terms[rules] = Terms(rules)
        return made

    def first(self, rules: DeadlineRules, case: TrackedCase, version: Version) -> Iterator[Term]:
        """The clocks with which a case begins, by its first version; and those that were cancelled when states kept no versions."""
        for clock in case.clocks:
            if not clock.by_event and frozen_before(case, clock.cancelled, clock.ended_ms):
                term = self.term(rules, clock.clock, clock.policy, clock.started_ms, clock.due_ms, None, 0)
                term.frozen, term.ended_ms, term.cancelled = True, clock.ended_ms, True
                yield term
        for start in version.starts:
            yield self.opening(rules, case, version, *start)

    def opening(
        self, rules: DeadlineRules, case: TrackedCase, version: Version, clock: str, policy: str, due_ms: int
    ) -> Term:
        """A clock that runs from the opening, as `route` decided it for this version of the case."""
        term = self.term(rules, clock, policy, case.opened_ms, due_ms, None, 0)
        known = (
            each.rules for each in case.clocks if (each.clock, each.policy) == (clock, policy) and not each.by_event
        )
        term.rules = next((rules for rules in known if rules is not None), version.rules)
        return term

    def term(
        self,
        rules: DeadlineRules,
        clock: str,
        policy: str,
        started_ms: int,
        base_ms: int,
        department: str | None,
        round_: int,
        by: str = OPENING,
    ) -> Term:
        """A clock that begins to run. `by`: the event that starts it; `department`: whose own it is, None for the case's."""
        stops = self.stops(rules, policy, clock)
        terms, rule = self._terms_of(rules), rules.rule(policy)
        return Term(
            clock=clock,
            policy=policy,
            started_ms=started_ms,
            base_ms=base_ms,
            due_ms=base_ms,
            department=department,
            round=round_,
            stops=stops,
            rule=rule,
            reckoner=terms,
            by_event=by != OPENING,
        )

    def stops(self, rules: DeadlineRules, policy: str, clock: str) -> frozenset[str]:
        """The events that stop a clock: its row's, or those of its name where the row is gone or the source's."""
        known = rules.stops(policy)
        if known:
            return known
        spec = rules.city.clocks.get(clock)
        return frozenset(spec.stop) if spec else SOURCE_STOPS

    def holder_stops(self, rules: DeadlineRules, policy: str, clock: str) -> frozenset[str]:
        """The events that stop a clock when the holder says them."""
        return self.stops(rules, policy, clock) if rules.counts(policy, helper=False) else frozenset()
