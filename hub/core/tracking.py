"""What `track` does with one record or with the passing of time: the tracked case after it, and what it causes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from hub.core.clockwork import Clockwork, Ring, first_clocks
from hub.core.deadlines import Due
from hub.core.life import Life, key_of
from hub.core.lifecycle import LADDER, TOLD
from hub.core.rates import CALLBACKS
from hub.core.stored import MAX_ANSWERS, MAX_NOTE_CHARS, MAX_REPORTS, MAX_TURNS
from hub.core.tracked import NOW_KEY, Answer, Hold, Mark, More, Now, TrackBook, TrackedCase, TrackRecord
from hub.model.base import MAX_ITEMS

REFUSED, RESOLVED, REOPENED = "REFUSED", "RESOLVED", "REOPENED"
"""A refusal is told to the dispatch desk, not to the sources: for them nothing has happened yet."""
_QUICK = frozenset(("ACCEPTED", "RESPONDED", RESOLVED))
"""Statuses that in a plain case only end clocks, if its holder says them."""
_ENDINGS = frozenset(("WITHDRAWN", "CLOSED"))
_MOVES = frozenset(("TRANSFERRED", "DESIGNATED", "WHISTLED", "UNLINKED", REOPENED))
"""What `route` has to act on."""
_FEW = 8
Put = Callable[[str, TrackRecord | None], object]


class Change(msgspec.Struct, frozen=True, gc=False):
    """What `track` reads of a `cityhub.CaseChange`. Times in ms."""

    case_id: str
    change: str
    source: str
    source_ref: str
    lead_source: str
    lead_ref: str
    category: str
    urgency: str
    area: str | None
    place_key: str
    department: str
    over: bool
    ends: bool
    at_ms: int
    opened_ms: int
    due_ms: int | None
    reopens: bool = False
    co_handlers: Sequence[str] = ()
    conditions: Sequence[str] = ()
    unlinks: bool = False


class Update(msgspec.Struct, frozen=True, gc=False):
    """What `track` reads of a `cityhub.Update`. Time in ms; `body` is the `cityhub.AdmittedUpdate` it came in, in Avro.

    `status`: the step, where the update has one.
    """

    update_id: str
    department: str
    case_id: str
    status: str
    note: str
    at_ms: int
    body: bytes = b""
    more: More | None = None
    arrived_ms: int | None = None
    """When it came to the hub; None in a replay, where that means nothing."""
    row: int | None = None
    """Which of the chunk's updates it is; None if an earlier chunk brought it, and it had to wait."""


class Applied(NamedTuple):
    """An update that was applied, and the instant from which it counts."""

    update: Update
    from_ms: int


class Reply(msgspec.Struct, frozen=True, gc=False):
    """An answer owed to one report of a case, as of an instant: not before the report was made."""

    case: TrackedCase
    source: str
    ref: str
    answer: Answer
    at_ms: int


class Ending(msgspec.Struct, frozen=True, gc=False):
    """A case that is resolved or refused, or goes another way, for its place to know: a record of `hub.closures`."""

    case: TrackedCase
    outcome: str
    department: str
    at_ms: int
    step: str = "AS_OUTCOME"
    more: More | None = None


class Notice(msgspec.Struct, frozen=True, gc=False):
    """Supervision (催办、督办、通报) to be told to who holds the case."""

    case: TrackedCase
    department: str
    answer: Answer


class Callback(msgspec.Struct, frozen=True, gc=False):
    """A caller was asked (回访): the answer, and the one before that it takes the place of."""

    case: TrackedCase
    answer: Answer
    before: Answer | None


@dataclass
class Effects:
    """What a chunk causes, in order."""

    rings: list[Ring] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    applied: list[Applied] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    """Departments, each as often as it was given a case."""
    callbacks: list[Callback] = field(default_factory=list)
    left_out: int = 0
    """Changes of cases that can take no more of them, or no more reports; `route` writes none."""


