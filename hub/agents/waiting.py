"""Updates that cannot be applied yet: of a case whose first record has not come, or for want of an earlier event. They are kept
in the state, tried again whenever more is known of the case, and given up when it is certain that nothing more is on the way."""

from __future__ import annotations

from typing import Any

from hub.agents.context import Hub
from hub.clock import ClockKind
from hub.core.tracked import WAITING_PREFIX, More, TrackBook, Waiting
from hub.core.tracking import Effects, Put, Tracking, Unallowed, Update
from hub.errors import Reason, RejectedRecordError
from hub.stream.outlet import Transaction

PATIENCE_MS = 5_000
"""A department can only know a case by its order, which is committed with the case's first record: nothing is on the way
once `track` has read to the end that long after."""


MAX_BYTES = 4 << 20
"""Kept for one case at most: all of it is one record of state."""


def hold(
    hub: Hub,
    tracking: Tracking,
    tx: Transaction,
    book: TrackBook,
    put: Put,
    update: Update,
    effects: Effects,
    now_ms: int,
) -> None:
    """Keep an update that cannot be applied yet; set it aside at once if too much is kept for its case."""
    key = WAITING_PREFIX + update.case_id
    known = book.get(key)
    earlier = known.updates if isinstance(known, Waiting) else ()
    if sum(map(len, earlier)) + len(update.body) > MAX_BYTES:
        _set_aside(hub, tracking, tx, book, update.case_id, update.body, effects)
    else:
        put(key, Waiting(now_ms, (*earlier, update.body)))


def release(hub: Hub, tracking: Tracking, book: TrackBook, put: Put, case_id: str, effects: Effects) -> None:
    """Apply what was kept for a case of which more is known now, as far as it may be."""
    if not book.waiting:
        return
    key = WAITING_PREFIX + case_id
    known = book.get(key)
    if not isinstance(known, Waiting) or book.case(case_id) is None:
        return
    held = known.updates
    while True:  # one that is applied may be what another waited for
        left = tuple(body for body in held if not _apply(hub, tracking, book, put, body, effects))
        if len(left) == len(held) or not left:
            break
        held = left
    if len(left) != len(known.updates):
        put(key, Waiting(known.since_ms, left) if left else None)


def _apply(hub: Hub, tracking: Tracking, book: TrackBook, put: Put, body: bytes, effects: Effects) -> bool:
    try:
        update = _read(hub, body)
    except RejectedRecordError:
        return False  # `give_up` sets it aside
    return tracking.update(book, put, update, effects)


def give_up(
    hub: Hub,
    tracking: Tracking,
    tx: Transaction,
    book: TrackBook,
    put: Put,
    effects: Effects,
    now_ms: int,
    *,
    caught_up: bool,
) -> None:
    """Set aside, as dead letters, updates of cases that do not exist and those that their case does not allow."""
    if not caught_up:
        return
    limit_ms = now_ms - PATIENCE_MS
    for key in sorted(book.waiting):
        known = book.get(key)
        if isinstance(known, Waiting) and known.since_ms < limit_ms:
            case_id = key[len(WAITING_PREFIX) :]
            for body in known.updates:
                _set_aside(hub, tracking, tx, book, case_id, body, effects)
            put(key, None)


def _set_aside(
    hub: Hub, tracking: Tracking, tx: Transaction, book: TrackBook, case_id: str, body: bytes, effects: Effects
) -> None:
    try:
        admitted = _admitted(hub, body)
    except RejectedRecordError as error:  # the hub did not write this
        tx.set_aside(None, case_id.encode(), body, error.reason, error.detail)
        return
    value = hub.codec.encode_one("cityhub.Update", admitted["update"])
    case = book.case(case_id)
    if case is None:
        detail = f"no case has the id {case_id!r}; take it from the order"
        tx.set_aside(admitted["origin"], case_id.encode(), value, Reason.UNKNOWN_CASE, detail)
        return
    update = _read(hub, body)
    detail = tracking.refusal(book, update) or "it was not allowed when it came; send it again"
    tx.set_aside(admitted["origin"], case_id.encode(), value, Reason.NOT_ALLOWED, detail)
    effects.unallowed.append(Unallowed(case, update, detail))


def _read(hub: Hub, body: bytes) -> Update:
    admitted = _admitted(hub, body)
    told, wall = admitted["update"], hub.settings.clock is ClockKind.WALL
    status = told["status"] if told["step"] == "AS_STATUS" else told["step"]
    more = More(
        told["reason"], told["clock"], told["to"], tuple(told["members"]), told["score"], told["solved"], told["report"]
    )  # fmt: skip
    return Update(
        told["update_id"], told["department"], told["case_id"], status, told["note"], told["at"], body,
        None if more == More() else more, admitted["origin"]["ingested_at"] if wall else None,
    )  # fmt: skip


def _admitted(hub: Hub, body: bytes) -> dict[str, Any]:
    """XXX: what waits since before an upgrade was kept in version 2, without the last field of version 3, which may be null."""
    try:
        return hub.codec.decode_body("cityhub.AdmittedUpdate", body)
    except RejectedRecordError:
        return hub.codec.decode_body("cityhub.AdmittedUpdate", body + b"\0")
