"""What `track` does with one record or with the passing of time: the tracked case after it, and what it causes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, assert_never

import msgspec

from hub.core.deadlines.rules import Due
from hub.core.tracking import replies
from hub.core.tracking.answers import handed_up_to, over_or_not, to_change, to_echo, to_return, to_update, why_told
from hub.core.tracking.clockwork import Clockwork, first_clocks
from hub.core.tracking.consequences import (
    AS_REFUSED,
    AS_RESOLVED,
    Applied,
    Callback,
    CaseOutcome,
    Change,
    Effects,
    Ending,
    Notice,
    UpdateRow,
)
from hub.core.tracking.keeping import keep_tracked
from hub.core.tracking.lives.life import Life, update_key
from hub.core.tracking.rings import Ring
from hub.core.tracking.room import has_no_room, is_full, no_room
from hub.core.tracking.state import (
    CALLBACKS,
    NOW_KEY,
    AppliedUpdate,
    ClockState,
    HolderLine,
    HubEvent,
    Now,
    TrackBook,
    TrackedCase,
    TrackJournal,
)
from hub.core.tracking.stated import by_history, with_amendment
from hub.model.outputs import ChangeKind, ClosureStep
from hub.model.update import UpdateStatus, UpdateStep

_OPENED = ChangeKind.OPENED
_CLOSED: Final = ChangeKind.CLOSED
_ACCEPTED = UpdateStatus.ACCEPTED
_QUICK: frozenset[str] = frozenset((_ACCEPTED, UpdateStatus.RESPONDED, AS_RESOLVED))
"""Statuses that in a plain case only end clocks, if its holder says them."""
_REOPENED = UpdateStep.REOPENED
_MOVES: dict[str, ClosureStep] = {
    step.value: step for step in ClosureStep if step not in (ClosureStep.AS_OUTCOME, ClosureStep.HELD)
}
"""What `route` has to act on."""


class Tracking:
    """Applies records to the books.

    What an update comes to does not depend on when it comes: a plain one ends clocks by the earliest end that is known, any
    other makes the life of the case be told anew. One that may not be (yet) is not applied, and can be tried again.
    """

    def __init__(self, clockwork: Clockwork) -> None:
        self._clockwork = clockwork
        self._dues: dict[str, tuple[Due, ...]] = {}

    def use(self, clockwork: Clockwork) -> None:
        """Use these rules from now on."""
        self._clockwork = clockwork

    def prepare(self, changes: Sequence[Change]) -> None:
        """Reckon the clocks of all new cases among these that are given none, which is many times faster than one by one: of a
        back-test."""
        opened = [change for change in changes if change.change == _OPENED and not change.over and not change.rules]
        dues = self._clockwork.dues(opened) if opened else []
        self._dues = {change.case_id: due for change, due in zip(opened, dues, strict=True)}

    def change(self, journal: TrackJournal, change: Change, effects: Effects) -> None:
        before = journal.book.case(change.case_id)
        if before is None:
            if change.change == _OPENED:
                self._open(journal, change, effects)
            return
        if is_full(before, change.change):
            effects.left_out += 1
            return
        if change.unit != before.unit:
            before = msgspec.structs.replace(before, unit=change.unit)
            journal.put(before.case_id, before)
        stated = change.history is not None or change.opened_ms != before.opened_ms
        case = by_history(self._clockwork.versions, before, change) if stated else before
        case = self._changed(case, change, effects)
        if case is before:
            if case.special:
                to_echo(case, change, self._clockwork.lives.tell, effects)
            return
        if case.special or self._clockwork.lives.starters:
            case, life = self._settle(case, before, effects)
            effects.replies += replies.of_what_came_late(self._clockwork.lives, before, case, life)
            self._conclude(before, case, life, effects)
            if not change.reopens:
                to_return(before, case, life, self._clockwork.lives.tell, effects)
            to_change(before, case, life, change, effects)
        keep_tracked(journal, before, case, effects)

    def _changed(self, case: TrackedCase, change: Change, effects: Effects) -> TrackedCase:
        if change.change is _CLOSED:  # most by far, and to find a member in its enum takes 0.1 µs
            return self._end(case, change, effects)
        match change.change:
            case ChangeKind.WITHDRAWN:
                return self._end(case, change, effects)
            case ChangeKind.LINKED:
                return self._link(case, change, effects)
            case ChangeKind.AMENDED:
                return self._amend(case, change)
            case ChangeKind.SUPERSEDED:
                return self._supersede(case, change)
            case ChangeKind.REROUTED:
                return self._reroute(case, change)
            case ChangeKind.OPENED:
                return case  # it is known already
            case _:
                assert_never(change.change)

    def _link(self, case: TrackedCase, change: Change, effects: Effects) -> TrackedCase:
        case = _joined(case, (change.source, change.source_ref), change.at_ms)
        effects.replies += replies.of_link(self._clockwork.lives, case, change.source, change.source_ref, change.at_ms)
        if not change.reopens or case.over_ms is None:
            return case
        # a report may be older than the closing it reopens
        mark = HubEvent("reopened", max(change.at_ms, case.over_ms), (change.source, change.source_ref))
        return msgspec.structs.replace(case, marks=(*case.marks, mark), special=True)

    def _amend(self, case: TrackedCase, change: Change) -> TrackedCase:
        if change.unlinks:
            return self._unlink(case, change)
        if change.history is not None:
            return case
        if change.reopens:  # its own source has opened a report again: a new round begins, if the case is over then
            mark = HubEvent("reopened", change.at_ms)
            return msgspec.structs.replace(case, marks=(*case.marks, mark), special=True)
        if change.rules:  # whatever alters clocks comes with the history
            return case
        what = (change.category, change.urgency, change.area)
        if what == (case.category, case.urgency, case.area) and change.due_ms is None:
            return case
        return with_amendment(self._clockwork.versions, case, change)

    def _supersede(self, case: TrackedCase, change: Change) -> TrackedCase:
        """A statement earlier than those known has come late: date its report by it."""
        report = (change.source, change.source_ref)
        made = [min(at_ms, change.at_ms) if each == report else at_ms for each, at_ms in case.reported]
        since = tuple(made[1:])
        return case if since == case.since else msgspec.structs.replace(case, since=since)

    def _reroute(self, case: TrackedCase, change: Change) -> TrackedCase:
        """What `track` had told `route` comes back, or goes with the history; else `route` decided it before it sent that."""
        if change.ledger or change.reopens or change.history is not None:
            return case
        return with_amendment(self._clockwork.versions, case, change)

    def update(self, journal: TrackJournal, update: UpdateRow, effects: Effects) -> bool:
        """False if it is not applied: the case is not known, or the update may not be in its place; see `refusal`."""
        case = journal.book.case(update.case_id)
        if case is None or has_no_room(case, update.note):
            return False
        status, answer = update.status, self._answer(update)
        if not self._is_plain(case, answer):
            mistaken = self._clockwork.lives.mistaken(answer)
            return not mistaken and self._tell(case, journal, answer, update, effects)
        at_ms = update.at_ms if update.at_ms > case.opened_ms else case.opened_ms
        clocks, rings = self._clockwork.ended(case, at_ms, event=status.lower(), said_ms=update.at_ms)
        effects.rings += rings
        effects.replies += replies.of_update(case, answer, at_ms)
        over_ms = case.over_ms
        if status == AS_RESOLVED:
            if over_ms is None:
                effects.endings.append(Ending(case, AS_RESOLVED, update.department, at_ms))
            over_ms = _earliest(over_ms, at_ms)
        after = msgspec.structs.replace(case, clocks=clocks, answers=(*case.answers, answer), over_ms=over_ms)
        keep_tracked(journal, case, after, effects)
        effects.applied.append(Applied(update, at_ms))
        return True

    def refusal(self, book: TrackBook, update: UpdateRow) -> str | None:
        """Why an update of a known case is not allowed; None if the case is not known, or it is allowed by now."""
        case = book.case(update.case_id)
        if case is None:
            return None
        if has_no_room(case, update.note):
            return no_room(case)
        return self._clockwork.lives.refusal(case, self._answer(update))

    def pass_time(self, journal: TrackJournal, now_ms: int, effects: Effects) -> None:
        """Give notice of every clock that ran out before now."""
        if journal.book.instants.next_ms >= now_ms:
            return
        for due in journal.book.due_by(now_ms):
            case, rings = self._clockwork.look(due, now_ms)
            if rings:
                effects.rings += rings
                keep_tracked(journal, due, case, effects)

    def keep_time(self, journal: TrackJournal, now: Now) -> None:
        """Store the data clock, so that a restart continues from it."""
        if journal.book.get(NOW_KEY) != now:
            journal.put(NOW_KEY, now)

    def revise(self, journal: TrackJournal, now_ms: int, effects: Effects) -> None:
        """Reckon what is due provisionally by the holidays known now: once for each state of the rules."""
        for _, case in list(journal.book.items()):
            if isinstance(case, TrackedCase) and any(clock.provisional for clock in case.clocks):
                revised, rings = self._clockwork.revise(case, now_ms)
                effects.rings += rings
                if revised != case:
                    keep_tracked(journal, case, revised, effects)

    def _answer(self, update: UpdateRow) -> AppliedUpdate:
        arrived_ms = update.arrived_ms if update.department in self._clockwork.lives.desks else None
        return AppliedUpdate(
            update_id=update.update_id,
            department=update.department,
            status=update.status,
            at_ms=update.at_ms,
            note=update.note,
            details=update.details,
            arrived_ms=arrived_ms,
            revision=update.revision,
        )

    def _is_plain(self, case: TrackedCase, answer: AppliedUpdate) -> bool:
        """True if the update only ends clocks, whatever else is known of the case: the only holder it ever had says so."""
        if case.special or case.members or answer.status not in _QUICK or self._clockwork.lives.starters:
            return False
        more = answer.details
        if more is not None and (more.outcome is not None or more.until is not None or more.unit is not None):
            return False
        if len(case.ledger) != 1 or case.ledger[0].department != answer.department:
            return False
        return answer.status != _ACCEPTED or all(each.status != AS_RESOLVED for each in case.answers)

    def _tell(
        self, case: TrackedCase, journal: TrackJournal, answer: AppliedUpdate, update: UpdateRow, effects: Effects
    ) -> bool:
        """Apply an update by telling the life of the case anew with it."""
        before, lives = case, self._clockwork.lives
        with_it = msgspec.structs.replace(case, answers=(*case.answers, answer), special=True)
        case, life, rings = self._clockwork.settle(with_it)
        if update_key(answer) in life.void:
            return False
        _note(before, case, rings, effects)
        status, department, at_ms = answer.status, answer.department, life.instant(answer)
        if answer.event in lives.vocabulary.answered:
            effects.replies += replies.of_update(case, answer, at_ms, life)
        effects.replies += replies.of_what_came_late(lives, before, case, life)
        if status != _REOPENED and (before.over_ms is None) != (life.over_ms is None):
            effects.endings.append(over_or_not(case, life, department))
        if status != _REOPENED:
            to_return(before, case, life, lives.tell, effects)
        if status == AS_REFUSED and (up := life.handed_up.get(update_key(answer))) is not None:
            effects.endings.append(
                Ending(case, AS_REFUSED, department, at_ms, ClosureStep.TRANSFERRED, handed_up_to(answer, up))
            )
        elif status == AS_REFUSED:
            effects.endings.append(Ending(case, AS_REFUSED, department, at_ms))
        elif status in _MOVES and not (status == _REOPENED and life.over_ms is not None):
            back_ms = life.reopened_ms if status == _REOPENED else None  # another may count in its place by now
            from_ms = at_ms if back_ms is None else back_ms
            effects.endings.append(Ending(case, AS_REFUSED, department, from_ms, _MOVES[status], why_told(answer)))
        elif status in CALLBACKS:
            earlier = [each for each in case.answers if each.status in CALLBACKS and each is not answer]
            last = max(reversed(earlier), key=lambda each: each.at_ms, default=None)  # of one instant, the last told
            if last is None or last.at_ms <= at_ms:
                effects.callbacks.append(Callback(case, answer, last))
        elif status.lower() in lives.ladder:
            effects.notices.append(Notice(case, life.holder, answer))
        self._conclude(before, case, life, effects)
        to_update(before, case, life, answer, lives.goes_to(life, answer), effects)
        effects.applied.append(Applied(update, at_ms, life.meant.get(update_key(answer), "")))
        keep_tracked(journal, before, case, effects)
        return True

    def _settle(self, case: TrackedCase, before: TrackedCase, effects: Effects) -> tuple[TrackedCase, Life]:
        case, life, rings = self._clockwork.settle(case)
        _note(before, case, rings, effects)
        return case, life

    def _conclude(self, before: TrackedCase, case: TrackedCase, life: Life, effects: Effects) -> None:
        """Count what the case has come to, if that is something else now; of one of which nobody named an outcome, nothing."""
        if all(answer.details is None or answer.details.outcome is None for answer in case.answers):
            return
        was, now = self._clockwork.lives.tell(before).outcome, life.outcome
        if was != now:
            effects.outcomes.append(CaseOutcome(case, now, was))

    def _open(self, journal: TrackJournal, change: Change, effects: Effects) -> None:
        holder, starters = HolderLine(change.department, change.at_ms), self._clockwork.lives.starters
        effects.given.append(holder)
        case = TrackedCase(
            case_id=change.case_id,
            category=change.category,
            source=change.lead_source,
            urgency=change.urgency,
            area=change.area,
            place_key=change.place_key,
            opened_ms=change.opened_ms,
            ledger=(holder,),
            reports=((change.lead_source, change.lead_ref),),
            clocks=() if change.over else self._first_clocks(change),
            members=tuple(change.co_handlers),
            called=tuple(change.called),
            conditions=tuple(change.conditions),
            rules=change.rules,
            unit=change.unit,
        )
        if change.over:
            mark = HubEvent("closed", change.at_ms, case.reports[0])
            case = msgspec.structs.replace(case, over_ms=change.at_ms, marks=(mark,))
        if starters and not change.over:
            case = self._settle(case, case, effects)[0]
        journal.put(case.case_id, case)

    def _first_clocks(self, change: Change) -> tuple[ClockState, ...]:
        if change.rules:
            return change.clocks
        dues = self._dues.pop(change.case_id, None)
        if dues is None:
            (dues,) = self._clockwork.dues([change])
        return first_clocks(dues, change.opened_ms, change.due_ms)

    def _unlink(self, case: TrackedCase, change: Change) -> TrackedCase:
        """A report has left. If it alone had brought the case back, the case is over again as it was."""
        gone = (change.source, change.source_ref)
        stay = [(report, at_ms) for report, at_ms in case.reported if report != gone]
        marks = tuple(each for each in case.marks if not (change.over and each.report == gone))
        return msgspec.structs.replace(
            case,
            reports=tuple(report for report, _ in stay),
            since=tuple(at_ms for _, at_ms in stay[1:]),
            left=(*case.left, gone) if gone in case.reports else case.left,
            marks=marks,
        )

    def _end(self, case: TrackedCase, change: Change, effects: Effects) -> TrackedCase:
        if not change.ends or change.history is not None:
            return case
        kind, at_ms = change.change, change.at_ms
        known = case.marks
        if known and kind != _CLOSED:  # a case that its end has opened is known by now to have been withdrawn
            opening = HubEvent("closed", at_ms, next(iter(case.reports), None))  # a case may have lost all its reports
            known = tuple(each for each in known if each != opening)
        marks = (*known, HubEvent(kind.lower(), at_ms))
        if case.special or self._clockwork.lives.starters:
            return msgspec.structs.replace(case, marks=marks)
        ended_ms = at_ms if at_ms > case.opened_ms else case.opened_ms
        clocks, rings = self._clockwork.ended(case, ended_ms, cancelled=kind != _CLOSED, said_ms=at_ms)
        effects.rings += rings
        over_ms = _earliest(case.over_ms, ended_ms)
        return msgspec.structs.replace(case, clocks=clocks, marks=marks, over_ms=over_ms)


def _note(before: TrackedCase, case: TrackedCase, rings: list[Ring], effects: Effects) -> None:
    effects.rings += rings
    (first, *others), (was, *known) = case.ledger, before.ledger
    if first.department != was.department:
        others, known = [first, *others], [was, *known]
    effects.given += [hold for hold in others if hold not in known]
    effects.not_given += [hold for hold in known if hold not in others]


def _joined(case: TrackedCase, report: tuple[str, str], at_ms: int) -> TrackedCase:
    """The case with one more report, made at this instant."""
    since = (*(known_ms for _, known_ms in case.reported), at_ms)[1:]
    return msgspec.structs.replace(case, reports=(*case.reports, report), since=since)


def _earliest(known_ms: int | None, at_ms: int) -> int:
    return at_ms if known_ms is None else min(at_ms, known_ms)