class Tracking:
    """Applies records to the books.

    What an update comes to does not depend on when it comes: a plain one ends clocks by the earliest end that is known, any
    other makes the life of the case be told anew. One that may not be (yet) is not applied, and can be tried again.
    """

    def __init__(self, clockwork: Clockwork) -> None:
        self._clockwork = clockwork
        self._dues: dict[str, tuple[Due, ...]] = {}

    def use(self, clockwork: Clockwork) -> None:
        """Go on by other rules."""
        self._clockwork = clockwork

    def prepare(self, changes: Sequence[Change]) -> None:
        """Look up the clocks of all new cases among these at once, which is many times faster than one by one."""
        opened = [change for change in changes if change.change == "OPENED" and not change.over]
        dues = self._clockwork.dues(opened)
        self._dues = {change.case_id: due for change, due in zip(opened, dues, strict=True)}

    def change(self, book: TrackBook, put: Put, change: Change, effects: Effects) -> None:
        case = book.case(change.case_id)
        kind = change.change
        if case is None:
            if kind == "OPENED":
                self._open(put, change, effects)
            return
        if _is_full(case, kind):
            effects.left_out += 1
            return
        unopened = kind == "SUPERSEDED" and not case.clocks  # all that was known is that its source had ended it
        if change.opened_ms != case.opened_ms or unopened:
            case = self._open_from(case, change, effects)
        if change.unlinks:
            case = self._unlink(case, change, effects)
        elif kind == "AMENDED" and change.reopens:
            case = self._bring_back(case, change, effects)
        elif kind == "LINKED":
            case = _joined(case, (change.source, change.source_ref), change.at_ms)
            told = [answer for answer in case.answers if answer.status in _TOLD]
            effects.replies += [
                Reply(case, change.source, change.source_ref, answer, max(answer.at_ms, change.at_ms))
                for answer in told
            ]
            if change.reopens and case.over_ms is not None:
                # a report may be older than the closing it reopens
                mark = Mark("reopened", max(change.at_ms, case.over_ms), (change.source, change.source_ref))
                case = self._settle(msgspec.structs.replace(case, marks=(*case.marks, mark), special=True), effects)[0]
        elif kind == "AMENDED":
            what = (change.category, change.urgency, change.area)
            if what != (case.category, case.urgency, case.area) or change.due_ms is not None:
                case = msgspec.structs.replace(case, category=what[0], urgency=what[1], area=what[2])
                case, rings = self._clockwork.restart(case, change.due_ms, change.at_ms)
                effects.rings += rings
                case = self._settle_if_special(case, effects)
        elif kind == "REROUTED":
            if not change.reopens:
                effects.given.append(change.department)
            case = self._hand_over(case, change, effects)
        elif change.ends and kind in _ENDINGS:
            case = self._end(case, kind, change.at_ms, effects)
        elif case is book.case(change.case_id):
            return
        put(case.case_id, case)

    def update(self, book: TrackBook, put: Put, update: Update, effects: Effects) -> bool:
        """False if it is not applied: the case is not known, or the update may not be in its place; see `refusal`."""
        case = book.case(update.case_id)
        if case is None:
            return False
        if _has_no_room(case, update.note):
            return False
        status, answer = update.status, self._answer(update)
        if not self._is_plain(case, answer):
            return self._tell(case, put, answer, update, effects)
        at_ms = max(update.at_ms, case.opened_ms)
        clocks, rings = self._clockwork.ended(case, at_ms, event=status.lower(), said_ms=update.at_ms)
        effects.rings += rings
        effects.replies += _replies(case, answer, at_ms)
        over_ms = case.over_ms
        if status == RESOLVED:
            if over_ms is None:
                effects.endings.append(Ending(case, status, update.department, at_ms))
            over_ms = _earliest(over_ms, at_ms)
        put(
            case.case_id,
            msgspec.structs.replace(case, clocks=clocks, answers=(*case.answers, answer), over_ms=over_ms),
        )
        effects.applied.append(Applied(update, at_ms))
        return True

    def refusal(self, book: TrackBook, update: Update) -> str | None:
        """Why an update of a known case is not allowed; None if the case is not known, or it is allowed by now."""
        case = book.case(update.case_id)
        if case is None:
            return None
        if _has_no_room(case, update.note):
            return (
                f"the case has {len(case.answers)} updates; it takes {MAX_ANSWERS} at most, with {MAX_NOTE_CHARS:,} characters of "
                "notes together; have its source report the matter again"
            )
        return self._clockwork.lives.refusal(case, self._answer(update))

    def pass_time(self, book: TrackBook, put: Put, now_ms: int, effects: Effects) -> None:
        """Ring what has run out before now."""
        if book.instants.next_ms >= now_ms:
            return
        for due in book.due_by(now_ms):
            case, rings = self._clockwork.look(due, now_ms)
            if rings:
                effects.rings += rings
                put(case.case_id, case)

    def keep_time(self, book: TrackBook, put: Put, now: Now) -> None:
        """Remember the data clock: a restart goes on from there."""
        if book.get(NOW_KEY) != now:
            put(NOW_KEY, now)

    def revise(self, book: TrackBook, put: Put, now_ms: int, effects: Effects) -> None:
        """Reckon what is due provisionally by the holidays known now: once for each state of the rules."""
        for key, case in list(book.items()):
            if isinstance(case, TrackedCase) and any(clock.provisional for clock in case.clocks):
                revised, rings = self._clockwork.revise(case, now_ms)
                effects.rings += rings
                if revised != case:
                    put(key, revised)

    def _answer(self, update: Update) -> Answer:
        arrived_ms = update.arrived_ms if update.department in self._clockwork.lives.desks else None
        return Answer(
            update.update_id, update.department, update.status, update.at_ms, update.note, update.more, arrived_ms
        )

    def _is_plain(self, case: TrackedCase, answer: Answer) -> bool:
        """True if the update only ends clocks, whatever else is known of the case: the only holder it ever had says so."""
        if case.special or case.members or answer.status not in _QUICK or self._clockwork.lives.starters:
            return False
        if len(case.ledger) != 1 or case.ledger[0].department != answer.department:
            return False
        return answer.status != "ACCEPTED" or all(each.status != RESOLVED for each in case.answers)

    def _tell(self, case: TrackedCase, put: Put, answer: Answer, update: Update, effects: Effects) -> bool:
        """Apply an update by telling the life of the case anew with it."""
        before_ms = case.over_ms
        with_it = msgspec.structs.replace(case, answers=(*case.answers, answer), special=True)
        case, life, rings = self._clockwork.settle(with_it)
        if key_of(answer) in life.void:
            return False
        effects.rings += rings
        status, department, at_ms = answer.status, answer.department, life.instant(answer)
        if status in _TOLD:
            effects.replies += _replies(case, answer, at_ms)
        if status != REOPENED:
            _tell_of_end(before_ms, case, life, department, at_ms, effects)
        if status == REFUSED:
            effects.endings.append(Ending(case, REFUSED, department, at_ms))
        elif status in _MOVES:
            effects.endings.append(Ending(case, REFUSED, department, at_ms, status, _why(answer)))
        elif status in CALLBACKS:
            earlier = [each for each in case.answers if each.status in CALLBACKS and each is not answer]
            before = max(reversed(earlier), key=lambda each: each.at_ms, default=None)  # of one instant, the last told
            if before is None or before.at_ms <= at_ms:
                effects.callbacks.append(Callback(case, answer, before))
        elif status.lower() in LADDER:
            effects.notices.append(Notice(case, life.holder, answer))
        effects.applied.append(Applied(update, at_ms))
        put(case.case_id, case)
        return True

    def _open_from(self, case: TrackedCase, change: Change, effects: Effects) -> TrackedCase:
        """The case opens at another instant: an earlier statement came late, or the first that does more than end it. Its clocks
        are reckoned from there, and all that was said since is judged by them."""
        first, *later = case.ledger
        told = msgspec.structs.replace(
            case,
            opened_ms=change.opened_ms,
            category=change.category,
            urgency=change.urgency,
            area=change.area,
            ledger=(Hold(first.department if later else change.department, change.opened_ms), *later),
            special=True,
        )
        fresh = self._clockwork.start(told, change.due_ms).clocks
        told, life, rings = self._clockwork.settle(told, fresh=fresh)
        effects.rings += rings
        _tell_of_end(case.over_ms, told, life, change.department, change.at_ms, effects)
        return told

    def _bring_back(self, case: TrackedCase, change: Change, effects: Effects) -> TrackedCase:
        """Its own source has opened a report again: a new round begins, if the case is over then."""
        mark = Mark("reopened", change.at_ms)
        back, life = self._settle(msgspec.structs.replace(case, marks=(*case.marks, mark), special=True), effects)
        if life.over_ms is not None and life.ended_by == RESOLVED.lower():
            # resolved after that, though `route` may have heard of it before
            effects.endings.append(Ending(back, RESOLVED, back.department, life.over_ms))
        return back

    def _hand_over(self, case: TrackedCase, change: Change, effects: Effects) -> TrackedCase:
        """The case goes to a department, from an instant that may lie before what was said since: all is judged by that."""
        members = tuple(dict.fromkeys((*case.members, *change.co_handlers)))[:MAX_ITEMS]
        moved = msgspec.structs.replace(
            case,
            ledger=(*case.ledger, Hold(change.department, change.at_ms)),
            members=members,
            special=case.special or bool(case.answers),
        )
        if not (moved.special or self._clockwork.lives.starters):
            return moved
        moved, life = self._settle(moved, effects)
        if not change.reopens:
            _tell_of_end(case.over_ms, moved, life, change.department, change.at_ms, effects)
        return moved

    def _settle(self, case: TrackedCase, effects: Effects) -> tuple[TrackedCase, Life]:
        case, life, rings = self._clockwork.settle(case)
        effects.rings += rings
        return case, life

    def _settle_if_special(self, case: TrackedCase, effects: Effects) -> TrackedCase:
        return self._settle(case, effects)[0] if case.special or self._clockwork.lives.starters else case

    def _open(self, put: Put, change: Change, effects: Effects) -> None:
        effects.given.append(change.department)
        starters = self._clockwork.lives.starters
        dues = () if change.over else self._dues.pop(change.case_id, None)
        case = TrackedCase(
            change.case_id,
            change.category,
            change.lead_source,
            change.urgency,
            change.area,
            change.place_key,
            change.opened_ms,
            (Hold(change.department, change.at_ms),),
            ((change.lead_source, change.lead_ref),),
            () if change.over or dues is None else first_clocks(dues, change.opened_ms, change.due_ms),
            members=tuple(change.co_handlers),
            conditions=tuple(change.conditions),
        )
        if change.over:
            mark = Mark("closed", change.at_ms, case.reports[0])
            case = msgspec.structs.replace(case, over_ms=change.at_ms, marks=(mark,))
        elif dues is None:
            case = self._clockwork.start(case, change.due_ms)
        if starters and not change.over:
            case = self._settle(case, effects)[0]
        put(case.case_id, case)

    def _unlink(self, case: TrackedCase, change: Change, effects: Effects) -> TrackedCase:
        """A report has left. If it alone had brought the case back, the case is over again as it was."""
        gone = (change.source, change.source_ref)
        stay = [(report, at_ms) for report, at_ms in case.reported if report != gone]
        marks = tuple(each for each in case.marks if not (change.over and each.report == gone))
        case = msgspec.structs.replace(
            case,
            reports=tuple(report for report, _ in stay),
            since=tuple(at_ms for _, at_ms in stay[1:]),
            left=(*case.left, gone) if gone in case.reports else case.left,
            marks=marks,
        )
        return self._settle_if_special(case, effects)

    def _end(self, case: TrackedCase, kind: str, at_ms: int, effects: Effects) -> TrackedCase:
        # a case that its end has opened is known by now to have been withdrawn
        opening = Mark("closed", at_ms, next(iter(case.reports), None))  # a case may have lost all its reports
        known = (each for each in case.marks if kind == "CLOSED" or each != opening)
        marks = (*known, Mark(kind.lower(), at_ms))
        if case.special or self._clockwork.lives.starters:
            return self._settle(msgspec.structs.replace(case, marks=marks), effects)[0]
        ended_ms = max(at_ms, case.opened_ms)
        clocks, rings = self._clockwork.ended(case, ended_ms, cancelled=kind != "CLOSED", said_ms=at_ms)
        effects.rings += rings
        over_ms = _earliest(case.over_ms, ended_ms)
        return msgspec.structs.replace(case, clocks=clocks, marks=marks, over_ms=over_ms)


