"""Updates that cannot be applied yet: of a case whose first record has not come, or for want of an earlier event. They are kept
in the state, tried again whenever more is known of the case, and given up when it is certain that nothing more is on the way."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from hub.agents.context import Hub
from hub.agents.receipts import ACCEPTED, LateDecision, later_than_said
from hub.clock import ClockKind
from hub.core.tracking.columns.updates import instant, update_of
from hub.core.tracking.consequences import Effects, UpdateRow
from hub.core.tracking.state import WAITING_PREFIX, TrackBook, TrackJournal, Waiting
from hub.core.tracking.tracker import Tracking
from hub.errors import Reason, RejectedRecordError
from hub.stream.outlet import Transaction

PATIENCE_MS = 5_000
"""A department can only know a case by its order, which is committed with the case's first record: nothing is on the way
once `track` has read to the end that long after."""
_FOR_ITS_CASE = "the hub does not know its case yet; another receipt says what becomes of it"
_FOR_A_STEP = (
    "its case does not allow it yet, and an earlier step may be on its way; another receipt says what becomes of it"
)
_ADDED = 5
"""Fields that versions 3 to 6 of an update have added: report, code, outcome, until, unit."""
MAX_WAITING, MAX_BYTES = 100, 4 << 20
"""Of one case: all of it is one record of state, and nobody who knows a case says so much before the hub does."""


def hold(journal: TrackJournal, update: UpdateRow, now_ms: int) -> bool:
    """Keep an update that cannot be applied yet. False if too much is kept for its case: then it is not."""
    key = WAITING_PREFIX + update.case_id
    known = journal.book.get(key)
    held = known.waits if isinstance(known, Waiting) else []
    if len(held) >= MAX_WAITING or sum(len(body) for body, _ in held) + len(update.body) > MAX_BYTES:
        return False
    _keep(journal, key, [*held, (update.body, now_ms)])
    return True


def why_waiting(book: TrackBook, put_off: Sequence[UpdateRow]) -> dict[int, str]:
    """By their row in the chunk, those of `put_off` that still wait, with what for."""
    found = {}
    for update in put_off:
        known = book.get(WAITING_PREFIX + update.case_id)
        if update.row is not None and isinstance(known, Waiting) and update.body in known.updates:
            found[update.row] = _FOR_A_STEP if book.case(update.case_id) is not None else _FOR_ITS_CASE
    return found


def release(hub: Hub, tracking: Tracking, journal: TrackJournal, case_id: str, effects: Effects) -> list[LateDecision]:
    """Apply what was kept for a case of which more is known now, as far as it may be."""
    key = WAITING_PREFIX + case_id
    known = journal.book.get(key)
    if not isinstance(known, Waiting) or journal.book.case(case_id) is None:
        return []
    verdicts: list[LateDecision] = []
    applied: list[UpdateRow] = []
    held = _in_order(hub, known)
    tried = -1
    while len(held) != tried:  # one that is applied may be what another waited for
        tried, left = len(held), []
        for update in held:
            if tracking.update(journal, update, effects):
                done = effects.applied[-1]
                verdicts.append(LateDecision(_admitted(hub, update.body), ACCEPTED, later_than_said(done), done.clock))
                applied.append(update)
            else:
                left.append(update)
        held = left
    if applied:
        gone = {update.body for update in applied}
        _keep(journal, key, [(body, since_ms) for body, since_ms in known.waits if body not in gone])
    return verdicts


def _in_order(hub: Hub, waiting: Waiting) -> list[UpdateRow]:
    """What waits, in the order of the instants that it names."""
    found = []
    for body, _ in waiting.waits:
        with suppress(RejectedRecordError):  # `give_up` sets it aside
            found.append(_read(hub, body))
    return sorted(found, key=instant)


def give_up(
    hub: Hub, tracking: Tracking, tx: Transaction, journal: TrackJournal, now_ms: int, *, caught_up: bool
) -> list[LateDecision]:
    """Set aside, as dead letters, updates of cases that do not exist and those that their case does not allow."""
    if not caught_up:
        return []
    verdicts: list[LateDecision] = []
    limit_ms = now_ms - PATIENCE_MS
    for key in sorted(journal.book.waiting):
        known = journal.book.get(key)
        held = known.waits if isinstance(known, Waiting) else []
        left = [(body, since_ms) for body, since_ms in held if since_ms >= limit_ms]
        if len(left) < len(held):
            for body in (body for body, since_ms in held if since_ms < limit_ms):
                verdicts += refuse(hub, tracking, tx, journal.book, key[len(WAITING_PREFIX) :], body)
            _keep(journal, key, left)
    return verdicts


def refuse(
    hub: Hub, tracking: Tracking, tx: Transaction, book: TrackBook, case_id: str, body: bytes
) -> list[LateDecision]:
    """Set one aside: it is of no case, or its case does not allow it. Nobody is told of bytes that the hub did not write."""
    try:
        admitted = _admitted(hub, body)
    except RejectedRecordError as error:
        tx.set_aside(None, case_id.encode(), body, error.reason, error.detail)
        return []
    if book.case(case_id) is None:
        reason, detail = Reason.UNKNOWN_CASE, "no case has the id that it names; take it from the order"
    else:
        reason = Reason.NOT_ALLOWED
        why = tracking.refusal(book, _read(hub, body))
        detail = why or "it was not allowed when it came; send it again, under another id"
    value = hub.codec.encode_one("cityhub.Update", admitted["update"])
    sender = hub.label(admitted["update"]["department"])
    tx.set_aside(admitted["origin"], case_id.encode(), value, reason, detail, sender=sender)
    return [LateDecision(admitted, str(reason), detail=detail)]


def _keep(journal: TrackJournal, key: str, waits: list[tuple[bytes, int]]) -> None:
    updates, since = tuple(body for body, _ in waits), tuple(since_ms for _, since_ms in waits)
    journal.put(key, Waiting(max(since), updates, since) if waits else None)


def _read(hub: Hub, body: bytes) -> UpdateRow:
    return update_of(_admitted(hub, body), body, arrived=hub.settings.clock is ClockKind.WALL)


def _admitted(hub: Hub, body: bytes) -> dict[str, Any]:
    """XXX: what waits since before an upgrade was kept in version 2, 3, 4 or 5, without the last fields of 6, which may be null."""
    for missing in range(_ADDED):
        with suppress(RejectedRecordError):
            return hub.codec.decode_body("cityhub.AdmittedUpdate", body + bytes(missing))
    return hub.codec.decode_body("cityhub.AdmittedUpdate", body + bytes(_ADDED))
