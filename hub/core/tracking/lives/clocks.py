"""The clocks of one life: what starts them, ends them, begins them anew, and what follows when one runs out. Pure."""

from __future__ import annotations

from hub.core.deadlines.rules import REOPENED, DeadlineRules, Due
from hub.core.deadlines.versions import RuleVersions
from hub.core.tracking.ladder import Ladder
from hub.core.tracking.lifecycle import DONE, State, follow
from hub.core.tracking.lives.life import Happening, Life, Term
from hub.core.tracking.lives.terms import TermMaker
from hub.core.tracking.state import TrackedCase
from hub.core.tracking.vocabulary import Vocabulary

_ENDS = frozenset(("closed", "withdrawn", "resolved"))
CALL = ("called", "dispatched")
"""What being called (吹哨) starts: to the department that is called the case is dispatched then, whenever it was to its holder."""


class LifeClocks:
    """Runs clocks by the rules of each case, for whoever tells its life in order of time."""

    def __init__(self, rules: RuleVersions, vocabulary: Vocabulary, ladder: Ladder) -> None:
        self.terms = TermMaker()
        self._vocabulary, self._ladder = vocabulary, ladder
        self.starters = frozenset(event for each in rules.every for event in each.starters)
        """Events other than the opening that start some clock by any rules."""
        self._climbs = any(row.climbs for each in rules.every for row in each.city.deadlines)

    def stop(self, life: Life, happening: Happening, *, helper: bool) -> None:
        """End the clocks that this event ends. `helper`: who helps says so, of its own part or of the case."""
        for term in life.terms:
            if term.ended_ms is not None:
                continue
            hub = not happening.department
            if term.department is not None:
                mine = term.department == happening.department or (not happening.helper and happening.event in _ENDS)
            else:
                mine = hub or life.rules.counts(term.policy, helper=helper)
            ending = happening.event in ("closed", "withdrawn") and not (term.by_event and life.state in DONE)
            if mine and (happening.event in term.stops or ending):
                term.ended_ms = max(happening.at_ms, term.started_ms) if term.by_event else happening.at_ms
                term.cancelled = happening.event == "withdrawn"
                term.ended_with_case = happening.event in _ENDS
                term.said_ms = None if happening.said_ms in (0, term.ended_ms) else happening.said_ms

    def start(
        self,
        life: Life,
        case: TrackedCase,
        event: str,
        at_ms: int,
        *,
        of: str | None = None,
        helper: bool | None = None,
    ) -> None:
        """Start the clocks that this event starts; each starts once in a round. `of`: whose own they are. `helper`: whether a
        helper said so, or the holder; None: nobody."""
        if event not in self.starters:
            return
        there = {(term.clock, term.department) for term in life.terms if term.round == life.round}
        kind = life.version
        dues = life.rules.due_one(kind.category, case.source, kind.urgency, kind.area, at_ms, case.conditions, event)
        for due in dues:
            counts = helper is None or life.rules.counts(due.policy, helper=helper)
            if counts and (due.clock, of) not in there:
                life.terms.append(self._started(life, case, due, of, event))

    def again(self, life: Life, case: TrackedCase, at_ms: int) -> None:
        """A new round: what `reopened` starts, and the resolve clock anew unless that is among them. What was undone at the
        instant of the opening never was."""
        if at_ms <= case.opened_ms:
            for term in life.terms:
                if term.ended_with_case:
                    term.ended_ms, term.cancelled, term.said_ms, term.ended_with_case = None, False, None, False
            return
        life.round += 1
        life.refusals, life.rung, life.reopened_ms = 0, None, at_ms
        for member in life.called:  # the case is theirs anew, as it is its holder's
            for event in CALL:
                self.start(life, case, event, at_ms, of=member)
        kind = (life.version.category, case.source, life.version.urgency, life.version.area)
        for due in life.rules.again(*kind, at_ms, case.conditions):
            life.terms.append(self._started(life, case, due, None, REOPENED))

    def _started(self, life: Life, case: TrackedCase, due: Due, of: str | None, event: str) -> Term:
        """A clock that an event starts; it says by which rules if those of its case are not known here any more."""
        term = self.terms.term(life.rules, due.clock, due.policy, due.started_ms, due.due_ms, of, life.round, event)
        term.rules = _others(life.rules, case)
        return term

    def run_out(self, life: Life, case: TrackedCase, before_ms: int) -> None:
        """Apply what ran out before this instant: a row may raise supervision, `<clock>_overdue` may start a clock."""
        if not self.starters and not self._climbs:
            return
        while True:
            late = [
                term
                for term in life.terms
                if not term.overdue_told and not term.frozen and not term.stands and term.due_ms < before_ms
                and (term.ended_ms is None or term.due_ms < term.ended_ms)
            ]  # fmt: skip
            if not late:
                return
            first = min(late, key=lambda term: (term.due_ms, term.clock))
            first.overdue_told = True
            rung = first.rule.climbs if first.rule else None
            if rung and self._may_climb(life, rung):
                life.rung = life.climbed[first.clock, first.department, first.round] = rung
                self.start(life, case, rung, first.due_ms)
            self.start(life, case, f"{first.clock}_overdue", first.due_ms)

    def _may_climb(self, life: Life, rung: str) -> bool:
        allowed = rung in self._ladder and isinstance(follow(life.state, self._vocabulary.rule(rung)), State)
        return allowed and self._ladder.refusal(life.rung, rung) is None


def dues_from(life: Life, rung: str, at_ms: int) -> tuple[Due, ...]:
    """The clocks that a rung has started at an instant."""
    return tuple(
        Due(term.clock, term.policy, term.started_ms, term.due_ms, term.due_ms)
        for term in life.terms
        if term.by_event and term.started_ms == at_ms and rung in life.rules.starts(term.policy)
    )


def _others(rules: DeadlineRules, case: TrackedCase) -> str | None:
    """The version of these rules, or None if they are the rules of the case."""
    return None if rules.version == case.rules or not case.rules else rules.version
