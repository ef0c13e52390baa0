"""How much each source and each department sends by the hour, beside its own rhythm: one that falls silent is seen.

Live, what counts is when the hub heard of it: reports that come late are no silence. Where history is played again it is when they
were made. Nothing is said of who has been still for a quarter of a year: such a system is gone, and so is a department that has no
orders to answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from sqlalchemy import Column, ColumnElement, Connection, Table, and_, exists, func, select

from hub.clock import ClockKind
from hub.core.figures.rhythm import LEARNT_HOURS, Silence, silence_of, usual_of
from hub.ledger.tables import CASES_TABLE, CHANGES_TABLE, HEARD_TABLE, ORDERS_TABLE, RECEIPTS_TABLE
from hub.millis import HOUR_MS, MINUTE_MS

SHOWN_HOURS = 24
GONE_HOURS = 92 * 24
_KEPT_HOURS = LEARNT_HOURS + GONE_HOURS
_STATEMENTS = ("opened", "linked", "amended", "superseded", "withdrawn")
"""Changes that a report makes as it comes; all others follow from something else."""
_ASSIGNED = "assign"


class SenderArrivals(NamedTuple):
    """The last hours of one source or department, the running one last. `usual` is empty until a day is known, NaN for an hour that
    is not."""

    sender: str
    hours: Sequence[int]
    usual: Sequence[float]
    silence: Silence


class Unanswered(NamedTuple):
    """Orders to a department that holds their cases still and has said nothing of them; when the oldest was written, in ms."""

    orders: int
    oldest_ms: int


class _Hour(NamedTuple):
    """`minutes`: in how many of its minutes something came."""

    hour: int
    records: int
    minutes: int
    last_ms: int


def source_arrivals(connection: Connection, now_ms: int, clock: ClockKind) -> list[SenderArrivals]:
    """Of all sources, by name: their statements. Live, a repeat breaks a silence too, and so does what was set aside."""
    at = CHANGES_TABLE.c.written_at if clock is ClockKind.WALL else CHANGES_TABLE.c.happened_at
    is_statement = CHANGES_TABLE.c.change.in_(_STATEMENTS)
    heard = _heard(connection) if clock is ClockKind.WALL else {}
    return _arrivals(connection, CHANGES_TABLE, CHANGES_TABLE.c.source, at, is_statement, now_ms, heard)


def department_arrivals(connection: Connection, now_ms: int, clock: ClockKind) -> list[SenderArrivals]:
    """Of all departments, by name: what they have said of their cases, taken or not."""
    at = RECEIPTS_TABLE.c.written_at if clock is ClockKind.WALL else RECEIPTS_TABLE.c.decided_at
    department = RECEIPTS_TABLE.c.department
    return _arrivals(connection, RECEIPTS_TABLE, department, at, department.is_not(None), now_ms, {})


def unanswered_orders(connection: Connection) -> dict[str, Unanswered]:
    """By department. Only what is open and with it still: an order that went elsewhere is nobody's to answer."""
    order, case, receipt = ORDERS_TABLE.c, CASES_TABLE.c, RECEIPTS_TABLE.c
    answered = exists().where(
        receipt.case_id == order.case_id,
        receipt.department == order.department,
        receipt.written_at >= order.written_at,
    )
    statement = (
        select(order.department, func.count(), func.min(order.written_at))
        .select_from(ORDERS_TABLE.join(CASES_TABLE, case.case_id == order.case_id))
        .where(case.state == "open", case.department == order.department, order.kind == _ASSIGNED, ~answered)
        .group_by(order.department)
    )
    return {name: Unanswered(int(count), int(oldest)) for name, count, oldest in connection.execute(statement)}


def _arrivals(
    connection: Connection,
    table: Table,
    sender: Column[str],
    heard_at: Column[int],
    wanted: ColumnElement[bool],
    now_ms: int,
    heard: Mapping[str, int],
) -> list[SenderArrivals]:
    first_hour = now_ms // HOUR_MS - _KEPT_HOURS
    hour = (heard_at // HOUR_MS).label("hour")
    rows = connection.execute(
        select(sender, hour, func.count(), func.count((heard_at // MINUTE_MS).distinct()), func.max(heard_at))
        .select_from(table)
        .where(and_(wanted, heard_at >= first_hour * HOUR_MS, heard_at <= now_ms))
        .group_by(sender, hour)
    )
    by_sender: dict[str, list[_Hour]] = {}
    for name, *found in rows:
        number, records, minutes, last_ms = map(int, found)
        by_sender.setdefault(name, []).append(_Hour(number - first_hour, records, minutes, last_ms))
    return [_of_sender(name, hours, now_ms, heard.get(name, 0)) for name, hours in sorted(by_sender.items())]


def _heard(connection: Connection) -> dict[str, int]:
    rows = connection.execute(select(HEARD_TABLE.c.source, HEARD_TABLE.c.heard_at))
    return {str(source): int(heard_ms) for source, heard_ms in rows}


def _of_sender(sender: str, rows: Iterable[_Hour], now_ms: int, heard_ms: int) -> SenderArrivals:
    counts, minutes = np.zeros((2, _KEPT_HOURS + 1), np.int64)
    last = max(rows, key=lambda row: row.last_ms)
    for row in rows:
        counts[row.hour], minutes[row.hour] = row.records, row.minutes
    usual = usual_of(counts[-LEARNT_HOURS - 1 :], last.hour - GONE_HOURS, SHOWN_HOURS)
    silence = silence_of(minutes[: last.hour + 1], last.last_ms, now_ms, heard_ms)
    return SenderArrivals(sender, counts[-SHOWN_HOURS:].tolist(), usual.tolist(), silence)
