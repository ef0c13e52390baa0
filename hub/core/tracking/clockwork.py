"""What `track` does with cases, updates and time: start clocks, stop them, warn, and say what was breached and when.

A clock's verdict does not depend on when it is reached: the earliest end that is known counts, whatever order updates come in,
and a breach carries the instant at which the clock ran out. What was said too early or too late is taken back by a record
that says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from hub.core.deadlines.decision import CaseKind, opening_clocks, warning_without_row, with_source_clock
from hub.core.deadlines.rules import DeadlineRules, Due
from hub.core.deadlines.versions import RuleVersions
from hub.core.tracking.lives.amendments import case_versions
from hub.core.tracking.lives.life import Life, Term
from hub.core.tracking.lives.lives import Lives
from hub.core.tracking.rings import (
    BREACHED,
    CANCELLED,
    ENDED_LATE,
    MET,
    WARNED,
    Ring,
    clock_key,
    come_to,
    covered,
    of_others,
    said_again,
    void,
)
from hub.core.tracking.state import (
    ClockState,
    DueAdjustment,
    TrackedCase,
    Version,
)


class Opened(Protocol):
    """The part of a new case by which its clocks are decided."""

    @property
    def category(self) -> str: ...
    @property
    def lead_source(self) -> str: ...
    @property
    def urgency(self) -> str: ...
    @property
    def area(self) -> str | None: ...
    @property
    def opened_ms(self) -> int: ...
    @property
    def conditions(self) -> Sequence[str]: ...


Ringing = tuple[TrackedCase, list[Ring]]


class Clockwork:
    """The rules by which clocks of one city start, ring and stop. Pure: cases in, cases and rings out.

    Plain cases take the short way: an event ends the clocks it stops. Others are told anew from all that is known of them
    (hub/core/tracking/lives/lives.py), and what the clocks have said is brought in line with that. Both ways come to the same.
    """

    def __init__(self, rules: DeadlineRules, versions: RuleVersions | None = None) -> None:
        """`rules`: the latest rules. `versions`: all rules by which cases may go; by default the latest alone."""
        self.rules = rules
        self.versions = versions or RuleVersions.only(rules)
        self.lives = Lives(self.versions)
        self._stops: dict[tuple[DeadlineRules, str, str], frozenset[str]] = {}

    def dues(self, opened: Sequence[Opened]) -> list[tuple[Due, ...]]:
        """The clocks of many new cases at once, for `start`."""
        return self.rules.due(
            [case.category for case in opened],
            [case.lead_source for case in opened],
            [case.urgency for case in opened],
            [case.area for case in opened],
            [case.opened_ms for case in opened],
            [case.conditions for case in opened],
        )

    def start(self, case: TrackedCase, due_ms: int | None, dues: tuple[Due, ...] | None = None) -> TrackedCase:
        """Set the case's clocks. The source's own due time, where it has one, takes the place of the resolve clock."""
        if dues is None:
            kind = CaseKind(case.category, case.source, case.urgency, case.area, case.conditions)
            dues = opening_clocks(self.versions.of(case.rules, case.opened_ms), kind, case.opened_ms, None)
        return msgspec.structs.replace(case, clocks=first_clocks(dues, case.opened_ms, due_ms))

    def look(self, case: TrackedCase, now_ms: int) -> Ringing:
        """Warn of clocks whose warning came due before now, and breach those that ran out."""
        rings: list[Ring] = []
        clocks = tuple(self._ring(case, clock, now_ms, rings) if clock.running else clock for clock in case.clocks)
        if not rings:
            return case, rings
        case = msgspec.structs.replace(case, clocks=clocks)
        lives = self.lives
        if lives.starters and any(ring.kind == BREACHED and lives.follows(case, ring.clock) for ring in rings):
            case, _, more = self.settle(case, now_ms)
            rings += more
        return case, rings

    def stop(self, case: TrackedCase, which: tuple[str, ...], at_ms: int) -> Ringing:
        """End the clocks of these names at an instant, because the source or a department said so."""
        return self._end_all(case, at_ms, which=which)

    def cancel(self, case: TrackedCase, at_ms: int) -> Ringing:
        """End all clocks without a verdict. What was due before that is breached first."""
        return self._end_all(case, at_ms, cancelled=True)

    def settle(self, case: TrackedCase, until_ms: int = -(1 << 62)) -> tuple[TrackedCase, Life, list[Ring]]:
        """Bring holders and clocks in line with the whole history of the case. Returns the notices that take back or
        repeat what was said before."""
        life = self.lives.tell(case, until_ms)
        told = msgspec.structs.replace(
            case, ledger=tuple(life.ledger), versions=case_versions(case), over_ms=life.over_ms
        )
        rings: list[Ring] = []
        known = {clock_key(clock): clock for clock in case.clocks}
        clocks = [
            self._agree(told, known.pop((term.clock, term.department, term.round), None), term, rings)
            for term in life.terms
        ]
        # what started these is known by now not to have happened
        for clock in known.values():
            rings += void(told, clock, clock.started_ms)
        rings += said_again(told, clocks, rings)
        rings += of_others(case, told, clocks, rings)
        rings += covered(told, clocks, rings)
        return msgspec.structs.replace(told, clocks=tuple(clocks)), life, rings

    def revise(self, case: TrackedCase, at_ms: int) -> Ringing:
        """Compute provisional due times again, by the holidays that are known now. A clock that ran out before
        `at_ms` stays as it is."""
        doubtful = {clock_key(clock): clock for clock in case.clocks if clock.provisional and clock.running}
        fresh = {key: self._anew(case, clock) for key, clock in doubtful.items() if clock.due_ms >= at_ms}
        revised = msgspec.structs.replace(
            case,
            clocks=tuple(fresh.get(clock_key(c)) or c for c in case.clocks),
            versions=_with_dues(case, tuple(fresh.values())),
        )
        more: list[Ring] = []
        if case.special and fresh:
            revised, _, more = self.settle(revised)  # extensions and pauses are added to what is known now
        rings: list[Ring] = []
        clocks = []
        for clock in revised.clocks:
            was = doubtful.get(clock_key(clock)) if clock_key(clock) in fresh else None
            if was is not None and was.due_ms == clock.due_ms:
                clock = msgspec.structs.replace(was, provisional=clock.provisional, moved=clock.moved)
            elif was is not None and not (was.moved is not None and was.moved.stands):
                rings += void(case, was, at_ms)
            clocks.append(clock)
        rings += [ring for ring in more if clock_key(ring.clock) not in fresh]
        return msgspec.structs.replace(revised, clocks=tuple(clocks)), rings

    def _anew(self, case: TrackedCase, clock: ClockState) -> ClockState:
        """The clock as its row alone has it by the latest rules, before any notice."""
        due = self.rules.clock_of(clock.policy, clock.started_ms)
        if due is None:
            return clock
        return ClockState(
            clock.clock, clock.policy, due.started_ms, due.warn_ms, due.due_ms, warns=due.warns_ms[1:],
            provisional=due.provisional, department=clock.department, round=clock.round, by_event=clock.by_event,
            rules=self.rules.version if case.rules else None,
        )  # fmt: skip

    # -- one clock -----------------------------------------------------------------------------------------------------

    def _stopped_by(self, rules: DeadlineRules, clock: ClockState) -> frozenset[str]:
        key = (rules, clock.policy, clock.clock)
        found = self._stops.get(key)
        if found is None:
            found = self._stops[key] = self.lives.terms.holder_stops(*key)
        return found

    def ended(
        self,
        case: TrackedCase,
        at_ms: int,
        *,
        which: tuple[str, ...] | None = None,
        event: str | None = None,
        cancelled: bool = False,
        said_ms: int | None = None,
    ) -> tuple[tuple[ClockState, ...], list[Ring]]:
        """The case's clocks after an end of those of these names, or of those that an event stops, or of all. The very same
        tuple if that changes none. `said_ms`: when it happened as was said, which may be another instant."""
        rings: list[Ring] = []
        changed: list[ClockState] | None = None
        said_ms = None if said_ms == at_ms else said_ms
        latest = self.rules
        rules = latest if case.rules == latest.version else self.versions.of(case.rules, case.opened_ms)
        for index, clock in enumerate(case.clocks):
            # the earliest end counts; of two at one instant, the one with a verdict
            if clock.ended_ms is not None and (clock.ended_ms, clock.cancelled) <= (at_ms, cancelled):
                continue
            if (which is None or clock.clock in which) and (event is None or event in self._stopped_by(rules, clock)):
                changed = changed or list(case.clocks)
                changed[index] = self._end(case, clock, at_ms, cancelled=cancelled, rings=rings, said_ms=said_ms)
        return (case.clocks if changed is None else tuple(changed)), rings

    def _end_all(self, case: TrackedCase, at_ms: int, **what: Any) -> Ringing:
        clocks, rings = self.ended(case, at_ms, **what)
        return (case if clocks is case.clocks else msgspec.structs.replace(case, clocks=clocks)), rings

    def _end(
        self,
        case: TrackedCase,
        clock: ClockState,
        at_ms: int,
        *,
        cancelled: bool,
        rings: list[Ring],
        said_ms: int | None = None,
    ) -> ClockState:
        """Note that a clock ended at an instant. Of several ends the earliest counts; of two at one instant, the one
        with a verdict."""
        if clock.ended_ms is not None and (clock.ended_ms, clock.cancelled) <= (at_ms, cancelled):
            return clock
        if not _silent_until(clock, at_ms):
            ended = msgspec.structs.replace(clock, ended_ms=at_ms, cancelled=cancelled, said_ms=said_ms)
            return self._judge(case, ended, rings)
        verdict = CANCELLED if cancelled else MET
        clock = msgspec.structs.replace(
            clock, ended_ms=at_ms, cancelled=cancelled, breached=False, verdict=verdict, moved=None, said_ms=said_ms
        )
        rings.append(Ring(case, clock, verdict, at_ms))
        return clock

    def _agree(self, case: TrackedCase, clock: ClockState | None, term: Term, rings: list[Ring]) -> ClockState:
        """The clock as its term has it, with the notices given so far where they still hold."""
        if clock is not None and _cancelled_as(clock, term):
            return msgspec.structs.replace(clock, moved=_moved(term))
        again = clock is not None and term.cancelled and _cancelled_alike(clock, term)
        stood = clock is not None and clock.moved is not None and clock.moved.stands
        same = clock is not None and (clock.policy, clock.started_ms) == (term.policy, term.started_ms)
        silent = stood and clock is not None and clock.verdict is None  # while it stands, no due time counts
        same = same and clock is not None and stood == term.stands and (silent or clock.due_ms == term.due_ms)
        if clock is None:
            clock = self._of(term)
        elif not same or (clock.ended_ms is not None and term.ended_ms is None):
            if not silent:
                rings += void(case, clock, term.started_ms if term.changed_ms is None else term.changed_ms)
            clock = self._of(term)
        elif clock.moved != _moved(term):
            clock = msgspec.structs.replace(
                clock, moved=_moved(term), due_ms=term.due_ms
            )  # while it stands, no due time counts
        if term.ended_ms is None or (clock.ended_ms, clock.cancelled) == (term.ended_ms, term.cancelled):
            return clock
        ended = msgspec.structs.replace(clock, ended_ms=term.ended_ms, cancelled=term.cancelled, said_ms=term.said_ms)
        return self._judge(case, ended, rings, again=again)

    def _of(self, term: Term) -> ClockState:
        """A clock without any notice yet, made of a term."""
        warns: tuple[int, ...] = (warning_without_row(term.started_ms, term.due_ms),)
        provisional = False
        if term.rule is not None:
            warns = term.reckoner.warn(term.rule, term.started_ms, term.due_ms)
            provisional = term.reckoner.is_provisional(term.rule, term.due_ms)
        return ClockState(
            term.clock, term.policy, term.started_ms, warns[0], term.due_ms, warns=warns[1:], provisional=provisional,
            department=term.department, round=term.round, moved=_moved(term), by_event=term.by_event, rules=term.rules,
        )  # fmt: skip

    def _judge(self, case: TrackedCase, clock: ClockState, rings: list[Ring], *, again: bool = False) -> ClockState:
        """Give the notice that an ended clock comes to, and take back an earlier one that says otherwise. `again`:
        the notice of its cancelling was given before the clock was set anew."""
        assert clock.ended_ms is not None
        stands = clock.moved is not None and clock.moved.stands
        late = clock.due_ms < clock.ended_ms and not stands
        takes_back = again or clock.verdict is not None or (clock.breached and not late)
        was, breached_before = come_to(clock), clock.breached
        clock = self._ring(case, clock, clock.ended_ms, rings)
        was = BREACHED if clock.breached and not breached_before else was
        verdict = CANCELLED if clock.cancelled else ENDED_LATE if late else MET
        clock = msgspec.structs.replace(clock, breached=late, verdict=verdict)
        rings.append(Ring(case, clock, verdict, clock.ended_ms or 0, takes_back, was))
        return clock

    def _ring(self, case: TrackedCase, clock: ClockState, now_ms: int, rings: list[Ring]) -> ClockState:
        if clock.moved is not None and clock.moved.stands:
            return clock
        while not clock.warned and clock.warn_ms < now_ms:
            said = clock
            if clock.warns:
                clock = msgspec.structs.replace(clock, warn_ms=clock.warns[0], warns=clock.warns[1:], spoke=True)
            else:
                clock = said = msgspec.structs.replace(clock, warned=True)
            rings.append(Ring(case, said, WARNED, said.warn_ms))
        if not clock.breached and clock.due_ms < now_ms:
            clock = msgspec.structs.replace(clock, breached=True)
            rings.append(Ring(case, clock, BREACHED, clock.due_ms, was=clock.verdict))
        return clock


def first_clocks(dues: Sequence[Due], opened_ms: int, due_ms: int | None) -> tuple[ClockState, ...]:
    """The clocks that the opening starts. `due_ms`: the source's own due time, instead of the resolve clock's."""
    return tuple(map(_started, dues if due_ms is None else with_source_clock(dues, opened_ms, due_ms)))


def _started(due: Due) -> ClockState:
    if not due.warns_ms and not due.provisional:
        return ClockState(due.clock, due.policy, due.started_ms, due.warn_ms, due.due_ms)
    return ClockState(
        due.clock,
        due.policy,
        due.started_ms,
        due.warn_ms,
        due.due_ms,
        warns=due.warns_ms[1:],
        provisional=due.provisional,
    )


def _silent_until(clock: ClockState, at_ms: int) -> bool:
    """True if no notice about the clock is taken back by an end at this instant, and none is due before it: then
    `_judge` has nothing special to do."""
    return (
        clock.verdict is None
        and not clock.breached
        and clock.moved is None
        and at_ms <= clock.due_ms
        and (clock.warned or at_ms <= clock.warn_ms)
    )


def _cancelled_as(clock: ClockState, term: Term) -> bool:
    """True if every notice that there is to give was given: the clock is cancelled, at this instant."""
    late = term.ended_ms is not None and term.due_ms < term.ended_ms and not term.stands
    same = _cancelled_alike(clock, term) and (clock.breached, clock.ended_ms) == (late, term.ended_ms)
    return term.cancelled and same


def _cancelled_alike(clock: ClockState, term: Term) -> bool:
    """True if the last notice of the clock was that it is cancelled, and the term has the same row, start and due
    time."""
    alike = (clock.policy, clock.started_ms, clock.due_ms) == (term.policy, term.started_ms, term.due_ms)
    return clock.verdict == CANCELLED and alike


def _with_dues(case: TrackedCase, revised: Sequence[ClockState]) -> tuple[Version, ...]:
    """The versions of a case with the due times that clocks have now by their rows."""
    dues = {(clock.clock, clock.policy): clock.due_ms for clock in revised if not clock.by_event}
    return tuple(
        msgspec.structs.replace(
            each, starts=tuple((name, row, dues.get((name, row), due_ms)) for name, row, due_ms in each.starts)
        )
        for each in case.versions
    )


def _moved(term: Term) -> DueAdjustment | None:
    if not term.pauses and not term.extensions:
        return None
    return DueAdjustment(term.base_ms, tuple(term.pauses), tuple(term.extensions), term.stands)
