"""What `track` does with one record or with the passing of time: the tracked case after it, and what it causes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from hub.core.clockwork import (
    CLOCKS,
    NOW_KEY,
    STOPS,
    Answer,
    Clockwork,
    Hold,
    Now,
    Ring,
    TrackBook,
    TrackedCase,
    TrackRecord,
)
from hub.core.deadlines import Due

REFUSED = "REFUSED"
"""Told to the dispatch desk, not to the sources: for them nothing has happened yet."""
Put = Callable[[str, TrackRecord | None], None]


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


class Update(msgspec.Struct, frozen=True, gc=False):
    """What `track` reads of a `cityhub.Update`. Time in ms; `body` is the `cityhub.AdmittedUpdate` it came in, in Avro."""

    update_id: str
    department: str
    case_id: str
    status: str
    note: str
    at_ms: int
    body: bytes = b""


class Reply(msgspec.Struct, frozen=True, gc=False):
    """An answer owed to one report of a case."""

    case: TrackedCase
    source: str
    ref: str
    answer: Answer


class Ending(msgspec.Struct, frozen=True, gc=False):
    """A case that is resolved or refused, for its place to know: a record of `hub.closures`."""

    case: TrackedCase
    outcome: str
    department: str
    at_ms: int


@dataclass
class Effects:
    """What a chunk causes, in order."""

    rings: list[Ring] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)


class Tracking:
    """Applies records to the books."""

    def __init__(self, clockwork: Clockwork) -> None:
        self._clockwork = clockwork
        self._dues: dict[str, tuple[Due, ...]] = {}

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
                self._open(put, change)
            return
        if kind == "LINKED":
            case = msgspec.structs.replace(case, reports=(*case.reports, (change.source, change.source_ref)))
            told = [answer for answer in case.answers if answer.status != REFUSED]
            effects.replies += [Reply(case, change.source, change.source_ref, answer) for answer in told]
        elif kind == "AMENDED":
            what = (change.category, change.urgency, change.area)
            if what != (case.category, case.urgency, case.area) or change.due_ms is not None:
                case = msgspec.structs.replace(case, category=what[0], urgency=what[1], area=what[2])
                case, rings = self._clockwork.restart(case, change.due_ms, change.at_ms)
                effects.rings += rings
        elif kind == "REROUTED":
            case = msgspec.structs.replace(case, ledger=(*case.ledger, Hold(change.department, change.at_ms)))
        elif change.ends:
            case = self._end(case, kind, change.at_ms, effects)
        else:
            return
        put(case.case_id, case)

    def update(self, book: TrackBook, put: Put, update: Update, effects: Effects) -> bool:
        """False if the case is not known (yet)."""
        case = book.case(update.case_id)
        if case is None:
            return False
        status, department, at_ms = update.status, update.department, update.at_ms
        case, rings = self._clockwork.stop(case, STOPS[status], at_ms)
        effects.rings += rings
        answer = Answer(update.update_id, department, status, at_ms, update.note)
        case = msgspec.structs.replace(case, answers=(*case.answers, answer))
        if status == REFUSED:
            effects.endings.append(Ending(case, status, department, at_ms))
        else:
            effects.replies += [Reply(case, source, ref, answer) for source, ref in case.reports]
        if status == "RESOLVED":
            if case.over_ms is None:
                effects.endings.append(Ending(case, status, department, at_ms))
            case = _ended(case, at_ms)
        put(case.case_id, case)
        return True

    def pass_time(self, book: TrackBook, put: Put, now_ms: int, effects: Effects) -> None:
        """Ring what has run out before now."""
        for due in book.due_by(now_ms):
            case, rings = self._clockwork.look(due, now_ms)
            if rings:
                effects.rings += rings
                put(case.case_id, case)

    def keep_time(self, book: TrackBook, put: Put, now_ms: int) -> None:
        """Remember the data clock: a restart goes on from there."""
        known = book.get(NOW_KEY)
        if not isinstance(known, Now) or known.now_ms != now_ms:
            put(NOW_KEY, Now(now_ms))

    def _open(self, put: Put, change: Change) -> None:
        case = TrackedCase(
            case_id=change.case_id,
            category=change.category,
            source=change.lead_source,
            urgency=change.urgency,
            area=change.area,
            place_key=change.place_key,
            opened_ms=change.opened_ms,
            ledger=(Hold(change.department, change.at_ms),),
            reports=((change.lead_source, change.lead_ref),),
            clocks=(),
        )
        if change.over:
            case = msgspec.structs.replace(case, over_ms=change.at_ms)
        else:
            case = self._clockwork.start(case, change.due_ms, self._dues.pop(change.case_id, None))
        put(case.case_id, case)

    def _end(self, case: TrackedCase, kind: str, at_ms: int, effects: Effects) -> TrackedCase:
        if kind == "CLOSED":
            case, rings = self._clockwork.stop(case, CLOCKS, at_ms)
        else:
            case, rings = self._clockwork.cancel(case, at_ms)
        effects.rings += rings
        return _ended(case, at_ms)


def _ended(case: TrackedCase, at_ms: int) -> TrackedCase:
    return msgspec.structs.replace(case, over_ms=at_ms if case.over_ms is None else min(at_ms, case.over_ms))
