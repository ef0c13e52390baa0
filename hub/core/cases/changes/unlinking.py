"""Taking a report out of a case again (撤销并案), as somebody said that it is about something else. A link is never a merge.

What the case is without it: as if it had never been linked. What becomes of the report is opened by itself (Casework.open_alone).
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from hub.core.cases.cases import Case, CaseJournal, Report
from hub.core.cases.steps import AMEND, AMENDED, WITHDRAW, WITHDRAWN, OrderDraft, Step, to_all
from hub.model.ids import case_id as case_id_of
from hub.model.outputs import ChangeKind


class Unlinking(NamedTuple):
    """What was said: a report, as SOURCE:REF, does not belong to the case."""

    case_id: str
    name: str
    department: str
    by: str
    """Who said so, and why."""
    at_ms: int

    @property
    def report(self) -> tuple[str, str]:
        """Source and reference."""
        source, _, ref = self.name.partition(":")
        return source, ref


def part(journal: CaseJournal, unlinking: Unlinking, events: list[bytes]) -> list[Step]:
    """The steps of the case that the report leaves; the first says whether it does (`unlinks`). None if it has left already.

    `events`: what is kept of the report's own words. Without them it stays, and who asked is told why.
    """
    case = journal.book.get(unlinking.case_id)
    report = next((each for each in case.reports if each.key == unlinking.report), None) if case else None
    if case is None or report is None:
        return []
    if case.over or not events:
        return [_stays(case, report, unlinking)]
    left = msgspec.structs.replace(
        case,
        reports=tuple(each for each in case.reports if each is not report),
        parted=(*case.parted, unlinking.report),
        event=None if case.event in events else case.event,
    )
    reason = f"{unlinking.name} is about something else 撤销并案, by {unlinking.by}; it is case {case_id_of(*unlinking.report)} now"
    if report.over_before_ms is not None and report is case.reports[-1]:  # nothing but this report had brought it back
        left = msgspec.structs.replace(left, closed_ms=report.over_before_ms, event=None)
    kind = WITHDRAW if left.over else AMEND
    steps = [Step(AMENDED, left, unlinking.at_ms, report, None, unlinks=True, orders=to_all(left, kind, None, reason))]
    if not left.over and not left.live_reports:  # the others had been withdrawn or closed: only this one held it open
        last = max(left.reports, key=lambda each: each.end[1] if each.end else 0)
        ending, ended_ms = last.end or (WITHDRAWN.value, unlinking.at_ms)
        left = msgspec.structs.replace(left, closed_ms=ended_ms, event=None)
        orders = to_all(left, WITHDRAW, None, f"its sources have ended all other reports; {reason}")
        steps.append(Step(ChangeKind(ending), left, ended_ms, last, None, ends=True, orders=orders))
    journal.put(left.case_id, left)
    return steps


def _stays(case: Case, report: Report, unlinking: Unlinking) -> Step:
    why = "the case is over" if case.over else "it was linked before the case was over for a while"
    told = (
        f"{unlinking.name} stays in this case 未撤销并案: {why}, and its own words are kept no longer; "
        "have its source report it again"
    )
    return Step(
        AMENDED, case, unlinking.at_ms, report, None, orders=(OrderDraft(AMEND, unlinking.department, None, told),)
    )
