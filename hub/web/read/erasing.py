"""What was erased is in the read model no longer, whatever order the topics are read in: also not what is read later of before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from hub.core.withholding import erased_event
from hub.escaping import to_json
from hub.topics import OWN_SOURCE


def erase_report(sql: Connection, source: str, ref: str, until_ms: int) -> None:
    """Take what this report said until then out of all that is there, and keep in mind that it was. What departments wrote to who
    reported goes with it."""
    sql.exec_driver_sql(
        "insert into erased_words values (?, ?, ?) on conflict do update set until_ms = max(until_ms, excluded.until_ms)",
        (source, ref, until_ms),
    )
    orders = "select topic, part, off, body from told where at <= ? and instr(body, ?)"
    for topic, part, offset, body in sql.exec_driver_sql(orders, (until_ms, to_json(ref))).fetchall():
        order = json.loads(body)
        event = order.get("event")
        if event and (event["source"], event["source_ref"]) == (source, ref):
            told = (to_json(order | {"event": erased_event(event)}), topic, part, offset)
            sql.exec_driver_sql("update told set body = ? where topic = ? and part = ? and off = ?", told)
    sql.exec_driver_sql(
        "update answers set text = '' where source = ? and ref = ? and written_at <= ?", (source, ref, until_ms)
    )
    if source == OWN_SOURCE:
        for (body,) in sql.exec_driver_sql("select body from statements where ref = ?", (ref,)).fetchall():
            sql.exec_driver_sql(
                "update statements set body = ? where ref = ?", (to_json(erased_event(json.loads(body))), ref)
            )


def is_erased(sql: Connection, source: str, ref: str, written_ms: int) -> bool:
    """True if what was written then about this report was erased later."""
    found = sql.exec_driver_sql(
        "select until_ms from erased_words where source = ? and ref = ?", (source, ref)
    ).fetchone()
    return found is not None and written_ms <= found[0]


def spared(sql: Connection, event: Mapping[str, Any], written_ms: int) -> Mapping[str, Any]:
    """A `cityhub.CaseEvent` as it may be kept."""
    return erased_event(event) if is_erased(sql, event["source"], event["source_ref"], written_ms) else event
