"""What `route` does on the word of departments and the desk, as `track` passes it on. Pure but for the journal that it is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, assert_never

import msgspec

from hub.core.cases.cases import Case, CaseJournal
from hub.core.cases.changes.closures import ClosureRow
from hub.core.cases.steps import (
    AMEND,
    AMENDED,
    ASSIGN,
    CLOSED,
    HELD_NOW,
    PASSED_ON,
    REROUTED,
    SENT_BACK,
    Step,
    by_hand,
    by_rules,
    moved,
    noted,
    order_to,
    over,
    to_all,
)
from hub.core.cases.versions import in_force, versions_of
from hub.core.tracking.state import HolderLine
from hub.model.outputs import ClosureStep, Outcome
from hub.policy.city import City

_AS_OUTCOME: Final = ClosureStep.AS_OUTCOME
_RESOLVED: Final = Outcome.RESOLVED
"""Most closures are of these, and to find a member in its enum takes 0.1 µs each time."""
_BACK_OTHERWISE = (
    "known now: it came back at another time, or was never over; its clocks are others 按现已知情况更正时限"
)


class Moves:
    """Of one city."""

    def __init__(self, city: City) -> None:
        self._city = city

    def take(self, journal: CaseJournal, closure: ClosureRow) -> list[Step]:
        """What a closure comes to, whatever its step but a report's leaving."""
        case, by, at_ms, held = closure.case_id, closure.department, closure.at_ms, closure.ledger
        if closure.step is _AS_OUTCOME:
            return self._end(journal, closure)
        match closure.step:
            case ClosureStep.HELD:
                helpers = closure.members if closure.by_hand else None
                return self.hold(journal, case, closure.to or by, helpers, at_ms, held)
            case ClosureStep.REOPENED:
                return self.reopen(journal, case, at_ms, _why(closure), held)
            case ClosureStep.TRANSFERRED | ClosureStep.DESIGNATED | ClosureStep.WHISTLED:
                known = journal.book.get(case)
                to = closure.to or ((known.unit or known.department) if known else by)
                members = closure.members if closure.step is ClosureStep.WHISTLED else ()
                return self.pass_on(journal, case, to, at_ms, _why(closure), members, held)
            case ClosureStep.UNLINKED:
                raise ValueError("a report leaves its case by hub.core.cases.changes.unlinking")
            case _:
                assert_never(closure.step)

    def _end(self, journal: CaseJournal, closure: ClosureRow) -> list[Step]:
        if closure.outcome is not _RESOLVED:
            return self.refuse(journal, closure.case_id, closure.department, closure.at_ms, closure.ledger)
        if closure.until_ms is not None:
            return self.remember(journal, closure.case_id, closure.until_ms)
        return self.close(journal, closure.case_id, closure.at_ms)

    def close(self, journal: CaseJournal, case_id: str, at_ms: int) -> list[Step]:
        """The department resolved it. Nothing to do if the case is over or forgotten. The step does not end the case by
        itself: `track`, which said so, knows of the update, and may know better later."""
        case = journal.book.get(case_id)
        if case is None:
            return []
        ended = over(case, at_ms)
        journal.put(case_id, ended)
        return [] if case.over else [Step(CLOSED, ended, at_ms, case.reports[0], None)]

    def remember(self, journal: CaseJournal, case_id: str, until_ms: int) -> list[Step]:
        """The case is over, and its procedure goes on until then at least: who moves or reopens it meanwhile has orders given."""
        case = journal.book.get(case_id)
        if case is not None and case.over:
            journal.put(case_id, msgspec.structs.replace(case, clocks_ms=max(until_ms, case.clocks_ms or 0)))
        return []

    def refuse(
        self, journal: CaseJournal, case_id: str, department: str, at_ms: int, ledger: tuple[HolderLine, ...] = ()
    ) -> list[Step]:
        """The department says it is not theirs, or the desk that it is not: the dispatch desk (派单台) decides. If they no
        longer hold it, or the dispatch desk does already, it stays where it is."""
        case = journal.book.get(case_id)
        if case is None:
            return []
        desk = self._city.desk_for(case.area)
        parties = (case.department, desk, self._city.dispatch_desk, *self._city.file.life.supervisors)
        if department in case.co_handlers and department != case.department:
            return self._part(journal, case, department, at_ms, ledger)
        if case.department == desk or department not in parties or (case.over and not ledger):
            return noted(case, at_ms, ledger)
        reason = f"{SENT_BACK} by {department}"
        there = by_hand(case, desk, SENT_BACK, reason, case.co_handlers)
        return moved(journal, case, there, at_ms, reason, ledger)

    def _part(
        self, journal: CaseJournal, case: Case, helper: str, at_ms: int, ledger: tuple[HolderLine, ...]
    ) -> list[Step]:
        """Who helps says that it is not theirs: it has no part any more, and who leads is told so."""
        if case.over:
            return noted(case, at_ms, ledger)
        others = tuple(each for each in case.co_handlers if each != helper)
        there = by_hand(case, case.department, PASSED_ON, None, others, case.unit)
        reason = f"{SENT_BACK} by {helper}: it helps no longer 退出协办"
        (step,) = moved(journal, case, there, at_ms, reason, ledger)
        told = order_to(step.case, AMEND, case.department, None, reason)
        return [msgspec.structs.replace(step, orders=(*step.orders, told))]

    def pass_on(
        self,
        journal: CaseJournal,
        case_id: str,
        to: str,
        at_ms: int,
        reason: str,
        members: Sequence[str] = (),
        ledger: tuple[HolderLine, ...] = (),
    ) -> list[Step]:
        """Give a case to another department, or to a unit of one (转办、指定承办), or have others join its holder (吹哨)."""
        case = journal.book.get(case_id)
        if case is None or (case.over and not ledger):
            return []
        department = self._city.department_of(to) or to
        unit = None if department == to else to
        if (case.department, case.unit) == (department, unit) and not members:
            return noted(case, at_ms, ledger)
        called = (*case.called, *((who, at_ms) for who in members if who not in dict(case.called)))
        there = by_hand(case, department, PASSED_ON, None, (*case.co_handlers, *members), unit, called)
        return moved(journal, case, there, at_ms, reason, ledger)

    def hold(
        self,
        journal: CaseJournal,
        case_id: str,
        to: str,
        helpers: Sequence[str] | None,
        at_ms: int,
        ledger: tuple[HolderLine, ...],
    ) -> list[Step]:
        """By all that is known now the case is with a department, or a unit of one, given to it by others with these helpers;
        None: by the rules."""
        case = journal.book.get(case_id)
        if case is None:
            return []
        department = self._city.department_of(to) or to
        unit = None if to == department else to
        version = next((each for each in reversed(in_force(versions_of(case))) if each.department == department), None)
        if helpers is None and version is not None:
            there = by_rules(case, version, at_ms)
        else:
            desk = department in (self._city.dispatch_desk, self._city.desk_for(case.area))
            by_rows = {who for each in versions_of(case) for who in each.co_handlers if who not in each.called}
            new = (who for who in helpers or () if who not in by_rows and who not in dict(case.called))
            there = by_hand(
                case,
                department,
                SENT_BACK if desk else PASSED_ON,
                HELD_NOW if desk else None,
                helpers or (),
                unit,
                (*case.called, *((who, at_ms) for who in new)),
            )
        return moved(journal, case, there, at_ms, HELD_NOW, ledger)

    def reopen(
        self, journal: CaseJournal, case_id: str, at_ms: int, reason: str, ledger: tuple[HolderLine, ...] = ()
    ) -> list[Step]:
        """A case that was over comes back to who held it (重新办理). One that is not over: it is known by now from when it has come
        back, or that it never was over; its clocks run from then, and all who have a part in it are told so."""
        case = journal.book.get(case_id)
        if case is None:
            return []
        # at the opening: it was never over, and its first clocks run on
        back_ms, known_ms = (each if (each or 0) > case.opened_ms else None for each in (at_ms, case.reopened_ms))
        if not case.over and back_ms == known_ms:
            return []
        again = msgspec.structs.replace(case, closed_ms=None, reopened_ms=back_ms, moves=case.moves + 1)
        journal.put(case_id, again)
        if not case.over:
            return [Step(AMENDED, again, at_ms, case.lead, None, orders=to_all(again, AMEND, None, _BACK_OTHERWISE))]
        orders = to_all(again, ASSIGN, None, reason)
        return [Step(REROUTED, again, at_ms, case.lead, None, reopens=True, orders=orders, ledger=ledger)]


def _why(closure: ClosureRow) -> str:
    return f"{closure.step.lower()} by {closure.by}"
