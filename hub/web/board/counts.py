"""The wall's numbers, asked of the ledger: as they are, and as they were at an instant before."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from hub.ledger.tables import CASES_TABLE, CHANGES_TABLE, CLOCKS_TABLE
from hub.millis import HOUR_MS

_CASES, _CLOCKS, _CHANGES = CASES_TABLE.c, CLOCKS_TABLE.c, CHANGES_TABLE.c
IS_OPEN = _CASES.state == "open"


class WallCounts(NamedTuple):
    """Open cases: those of which a clock has run out, those of which one will within the hour, those that the desk has."""

    overdue: int
    soon: int
    unowned: int


def is_soon(now_ms: int) -> ColumnElement[bool]:
    """Of an open case: a clock runs out within the hour, and none has."""
    return and_(~_CASES.overdue, _CASES.due_at < now_ms + HOUR_MS)


def counts_now(connection: Connection, now_ms: int, desk: str) -> WallCounts:
    """By the rows of cases."""
    filters = (_CASES.overdue, is_soon(now_ms), _CASES.department == desk)
    row = connection.execute(select(*[func.count().filter(each) for each in filters]).where(IS_OPEN)).one()
    return WallCounts(*map(int, row))


def counts_at(connection: Connection, at_ms: int, desk: str) -> WallCounts:
    """As they were at an instant: by what clocks and changes say happened until then. A due time that was changed since counts
    as it is now."""
    return WallCounts(
        _cases_with(connection, at_ms, _was_late(at_ms)),
        _cases_with(connection, at_ms, _was_soon(at_ms), but=_was_late(at_ms)),
        _at_desk(connection, at_ms, desk),
    )


def _was_running(at_ms: int) -> ColumnElement[bool]:
    return and_(
        _CLOCKS.started_at <= at_ms,
        _CLOCKS.state != "cancelled",
        or_(_CLOCKS.ended_at.is_(None), _CLOCKS.ended_at > at_ms),
    )


def _was_late(at_ms: int) -> ColumnElement[bool]:
    return and_(_was_running(at_ms), _CLOCKS.breached_at <= at_ms)


def _was_soon(at_ms: int) -> ColumnElement[bool]:
    return and_(_was_running(at_ms), _CLOCKS.due_at < at_ms + HOUR_MS)


def _cases_with(
    connection: Connection, at_ms: int, clock: ColumnElement[bool], but: ColumnElement[bool] | None = None
) -> int:
    was_open = and_(_CASES.opened_at <= at_ms, or_(_CASES.ended_at.is_(None), _CASES.ended_at > at_ms))
    statement = (
        select(func.count(_CLOCKS.case_id.distinct()))
        .select_from(CLOCKS_TABLE.join(CASES_TABLE, _CASES.case_id == _CLOCKS.case_id))
        .where(clock, was_open)
    )
    if but is not None:
        statement = statement.where(_CLOCKS.case_id.not_in(select(_CLOCKS.case_id).where(but)))
    return int(connection.execute(statement).scalar_one())


def _at_desk(connection: Connection, at_ms: int, desk: str) -> int:
    """Only what the desk ever had is looked at."""
    ever = select(_CHANGES.case_id).where(_CHANGES.department == desk)
    nth = func.row_number().over(
        partition_by=_CHANGES.case_id, order_by=(_CHANGES.happened_at.desc(), _CHANGES.kafka_offset.desc())
    )
    said = (
        select(_CHANGES.department, _CHANGES.is_over, nth.label("nth"))
        .where(_CHANGES.case_id.in_(ever), _CHANGES.happened_at <= at_ms)
        .subquery()
    )
    statement = select(func.count()).where(said.c.nth == 1, said.c.department == desk, ~said.c.is_over)
    return int(connection.execute(statement).scalar_one())
