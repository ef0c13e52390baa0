"""The life of one case, told anew from all that is known of it, in order of time: so it does not matter in which order that came.

What may not happen in its place has no effect and is named with the reason. The result depends only on what is known: an event
that was refused for want of an earlier one is allowed as soon as that one is known.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Sequence

import msgspec

from hub.core.deadlines.versions import RuleVersions
from hub.core.tracking.ladder import Climb, Ladder
from hub.core.tracking.lifecycle import DONE, Refusal, State, Who, follow
from hub.core.tracking.lives.adjustments import Adjustments, reckon
from hub.core.tracking.lives.amendments import amend, case_versions
from hub.core.tracking.lives.clocks import CALL, LifeClocks, dues_from
from hub.core.tracking.lives.happenings import ORDER_IN_TIME, happening_of, happenings_of
from hub.core.tracking.lives.life import Amendment, Happening, Life, Term, leave, update_key
from hub.core.tracking.lives.objections import Objections
from hub.core.tracking.outcomes import Outcomes
from hub.core.tracking.state import AppliedUpdate, ClockState, HolderLine, TrackedCase, Version
from hub.core.tracking.vocabulary import Vocabulary


class Lives:
    """Tells lives: what clocks run and when they are due by the rules of each case's opening, who may speak of it by the latest.
    Pure."""

    def __init__(self, rules: RuleVersions) -> None:
        self._rules, self._city = rules, rules.latest.city
        city = self._city
        self._spec = city.file.life
        self.vocabulary = Vocabulary(city, (each.city for each in rules.every))
        self.outcomes = Outcomes(city, (each.city for each in rules.every))
        self.ladder = Ladder(city, self.vocabulary)
        self._objections = Objections(city, self.vocabulary, self.outcomes, self.ladder)
        self.desks = self._objections.desks
        """Who may speak of every case."""
        self._adjustments = Adjustments(self._objections)
        self._clocks = LifeClocks(rules, self.vocabulary, self.ladder)
        self.terms, self.starters = self._clocks.terms, self._clocks.starters

    def goes_to(self, life: Life, answer: AppliedUpdate) -> str | None:
        """The department, or the unit of one, to which `route` gives the case by this update alone; None: it stays."""
        up = life.handed_up.get(update_key(answer))
        if up is not None:
            return up
        if answer.event == "refused" and not life.helped(answer):
            return self._city.desk_for(life.version.area)
        return answer.details.to if answer.details and answer.event in ("transferred", "designated") else None

    def tell(self, case: TrackedCase, until_ms: int = -(1 << 62)) -> Life:
        """The life of a case from its opening. `until_ms`: clocks that ran out before this have started what they start."""
        first, *others = case_versions(case)
        rules = self._rules.of(case.rules, case.opened_ms)
        life = Life(first.department, first, rules, [HolderLine(first.department, case.opened_ms)], unit=first.unit)
        life.terms += self.terms.first(rules, case, first)
        life.reports, life.left = case.reports + case.left, case.left
        self._join_by_rules(life, case, first, case.opened_ms)
        self._clocks.start(life, case, "dispatched", case.opened_ms)
        queue = happenings_of(case, others)
        for index, happening in enumerate(queue):  # what counts from a later instant is put in again further on
            self._clocks.run_out(life, case, happening.at_ms)
            for later in self._take(life, case, happening):
                insort(queue, later, lo=index + 1, key=ORDER_IN_TIME)
        noticed_ms = max((clock.due_ms + 1 for clock in case.clocks if clock.breached), default=until_ms)
        self._clocks.run_out(life, case, max(until_ms, noticed_ms))
        return life

    def refusal(self, case: TrackedCase, answer: AppliedUpdate) -> str | None:
        """Reason why this update is not allowed at its point in the case's history, or None. It may be applied already."""
        if answer not in case.answers:
            case = _with(case, answer)
        return self.mistaken(answer) or self.tell(case).void.get(update_key(answer))

    def mistaken(self, answer: AppliedUpdate) -> str | None:
        """Reason why nobody may say this of any case now: the city has no such step, or no such outcome. None if there is none."""
        unknown = self.vocabulary.unknown(answer.event) or self.outcomes.mistaken(answer)
        return unknown or self._objections.subordinates.mistaken(answer)

    def climb(self, case: TrackedCase, clock: ClockState) -> Climb | None:
        """The rung of supervision (催办、督办、通报) that a case came to by itself when this clock ran out, if its row says so."""
        rule = self._rules.of(case.rules, case.opened_ms).rule(clock.policy)
        if rule is None or rule.climbs is None:
            return None
        life = self.tell(case, clock.due_ms + 1)
        rung = life.climbed.get((clock.clock, clock.department, clock.round))
        return None if rung is None else Climb(rung, dues_from(life, rung, clock.due_ms))

    def climb_of(self, case: TrackedCase, answer: AppliedUpdate) -> Climb:
        """The rung to which an applied update has brought its case."""
        life = self.tell(case)
        return Climb(answer.event, dues_from(life, answer.event, life.instant(answer)))

    def follows(self, case: TrackedCase, clock: ClockState) -> bool:
        """True if other clocks may start when this one runs out."""
        rule = self._rules.of(case.rules, case.opened_ms).rule(clock.policy)
        return f"{clock.clock}_overdue" in self.starters or (rule is not None and rule.climbs in self.starters)

    # -- one event -----------------------------------------------------------------------------------------------------

    def _take(self, life: Life, case: TrackedCase, happening: Happening | Amendment) -> list[Happening]:
        """Apply one event. Returns those that must be applied later, as they count from a later instant."""
        parties = len(life.members), life.holder, life.unit
        if isinstance(happening, Amendment):
            self._amend(life, case, happening)
            return self._heard_now(life, happening.at_ms, parties)
        from_ms = self._objections.counts_from(life, happening)
        if from_ms > happening.at_ms:
            return [happening._replace(at_ms=from_ms)]
        self._go_on(life, happening)
        why = self._objections.barred(life, happening)
        if why is not None:
            life.void[happening.key] = why
            life.early.append(happening)
            return []
        self._happen(life, case, happening)
        return self._heard_now(life, happening.at_ms, parties)

    def _amend(self, life: Life, case: TrackedCase, amendment: Amendment) -> None:
        """Apply an amendment. The case moves to the department that the rules name now, unless it was moved by hand or is over."""
        version = amendment.version

        def new(clock: str, policy: str, due_ms: int) -> Term:
            return self.terms.opening(life.rules, case, version, clock, policy, due_ms)

        amend(life, version, amendment.at_ms, new, reckon)
        if life.by_hand or life.over_ms is not None:
            return
        for member in [each for each in life.members if each not in version.co_handlers]:
            leave(life, member, amendment.at_ms)
        self._join_by_rules(life, case, version, amendment.at_ms)
        if version.department != life.holder:
            self._happen(life, case, happening_of("dispatched", amendment.at_ms, amendment.id, version.department))
        life.pass_below(version.unit, amendment.at_ms)

    def _heard_now(self, life: Life, at_ms: int, parties: tuple[int, str, str | None]) -> list[Happening]:
        """What departments and units have said that had no part in the case yet and have one now: it counts from here. `parties`:
        how many helped, who held it and which unit had it before."""
        if not life.early or parties == (len(life.members), life.holder, life.unit):
            return []
        again = [one._replace(at_ms=at_ms) for one in life.early]
        heard = [one for one in again if self._objections.barred(life, one) is None]
        for one in heard:
            del life.void[one.key]
        keys = {one.key for one in heard}
        life.early = [one for one in life.early if one.key not in keys]
        return heard

    def _happen(self, life: Life, case: TrackedCase, happening: Happening) -> None:
        helps = happening.department in life.members and happening.department != life.holder
        if helps and (self.vocabulary.of_own_part(happening.event) or _pauses_own(life, happening)):
            self._help(life, case, happening._replace(helper=True))
            return
        if self._objections.subordinates.handed_up(life, happening):
            self._hand_up(life, happening)
            return
        rule = self.vocabulary.rule(happening.event)
        target = follow(life.state, rule)
        why = target.reason if isinstance(target, Refusal) else self._objections.why_not(life, happening)
        if why is not None:
            if rule.who is not Who.HUB:
                life.void[happening.key] = why
            return
        assert isinstance(target, State)
        life.effective.append(happening)
        self._enter(life, happening, target)
        self._clocks.stop(life, happening, helper=helps)
        handler = _HANDLERS.get(happening.event)
        if handler is not None:
            handler(self, life, case, happening)
        if happening.event in self.ladder:
            life.rung = happening.event
        self._adjustments.take(life, happening)
        if happening.event == "reopened":
            self._clocks.again(life, case, happening.at_ms)
        else:
            self._clocks.start(
                life, case, happening.event, happening.at_ms, helper=helps if happening.department else None
            )

    def _hand_up(self, life: Life, happening: Happening) -> None:
        """Who works below the holder says that it is not its own: the case goes to who stands above it there. For the department,
        its clocks and all others nothing has happened."""
        why = self._objections.why_not(life, happening)
        if why is None and life.state in DONE:
            why = "the case is over; what is over is not refused 已办结，不能退回"
        if why is not None:
            life.void[happening.key] = why
            return
        above = self._objections.subordinates.above(happening.details.unit or "")
        life.handed_up[happening.key] = above or life.holder
        life.by_hand = True
        life.pass_below(above, happening.at_ms)

    def _help(self, life: Life, case: TrackedCase, happening: Happening) -> None:
        """Apply what a helper says of its own part. One that says it is not theirs has no part any more."""
        refuses = happening.event == "refused"
        why = self._objections.why_not(life, happening)
        if why is not None:
            life.void[happening.key] = why
            return
        life.effective.append(happening)
        self._clocks.stop(life, happening, helper=True)
        self._adjustments.take(life, happening)
        self._clocks.start(life, case, happening.event, happening.at_ms, helper=True)
        if refuses and life.over_ms is None:
            leave(life, happening.department, happening.at_ms)
            life.by_hand = True

    def _go_on(self, life: Life, happening: Happening) -> None:
        """A case that was hung up 挂账 is in hand again once that is over by itself; who says so late is not contradicted."""
        over = life.hung_until_ms is not None and life.hung_until_ms <= happening.at_ms
        if over and life.state is State.PAUSED and happening.event != "resumed":
            life.state = State.ACCEPTED

    def _enter(self, life: Life, happening: Happening, target: State) -> None:
        life.state = target
        life.hung_until_ms = happening.details.until if happening.event == "paused" else life.hung_until_ms
        over = target in DONE or target is State.ENDED
        if over and life.over_ms is None:
            life.over_ms = happening.at_ms
        elif not over:
            life.over_ms = None

    # -- effects -------------------------------------------------------------------------------------------------------

    def _refuse(self, life: Life, case: TrackedCase, happening: Happening) -> None:
        if life.state is State.ENDED:
            return
        life.refusals += happening.department == life.holder
        desk = self._city.desk_for(life.version.area)
        if life.holder != desk:
            life.by_hand = True
            life.pass_to(desk, happening.at_ms, happening.department)
            life.pass_below(None, happening.at_ms)
        limit = self._spec.arbitrate_after
        if limit is not None and life.refusals >= limit:
            life.state = State.ARBITRATION

    def _dispatch(self, life: Life, case: TrackedCase, happening: Happening) -> None:
        life.pass_to(happening.department, happening.at_ms)
        if life.refusals and self._spec.arbitrate_after is not None and life.refusals >= self._spec.arbitrate_after:
            life.state = life.state if life.designated or life.state in DONE else State.ARBITRATION

    def _pass_on(self, life: Life, case: TrackedCase, happening: Happening) -> None:
        inside = self._city.department_of(happening.details.to or "") == life.holder
        self._give(life, happening)
        life.designated, life.by_hand = life.designated and inside, True

    def _designate(self, life: Life, case: TrackedCase, happening: Happening) -> None:
        self._give(life, happening)
        life.designated = life.by_hand = True

    def _give(self, life: Life, happening: Happening) -> None:
        """To the department that the event names, or to that unit of one."""
        to = happening.details.to or life.holder
        department = self._city.department_of(to) or life.holder
        life.pass_to(department, happening.at_ms)
        life.pass_below(None if to == department else to, happening.at_ms)

    def _call(self, life: Life, case: TrackedCase, happening: Happening) -> None:
        life.callers.append(happening.department)
        life.by_hand = True
        self._join(life, case, happening.details.members, happening.at_ms, CALL)

    def _join_by_rules(self, life: Life, case: TrackedCase, version: Version, at_ms: int) -> None:
        """Who helps by the rules does so from this instant on; whom a joint row 联合处置 names, as called by who leads."""
        self._join(life, case, [each for each in version.co_handlers if each not in version.called], at_ms, ("called",))
        self._join(life, case, version.called, at_ms, CALL)
        if version.called and version.department not in life.callers:
            life.callers.append(version.department)

    def _join(self, life: Life, case: TrackedCase, members: Sequence[str], at_ms: int, starting: Sequence[str]) -> None:
        """These departments help from this instant on, and what these events start runs for each, as its own."""
        for member in members:
            if member == life.holder:
                continue
            if member not in life.members:
                life.members.append(member)
            elif starting is not CALL or member in life.called:
                continue
            if starting is CALL:
                life.called.append(member)
            for event in starting:
                self._clocks.start(life, case, event, at_ms, of=member)


_Handler = Callable[[Lives, Life, TrackedCase, Happening], None]
_HANDLERS: dict[str, _Handler] = {
    "refused": Lives._refuse, "dispatched": Lives._dispatch, "transferred": Lives._pass_on, "designated": Lives._designate,
    "whistled": Lives._call,
}  # fmt: skip


def _pauses_own(life: Life, happening: Happening) -> bool:
    """True if a department that was called pauses its own clocks, or lets them go on: the case does not stand still for that."""
    own = (term for term in life.terms if term.department == happening.department and term.ended_ms is None)
    return happening.event in ("paused", "resumed") and any(own)


def _with(case: TrackedCase, answer: AppliedUpdate) -> TrackedCase:
    return msgspec.structs.replace(case, answers=(*case.answers, answer))
