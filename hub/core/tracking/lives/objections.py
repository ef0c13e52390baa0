"""Reasons to refuse an event that the table of states allows: who sent it, what is missing in it, what a policy row forbids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import assert_never

from hub.core.tracking.ladder import Ladder
from hub.core.tracking.lifecycle import EVENT_RULES, MAX_SCORE, PARTIES, Who
from hub.core.tracking.lives.life import Happening, Life, Term
from hub.core.tracking.lives.powers import Powers
from hub.core.tracking.lives.subordinates import Subordinates
from hub.core.tracking.outcomes import Outcomes
from hub.core.tracking.vocabulary import WHO, Vocabulary
from hub.policy.city import City, label_key

WINDOW = "refuse"
"""The clock that, where a city has one, is the window for refusals (退回期限)."""


class Objections:
    """Those of one city. Pure; each in words that name the way out, and quote nothing that a source or a department
    writes freely: it may be about a person, and these words are logged."""

    def __init__(self, city: City, vocabulary: Vocabulary, outcomes: Outcomes, ladder: Ladder) -> None:
        self._ladder, self._powers = ladder, Powers(city)
        self._vocabulary = vocabulary
        self._outcomes = outcomes
        self._city = city
        self._departments = city.departments
        self._spec = city.file.life
        self.subordinates = Subordinates(city)
        """What units below departments may say."""

    @property
    def desks(self) -> frozenset[str]:
        """Who may speak as the desk of any case: the dispatch desks, the supervisors, and who stands above others."""
        return self._powers.desks

    def _as_desk(self, life: Life, happening: Happening) -> bool:
        return self._powers.over(happening.department, life, happening.at_ms)

    def barred(self, life: Life, happening: Happening) -> str | None:
        """Reason why this department may not report the event at this point of the case's history, or None."""
        if not happening.department:
            return None
        if why := self.subordinates.barred(life, happening):
            return why
        if self._as_desk(life, happening):
            return None
        rule, outcome = self._vocabulary.rule(happening.event), self._outcomes.spec(happening.details.outcome)
        barred = self._not_among(life, happening, rule.who, rule.name)
        if barred is None and outcome is not None:
            return self._not_among(life, happening, WHO[outcome.by], f"{outcome.name.en} {outcome.name.zh}")
        return barred

    def _not_among(self, life: Life, happening: Happening, who: Who, what: str) -> str | None:
        parties = life.holders(happening.at_ms)
        match who:
            case Who.HUB | Who.CITY:
                return None  # no update can say it
            case Who.DESK:
                allowed: tuple[str, ...] = self._powers.now(life, happening.at_ms)
            case Who.CALLER:
                allowed = (*life.callers, *life.members) if life.callers else ()
            case Who.HOLDER:
                allowed = parties
            case Who.PARTY:
                allowed = (*parties, *life.members)
            case _:
                assert_never(who)
        if happening.department in allowed:
            return None
        return f"{what} is for {who}: now {', '.join(dict.fromkeys(allowed)) or 'nobody'}"

    def counts_from(self, life: Life, happening: Happening) -> int:
        """The instant from which an event counts: when it happened, as its department says. What a desk says in the place of
        who holds the case counts from when it came in, at the earliest: the desk did not do the work, so its word can end a
        clock, but not take back that it had run out.
        """
        in_place = self._as_desk(life, happening) and happening.department not in life.holders(happening.at_ms)
        if happening.arrived_ms is None or not in_place:
            return happening.at_ms
        if self._vocabulary.rule(happening.event).who not in PARTIES:
            return happening.at_ms
        return max(happening.at_ms, happening.arrived_ms)

    def why_not(self, life: Life, happening: Happening) -> str | None:
        """Reason to refuse an event that the table of states allows and the department may report, or None."""
        if not happening.department:
            return None
        if happening.event in self._ladder:
            return self._ladder.refusal(life.rung, happening.event)
        guard = _GUARDS.get(happening.event)
        return guard(self, life, happening) if guard else None

    def _may_refuse(self, life: Life, happening: Happening) -> str | None:
        if self._as_desk(life, happening):
            return None
        if life.designated:
            return "the case was designated to you and cannot be returned 指定承办不得退回; ask the desk"
        if self._spec.refusal_needs_reason and not (happening.note.strip() or happening.details.reason):
            return "a refusal 退回 needs a reason; say in the note whose it is"
        for term in life.terms:
            if term.clock == WINDOW and term.round == life.round and not term.stands and term.due_ms < happening.at_ms:
                return (
                    f"the window for refusals 退回期限 ended before, by row {term.policy}; transfer it or ask the desk"
                )
        return None

    def _may_pass_on(self, life: Life, happening: Happening) -> str | None:
        to = happening.details.to
        if not to or self._city.department_of(to) is None:
            name = EVENT_RULES[happening.event].name
            return f"{name} names who it goes to, of departments.yaml or organisation.yaml; what it names is none"
        if to == (life.unit or life.holder):
            return f"{to} holds the case already"
        if out_of_reach := self._out_of_reach(life, happening, to):
            return out_of_reach
        outside = self._city.department_of(to) != life.holder
        if life.designated and outside and not self._as_desk(life, happening):
            return "the case was designated to you and cannot be passed on 指定承办不得转办; ask the desk"
        return None

    def _may_designate(self, life: Life, happening: Happening) -> str | None:
        to = happening.details.to
        if not to or self._city.department_of(to) is None:
            return "a designation 指定承办 names who it goes to, of departments.yaml or organisation.yaml; what it names is none"
        return self._out_of_reach(life, happening, to)

    def _out_of_reach(self, life: Life, happening: Happening, to: str) -> str | None:
        """A superior that does not hold the case gives it to those below it alone."""
        if happening.department in life.holders(happening.at_ms) or self._powers.reaches(happening.department, to):
            return None
        return "who stands above others gives a case to itself or to those below it 只能指定下级; ask the dispatch desk 派单台"

    def running(self, life: Life, happening: Happening) -> Term | str:
        """The clock that the update names, if it is running; else the reason why it cannot be changed. Its own clock of that name
        is meant, else one that somebody asked an extension for, else the case's; CLOCK/DEPARTMENT names whose."""
        name, _, whose = happening.clock.partition("/")
        mine = [term for term in life.terms if term.clock == name and term.round == life.round]
        if whose:
            own = [term for term in mine if term.department == whose]
        else:
            own = [term for term in mine if term.department == happening.department]
            own = own or _asked(mine, happening) or [term for term in mine if term.department is None]
        if not own:
            running = ", ".join(dict.fromkeys(term.name for term in life.terms if term.ended_ms is None)) or "none"
            return f"no clock of the name it gives runs for this case; there run: {running}"
        if len({term.department for term in own}) > 1:
            return f"several asked for that; name one: {', '.join(term.name for term in own)}"
        return own[-1] if own[-1].ended_ms is None else f"the clock {own[-1].name!r} has ended"

    def extendable(self, life: Life, happening: Happening) -> Term | str:
        term = self.running(life, happening)
        if isinstance(term, str):
            return term
        if term.rule is None or term.rule.extension is None:
            return f"the clock {term.clock!r} follows {term.policy!r}, which allows no extension 延期"
        if len(term.extensions) >= term.rule.extension.times:
            return f"row {term.policy} allows {term.rule.extension.times} extensions 延期, and that is used up"
        return term

    def _may_ask(self, life: Life, happening: Happening) -> str | None:
        term = self.extendable(life, happening)
        if isinstance(term, str):
            return term
        return (
            None
            if term.running_at(happening.at_ms)
            else "an extension 延期 is asked before the clock runs out; it had run out"
        )

    def _may_grant(self, life: Life, happening: Happening) -> str | None:
        term = self.extendable(life, happening)
        if isinstance(term, str):
            return term
        if term.asked_ms is None and not term.running_at(happening.at_ms):
            return "nobody asked for an extension 延期 before the clock ran out"
        return None

    def _may_deny(self, life: Life, happening: Happening) -> str | None:
        term = self.running(life, happening)
        if isinstance(term, str):
            return term
        return None if term.asked_ms is not None else "nobody has asked for an extension 延期"

    def pausable(self, life: Life, happening: Happening) -> list[Term] | str:
        reasons = self._outcomes.reasons(happening.details)
        found, why = [], "no running clock of this case may be paused 中止 by its row"
        for term in life.terms:
            pause = term.rule.pause if term.rule else None
            if happening.helper and term.department != happening.department:
                continue
            if (
                pause is None
                or not term.running_at(happening.at_ms)
                or happening.details.clock not in (None, term.clock)
            ):
                continue
            if reasons.isdisjoint(map(label_key, pause.reasons)):
                why = f"row {term.policy} pauses for: {', '.join(pause.reasons)}; give one of these as the reason"
            elif pause.times is not None and len(term.pauses) >= pause.times:
                why = f"row {term.policy} allows {pause.times} pauses 中止, and that is used up"
            else:
                found.append(term)
        return found or why

    def _may_pause(self, life: Life, happening: Happening) -> str | None:
        found = self.pausable(life, happening)
        return found if isinstance(found, str) else None

    def _may_call(self, life: Life, happening: Happening) -> str | None:
        members = happening.details.members
        strange = [each for each in members if each not in self._departments]
        if not members or strange:
            return f"calling departments together 吹哨 names them, of departments.yaml; {len(strange)} that it names are none"
        return None

    def _may_unlink(self, life: Life, happening: Happening) -> str | None:
        source, _, ref = (happening.details.report or "").partition(":")
        lead, *linked = life.reports
        if (source, ref) == lead:
            return f"the report that leads the case 首报 cannot be taken out; take out the others instead: {_those(linked)}"
        if (source, ref) not in linked:
            return (
                f"taking a report out 撤销并案 names one that was linked to this case, as SOURCE:REF: {_those(linked)}; "
                "what it names is none"
            )
        said = any(
            each.event == happening.event and each.details.report == happening.details.report for each in life.effective
        )
        if said and (source, ref) in life.left:
            return "that report was taken out before 已撤销并案"
        return None

    def _may_score(self, life: Life, happening: Happening) -> str | None:
        score, to = happening.details.score, happening.details.to
        if score is None or not 0 <= score <= MAX_SCORE:
            return f"a score 评分 is 0 to {MAX_SCORE}"
        by = happening.department
        others = life.callers if by in life.members and by not in life.callers else (life.holder, *life.members)
        scored = [each for each in dict.fromkeys(others) if each != by]
        if to is not None and to not in scored:
            return f"who it scores has no such part in this case; score {', '.join(scored)}"
        return None


_Guard = Callable[[Objections, Life, Happening], str | None]
_GUARDS: dict[str, _Guard] = {
    "refused": Objections._may_refuse, "transferred": Objections._may_pass_on, "designated": Objections._may_designate,
    "extension_asked": Objections._may_ask, "extension_granted": Objections._may_grant, "extension_denied": Objections._may_deny,
    "paused": Objections._may_pause, "whistled": Objections._may_call, "scored": Objections._may_score,
    "unlinked": Objections._may_unlink,
}  # fmt: skip


def _asked(terms: Sequence[Term], happening: Happening) -> list[Term]:
    """Of clocks of one name those for which an extension was asked, for who decides on that."""
    decides = happening.event in ("extension_granted", "extension_denied")
    return [term for term in terms if decides and term.asked_ms is not None and term.ended_ms is None]


def _those(linked: Sequence[tuple[str, str]]) -> str:
    """Linked reports by their sources: what a source calls a report may name a person."""
    counts = Counter(source for source, _ in linked)
    told = ", ".join(f"{count} of {source}" for source, count in sorted(counts.items()))
    return f"{told}, by the orders that linked them" if told else "it has no other than the one that leads it"
