"""What the operator's page shows: agents, edges, dead letters, the versions of the rules that open cases go by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, func, select

from hub.ledger import queries
from hub.ledger.tables import CASES_TABLE, DEAD_LETTERS_TABLE, POSITIONS_TABLE
from hub.millis import DAY_MS
from hub.policy import City
from hub.sdk.running.status import Status
from hub.web.board.counts import IS_OPEN

_LETTERS = DEAD_LETTERS_TABLE.c


def operator_document(
    connection: Connection,
    now_ms: int,
    city: City,
    health: Mapping[str, Any],
    edges: Iterable[Status],
    on_wall_ms: int,
) -> dict[str, Any]:
    """All of the page. `on_wall_ms`: the wall's time, by which letters are dated, also where history is played again."""
    level_ms, behind = queries.last_standing(connection)
    return {
        "now": now_ms, "worker": health["worker"], "agents": health["agents"],
        "edges": [each.as_dict() for each in edges],
        "ledger": {"level": level_ms, "behind": behind, "topics": _count(connection, POSITIONS_TABLE)},
        "letters": _letters(connection, on_wall_ms), "rules": _rules(connection), "version": city.version,
    }  # fmt: skip


def _count(connection: Connection, table: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _letters(connection: Connection, now_ms: int) -> list[dict[str, Any]]:
    """By stage and reason, the most first: in all, in the last day, and the newest."""
    of_day = func.count().filter(_LETTERS.happened_at > now_ms - DAY_MS)
    rows = connection.execute(
        select(_LETTERS.stage, _LETTERS.reason, func.count(), of_day, func.max(_LETTERS.happened_at))
        .group_by(_LETTERS.stage, _LETTERS.reason)
        .order_by(func.count().desc())
        .limit(50)
    )
    return [dict(zip(("stage", "reason", "count", "day", "last"), row, strict=True)) for row in rows]


def _rules(connection: Connection) -> list[dict[str, Any]]:
    """How many open cases go by each version."""
    rows = connection.execute(
        select(CASES_TABLE.c.rules, func.count())
        .where(IS_OPEN)
        .group_by(CASES_TABLE.c.rules)
        .order_by(func.count().desc())
    )
    return [{"version": version, "open": count} for version, count in rows]
