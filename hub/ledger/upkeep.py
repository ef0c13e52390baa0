"""What takes something out of the ledger again: a report's words, and cases that ended long ago. Each is noted in `acts`."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from hub.clock import wall_ms
from hub.ledger.database import Database
from hub.ledger.store import remove_cases
from hub.ledger.tables import ACTS, CASES, DEAD_LETTERS, ERASED, ORDERS, REPORTS

RETENTION = "retention"
"""Who deletes by age, where nobody asked for it."""


def erase(database: Database, source: str, ref: str, actor: str) -> int:
    """Take out what a report said in its own words, for good: a rebuild leaves it out too. `actor`: on whose word.

    What stays is what happened: the case, its clocks and the report's reference. Gives how many rows were changed; 0 also where
    nothing is known of the report yet. Raises what hub.sdk.errors names.
    """
    with database.transaction(writes=True) as connection:
        is_it = (ERASED.c.source == source, ERASED.c.ref == ref)
        if connection.execute(select(ERASED.c.ref).where(*is_it)).first() is None:
            connection.execute(insert(ERASED).values(source=source, ref=ref, erased_at=wall_ms()))
        rows = _without_address(connection, source, ref)
        _note(connection, "erase", actor, rows, source=source, ref=ref)
        return rows


def forget(database: Database, before_ms: int, actor: str = RETENTION) -> int:
    """Delete cases that ended before an instant, with all that is of them, and dead letters from before it: how many rows."""
    with database.transaction(writes=True) as connection:
        ended = select(CASES.c.case_id).where(CASES.c.state == "over", CASES.c.ended_at < before_ms)
        rows = remove_cases(connection, list(connection.execute(ended).scalars()))
        rows += connection.execute(delete(DEAD_LETTERS).where(DEAD_LETTERS.c.happened_at < before_ms)).rowcount
        if rows or actor != RETENTION:
            _note(connection, "forget", actor, rows, before_at=before_ms)
        return rows


def acts(connection: Connection, limit: int = 100) -> list[dict[str, Any]]:
    """What was taken out, the newest first."""
    newest = select(ACTS).order_by(ACTS.c.happened_at.desc()).limit(limit)
    return [dict(row) for row in connection.execute(newest).mappings()]


def _without_address(connection: Connection, source: str, ref: str) -> int:
    of_report = (ORDERS.c.source == source, ORDERS.c.ref == ref, ORDERS.c.address.is_not(None))
    reported = select(REPORTS.c.case_id).where(REPORTS.c.source == source, REPORTS.c.ref == ref)
    affected = list(
        connection.execute(
            select(ORDERS.c.case_id).where(ORDERS.c.case_id.in_(reported), *of_report).distinct()
        ).scalars()
    )
    rows = 0
    for case_id in affected:
        rows += connection.execute(
            update(ORDERS).where(ORDERS.c.case_id == case_id, *of_report).values(address=None)
        ).rowcount
        rows += connection.execute(
            update(CASES).where(CASES.c.case_id == case_id).values(_address_left(connection, case_id))
        ).rowcount
    return rows


def _address_left(connection: Connection, case_id: str) -> dict[str, Any]:
    """As hub.ledger.projection has it, of the orders that still name one."""
    naming = (
        ORDERS.c.case_id == case_id,
        ORDERS.c.kind != "link",
        ORDERS.c.address.is_not(None),
        ORDERS.c.address != "",
    )
    newest = (
        select(ORDERS.c.issued_at, ORDERS.c.order_id, ORDERS.c.address)
        .where(*naming)
        .order_by(ORDERS.c.issued_at.desc(), ORDERS.c.order_id.desc())
        .limit(1)
    )
    at_ms, order, address = connection.execute(newest).first() or (None, None, None)
    return {"address_at": at_ms, "address_order": order, "address": address}


def _note(connection: Connection, act: str, actor: str, rows: int, **about: Any) -> None:
    connection.execute(
        insert(ACTS).values(happened_at=wall_ms(), act_id=uuid.uuid4().hex, act=act, actor=actor, rows=rows, **about)
    )
