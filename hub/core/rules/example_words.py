"""What is said of the case of an example, and whether that comes to what the example expects. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from zoneinfo import ZoneInfo

import msgspec

from hub.core.deadlines.rules import DeadlineRules, Due
from hub.core.deadlines.versions import RuleVersions
from hub.core.routing.router import Decision
from hub.core.tracking.clockwork import first_clocks
from hub.core.tracking.lives.life import Life, Term
from hub.core.tracking.lives.lives import Lives
from hub.core.tracking.state import AppliedUpdate, HolderLine, TrackedCase, UpdateDetails
from hub.millis import datetime_of, ms_of
from hub.policy.city import City
from hub.policy.models import ExampleEvent, ExampleWord


class SpokenExamples:
    """Of one city: tells the lives of examples' cases by its rules."""

    def __init__(self, city: City, rules: DeadlineRules) -> None:
        self._city, self._rules = city, rules
        self._zone = ZoneInfo(city.time_zone)

    @cached_property
    def _lives(self) -> Lives:
        return Lives(RuleVersions.only(self._rules))

    def differences(
        self,
        event: ExampleEvent,
        area: str | None,
        decision: Decision,
        dues: Sequence[Due],
        conditions: Sequence[str],
        words: Sequence[ExampleWord],
    ) -> Iterator[str]:
        """What each word comes to that is not as expected: one sentence each. A word that may not be said changes nothing."""
        if not words:
            return
        if decision.exit is not None and decision.exit.exit != "emergency":
            yield f"row {decision.rule} settles it before dispatch, so nobody can say anything of it; leave `then` out"
            return
        case = self._case(event, area, decision, dues, conditions)
        for number, word in enumerate(words):
            answer = self._answer(number, word, self._lives.tell(case).holder)
            said = f"{answer.event} at {word.said_at.isoformat()}"
            why = self._lives.refusal(case, answer)
            if why is not None:
                if not word.expect.refused:
                    yield f"{said} cannot be said 不能这样反馈: {why}"
                continue
            if word.expect.refused:
                yield f"{said} may be said, expected that it may not"
            case = msgspec.structs.replace(case, answers=(*case.answers, answer), special=True)
            for what in self._comes_to(word, answer, self._lives.tell(case, answer.at_ms)):
                yield f"after {said}: {what}"

    def _case(
        self, event: ExampleEvent, area: str | None, decision: Decision, dues: Sequence[Due], conditions: Sequence[str]
    ) -> TrackedCase:
        category, opened_ms = self._city.category_of(event.category), ms_of(event.opened)
        return TrackedCase(
            case_id="example",
            category=category.code if category else event.category,
            source=event.source,
            urgency=event.urgency,
            area=area,
            place_key="",
            opened_ms=opened_ms,
            ledger=(HolderLine(decision.department, opened_ms),),
            reports=((event.source, "example"),),
            clocks=first_clocks(dues, opened_ms, None),
            members=decision.co_handlers,
            called=decision.called,
            unit=decision.unit,
            conditions=tuple(conditions),
        )

    def _answer(self, number: int, word: ExampleWord, holder: str) -> AppliedUpdate:
        until_ms = None if word.until is None else ms_of(word.until)
        details = UpdateDetails(
            reason=word.reason, clock=word.clock, to=word.to, members=word.members, outcome=word.outcome, until=until_ms,
            unit=word.unit, code=word.event if word.event in self._city.steps else None,
        )  # fmt: skip
        return AppliedUpdate(
            update_id=f"{number:03}",
            department=word.by or holder,
            status=word.event.upper(),
            at_ms=ms_of(word.said_at),
            note=word.note,
            details=details,
        )

    def _comes_to(self, word: ExampleWord, answer: AppliedUpdate, life: Life) -> Iterator[str]:
        expect, terms = word.expect, {term.name: term for term in life.terms}
        if expect.state is not None and life.state != expect.state:
            yield f"the case is {life.state.value}, expected {expect.state}"
        if expect.department is not None and life.holder != expect.department:
            yield f"{life.holder} holds it, expected {expect.department}"
        if "unit" in expect.model_fields_set and life.unit != expect.unit:
            yield f"the unit {life.unit} has it, expected {expect.unit}"
        for name, wanted, found in (
            ("ended 终止", expect.ended, [name for name, term in terms.items() if term.ended_ms is not None]),
            (
                "stand still 停止计时",
                expect.hung_up,
                [n for n, term in terms.items() if _is_paused(term, answer.at_ms)],
            ),
        ):
            if wanted is not None and set(wanted) != set(found):
                yield f"clocks that {name}: {', '.join(found) or 'none'}; expected {', '.join(wanted) or 'none'}"
        yield from self._due(word, terms)
        told = self._told(answer)
        if (
            "reporters_told" in expect.model_fields_set
            and (not told if expect.reporters_told is None else expect.reporters_told in told) is False
        ):
            yield f"reporters are told {told!r}, expected {expect.reporters_told or 'nothing'!r}"

    def _due(self, word: ExampleWord, terms: dict[str, Term]) -> Iterator[str]:
        for clock, instant in word.expect.due.items():
            term = terms.get(clock)
            if term is None:
                yield f"no {clock} clock runs; there are: {', '.join(terms) or 'none'}"
            elif term.due_ms != ms_of(instant):
                yield f"{clock} is due {datetime_of(term.due_ms, self._zone).isoformat()}, expected {instant.isoformat()}"

    def _told(self, answer: AppliedUpdate) -> str:
        vocabulary = self._lives.vocabulary
        if answer.event not in vocabulary.answered:
            return ""
        return answer.note or vocabulary.reply(answer.event) or self._lives.outcomes.reply(answer) or answer.status


def _is_paused(term: Term, at_ms: int) -> bool:
    return term.ended_ms is None and bool(term.pauses) and (term.pauses[-1][1] is None or term.pauses[-1][1] > at_ms)
