"""What takes cases that ended long ago out of the ledger again, and what was taken out: each act is noted in `acts`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, select

from hub.ledger.database import Database
from hub.ledger.erasing import note_act
from hub.ledger.store import remove_cases
from hub.ledger.tables import ACTS_TABLE, CASES_TABLE, DEAD_LETTERS_TABLE

RETENTION = "retention"
"""Who deletes by age, where nobody asked for it."""


def delete_older(
    database: Database, before_ms: int, actor: str = RETENTION, letters_before_ms: int | None = None
) -> int:
    """Delete cases that ended before an instant, with all that is of them, and dead letters from before it, or before an instant of
    their own: how many rows."""
    letters_ms = before_ms if letters_before_ms is None else letters_before_ms
    with database.transaction(writes=True) as connection:
        ended = select(CASES_TABLE.c.case_id).where(CASES_TABLE.c.state == "over", CASES_TABLE.c.ended_at < before_ms)
        rows = remove_cases(connection, list(connection.execute(ended).scalars()))
        rows += connection.execute(
            delete(DEAD_LETTERS_TABLE).where(DEAD_LETTERS_TABLE.c.happened_at < letters_ms)
        ).rowcount
        if rows or actor != RETENTION:
            note_act(connection, "forget", actor, rows, before_at=before_ms)
        return rows


def acts(connection: Connection, limit: int = 100) -> list[dict[str, Any]]:
    """What was taken out, the newest first."""
    newest = select(ACTS_TABLE).order_by(ACTS_TABLE.c.happened_at.desc()).limit(limit)
    return [dict(row) for row in connection.execute(newest).mappings()]
