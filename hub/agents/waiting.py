"""Updates that reach `track` before the first record of their case: kept in its state, applied when the case comes, given up
when it is certain that none will."""

from __future__ import annotations

from hub.agents.context import Hub
from hub.clock import wall_ms
from hub.core.clockwork import WAITING_PREFIX, TrackBook, Waiting
from hub.core.tracking import Effects, Put, Tracking, Update
from hub.errors import Reason
from hub.stream.outlet import Transaction

PATIENCE_MS = 5_000
"""A department can only know a case by its order, which is committed with the case's first record: nothing is on the way
once `track` has read to the end that long after."""


def hold(book: TrackBook, put: Put, update: Update) -> None:
    """Keep an update of an unknown case."""
    key = WAITING_PREFIX + update.case_id
    known = book.get(key)
    earlier = known.updates if isinstance(known, Waiting) else ()
    put(key, Waiting(wall_ms(), (*earlier, update.body)))


def release(hub: Hub, tracking: Tracking, book: TrackBook, put: Put, case_id: str, effects: Effects) -> None:
    """Apply what was kept for a case that has come."""
    if not book.waiting:
        return
    key = WAITING_PREFIX + case_id
    known = book.get(key)
    if isinstance(known, Waiting) and book.case(case_id) is not None:
        for body in known.updates:
            told = hub.codec.decode_body("cityhub.AdmittedUpdate", body)["update"]
            update = Update(
                told["update_id"], told["department"], told["case_id"], told["status"], told["note"], told["at"], body
            )
            tracking.update(book, put, update, effects)
        put(key, None)


def give_up(hub: Hub, tx: Transaction, book: TrackBook, put: Put, *, caught_up: bool) -> None:
    """Set aside, as dead letters, updates of cases that do not exist."""
    if not caught_up:
        return
    limit_ms = wall_ms() - PATIENCE_MS
    for key in sorted(book.waiting):
        known = book.get(key)
        if isinstance(known, Waiting) and known.since_ms < limit_ms:
            case_id = key[len(WAITING_PREFIX) :]
            detail = f"no case has the id {case_id!r}; take it from the order"
            for body in known.updates:
                admitted = hub.codec.decode_body("cityhub.AdmittedUpdate", body)
                value = hub.codec.encode_one("cityhub.Update", admitted["update"])
                tx.set_aside(admitted["origin"], case_id.encode(), value, Reason.UNKNOWN_CASE, detail)
            put(key, None)