_TOLD = frozenset(event.upper() for event in TOLD)


def _tell_of_end(
    before_ms: int | None, case: TrackedCase, life: Life, department: str, at_ms: int, effects: Effects
) -> None:
    """Tell `route` that the case is resolved, or that it is not after all: who said so did not hold it at that time."""
    if before_ms is None and life.over_ms is not None and life.ended_by == RESOLVED.lower():
        effects.endings.append(Ending(case, RESOLVED, department, life.over_ms))
    elif before_ms is not None and life.over_ms is None:
        why = More(reason="who resolved it did not hold it then 办结单位当时并非承办单位")
        effects.endings.append(Ending(case, REFUSED, department, at_ms, REOPENED, why))


def _is_full(case: TrackedCase, kind: str) -> bool:
    if kind == "LINKED" and len(case.reports) + len(case.left) >= MAX_REPORTS:
        return True
    return len(case.marks) + len(case.ledger) >= MAX_TURNS


def _has_no_room(case: TrackedCase, note: str) -> bool:
    """Whether the case cannot keep another update, with this note."""
    if len(case.answers) < _FEW and len(note) < MAX_NOTE_CHARS // 2 // _FEW:
        return False
    chars = sum(len(answer.note) for answer in case.answers) + len(note)
    return len(case.answers) >= MAX_ANSWERS or chars > MAX_NOTE_CHARS


def _joined(case: TrackedCase, report: tuple[str, str], at_ms: int) -> TrackedCase:
    """The case with one report more, made at an instant."""
    since = (*(known_ms for _, known_ms in case.reported), at_ms)[1:]
    return msgspec.structs.replace(case, reports=(*case.reports, report), since=since)


def _replies(case: TrackedCase, answer: Answer, at_ms: int) -> list[Reply]:
    """What all reports of a case are told of an answer that counts from an instant."""
    return [Reply(case, *report, answer, max(at_ms, since_ms)) for report, since_ms in case.reported]


def _why(answer: Answer) -> More | None:
    """What goes on to `route`: the note is the reason where none is given."""
    more = answer.more
    return more if more is None or more.reason else msgspec.structs.replace(more, reason=answer.note or None)


def _earliest(known_ms: int | None, at_ms: int) -> int:
    return at_ms if known_ms is None else min(at_ms, known_ms)
