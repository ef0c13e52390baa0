"""Takes out of the ledger what a report said in its own words, within a transaction."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, insert, select, update

from hub.clock import wall_ms
from hub.ledger.tables import ACTS_TABLE, CASES_TABLE, ERASED_TABLE, ORDERS_TABLE, REPORTS_TABLE


def erase_within(connection: Connection, source: str, ref: str, actor: str) -> int:
    """Take out what a report said in its own words, for good: a rebuild leaves it out too. `actor`: on whose word.

    What stays is what happened: the case, its clocks and the report's reference. Gives how many rows were changed; 0 also where
    nothing is known of the report yet. It is noted once, and again if there was something to take out again.
    """
    is_it = (ERASED_TABLE.c.source == source, ERASED_TABLE.c.ref == ref)
    is_first = connection.execute(select(ERASED_TABLE.c.ref).where(*is_it)).first() is None
    if is_first:
        connection.execute(insert(ERASED_TABLE).values(source=source, ref=ref, erased_at=wall_ms()))
    rows = without_address(connection, source, ref)
    if is_first or rows:
        note_act(connection, "erase", actor, rows, source=source, ref=ref)
    return rows


def without_address(connection: Connection, source: str, ref: str) -> int:
    """Take out the address that a report named, of the cases that it is known to be in: how many rows."""
    of_report = (ORDERS_TABLE.c.source == source, ORDERS_TABLE.c.ref == ref, ORDERS_TABLE.c.address.is_not(None))
    reported = select(REPORTS_TABLE.c.case_id).where(REPORTS_TABLE.c.source == source, REPORTS_TABLE.c.ref == ref)
    affected = list(
        connection.execute(
            select(ORDERS_TABLE.c.case_id).where(ORDERS_TABLE.c.case_id.in_(reported), *of_report).distinct()
        ).scalars()
    )
    rows = 0
    for case_id in affected:
        rows += connection.execute(
            update(ORDERS_TABLE).where(ORDERS_TABLE.c.case_id == case_id, *of_report).values(address=None)
        ).rowcount
        rows += connection.execute(
            update(CASES_TABLE).where(CASES_TABLE.c.case_id == case_id).values(_address_left(connection, case_id))
        ).rowcount
    return rows


def _address_left(connection: Connection, case_id: str) -> dict[str, Any]:
    """As hub.ledger.projection has it, of the orders that still name one."""
    naming = (
        ORDERS_TABLE.c.case_id == case_id,
        ORDERS_TABLE.c.kind != "link",
        ORDERS_TABLE.c.address.is_not(None),
        ORDERS_TABLE.c.address != "",
    )
    newest = (
        select(ORDERS_TABLE.c.issued_at, ORDERS_TABLE.c.order_id, ORDERS_TABLE.c.address)
        .where(*naming)
        .order_by(ORDERS_TABLE.c.issued_at.desc(), ORDERS_TABLE.c.order_id.desc())
        .limit(1)
    )
    at_ms, order, address = connection.execute(newest).first() or (None, None, None)
    return {"address_at": at_ms, "address_order": order, "address": address}


def note_act(connection: Connection, act: str, actor: str, rows: int, **about: Any) -> None:
    """Say in `acts` what was taken out, when and on whose word."""
    connection.execute(
        insert(ACTS_TABLE).values(
            happened_at=wall_ms(), act_id=uuid.uuid4().hex, act=act, actor=actor, rows=rows, **about
        )
    )
