"""What the wall shows, in parts that change by themselves: each is asked of the ledger, and is JSON."""

from __future__ import annotations

from math import isnan
from typing import Any

from sqlalchemy import Connection, false, func, or_, select

from hub.clock import ClockKind
from hub.ledger import queries
from hub.ledger.arrivals import SenderArrivals, source_arrivals
from hub.ledger.tables import CASES_TABLE, DEAD_LETTERS_TABLE
from hub.millis import DAY_MS
from hub.web.board.counts import IS_OPEN, counts_at, is_soon

_NEXT = 10
MOST_POINTS = 5_000
_NEXT_COLUMNS = ("case_id", "department", "category", "area", "address", "due_at", "due_clock")
Json = dict[str, Any]


def numbers(connection: Connection, now_ms: int, desk: str) -> Json:
    """What `counts_now` says, and all that are open: in one pass over what is open, and one over what an index has in a row."""
    found = _by(connection, "department")
    has_due = CASES_TABLE.c.due_at.is_(None) == false()  # as the index has it
    soon = connection.execute(select(func.count()).where(IS_OPEN, has_due, is_soon(now_ms))).scalar_one()
    overdue, opened = (sum(row[at] for row in found.values()) for at in (1, 0))
    return {"overdue": overdue, "soon": soon, "unowned": found.get(desk, [0, 0])[0], "open": opened}


def yesterday(connection: Connection, now_ms: int, desk: str) -> Json:
    """The same at this hour of the day before; nothing if the ledger does not go back so far."""
    first = connection.execute(select(func.min(CASES_TABLE.c.opened_at))).scalar()
    if first is None or first > now_ms - DAY_MS:
        return {}
    return dict(counts_at(connection, now_ms - DAY_MS, desk)._asdict())


def breaking_next(connection: Connection, now_ms: int, desk: str) -> list[Json]:
    """The open cases whose clocks run out next."""
    del now_ms, desk
    query = queries.CaseQuery(state="open", overdue=False)
    statement = queries.list_of(query, _NEXT).where(CASES_TABLE.c.due_at.is_not(None))
    return [{name: row[name] for name in _NEXT_COLUMNS} for row in connection.execute(statement).mappings()]


def departments(connection: Connection, now_ms: int, desk: str) -> Json:
    """Open cases and overdue ones, by department."""
    del now_ms, desk
    return _by(connection, "department")


def areas(connection: Connection, now_ms: int, desk: str) -> Json:
    """The same by area; those without one are under an empty name."""
    del now_ms, desk
    return _by(connection, "area")


def _by(connection: Connection, name: str) -> Json:
    column = CASES_TABLE.c[name]
    late = func.count().filter(CASES_TABLE.c.overdue)
    rows = connection.execute(select(column, func.count(), late).where(IS_OPEN).group_by(column))
    return {key or "": [count, overdue] for key, count, overdue in rows}


def points(connection: Connection, now_ms: int, desk: str) -> Json:
    """What is overdue, or will be within the hour, by case: latitude, longitude, and 1 if it is overdue."""
    del desk
    columns = CASES_TABLE.c
    statement = (
        select(columns.case_id, columns.lat, columns.lon, columns.overdue)
        .where(IS_OPEN, or_(columns.overdue, is_soon(now_ms)), columns.lat.is_not(None), columns.lon.is_not(None))
        .order_by(columns.overdue.desc(), columns.due_at.is_(None), columns.due_at)
        .limit(MOST_POINTS)
    )
    return {
        case: [round(lat, 5), round(lon, 5), int(overdue)] for case, lat, lon, overdue in connection.execute(statement)
    }


def sources(clock: ClockKind, connection: Connection, now_ms: int, desk: str) -> list[Json]:
    """The arrivals of each source, by the time that counts with such a clock."""
    del desk
    return [_arrivals_shown(each) for each in source_arrivals(connection, now_ms, clock)]


def _arrivals_shown(source: SenderArrivals) -> Json:
    usual = [None if isnan(one) else round(one, 1) for one in source.usual]
    return {
        "source": source.sender, "hours": list(source.hours), "usual": usual, "last": source.silence.last_ms,
        "silent": source.silence.is_silent,
    }  # fmt: skip


def set_aside(connection: Connection, now_ms: int, desk: str) -> int:
    """Dead letters of the last day."""
    del desk
    letters = DEAD_LETTERS_TABLE.c
    statement = select(func.count()).where(letters.happened_at > now_ms - DAY_MS)
    return int(connection.execute(statement).scalar_one())
