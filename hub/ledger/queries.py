"""What people ask of the ledger: lists of cases, what is overdue first, and the story of one. Never by a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, func, or_, select

from hub.ledger.projection import LIVE
from hub.ledger.tables import (
    CASES_TABLE,
    CHANGES_TABLE,
    CLOCKS_TABLE,
    GONE,
    HELPERS_TABLE,
    NOTICES_TABLE,
    ORDERS_TABLE,
    RECEIPTS_TABLE,
    REPLIES_TABLE,
    REPORTS_TABLE,
    STANDING_TABLE,
)

SHOWN_COLUMNS = (
    "case_id", "state", "overdue", "due_at", "due_clock", "department", "unit", "helpers", "category", "area", "address", "urgency",
    "opened_at", "changed_at", "progress", "result", "until_at", "ended_at", "outcome", "reports",
    "lead_source", "lead_ref", "lat", "lon",
)  # fmt: skip
"""The columns of a list, in their order."""


@dataclass(frozen=True)
class CaseQuery:
    """All that is given must hold; of several values of one, any. Times in ms since 1970 UTC."""

    departments: Sequence[str] = ()
    """That hold it or help."""
    units: Sequence[str] = ()
    """Who below its department has it."""
    areas: Sequence[str] = ()
    areas_within: Sequence[str] = ()
    """Codes of a tree of areas: with all that lies in them."""
    categories: Sequence[str] = ()
    """With all that are under it: `road` has `road.pothole`."""
    state: str | None = None
    """open or over."""
    outcome: str | None = None
    progress: str | None = None
    """What its department said last: accepted, paused, resolved, ..."""
    result: str | None = None
    """What it came to 办理结果: a code of the outcomes in steps.yaml."""
    overdue: bool | None = None
    clock: str | None = None
    """One that runs, or has run out and not ended."""
    clock_rows: Sequence[str] = ()
    """With a clock that one of these rows of deadlines.yaml timed, ended or not."""
    due_before_ms: int | None = None
    opened_from_ms: int | None = None
    opened_before_ms: int | None = None
    ended_from_ms: int | None = None
    ended_before_ms: int | None = None
    source: str | None = None
    """Of one of its reports."""
    ref: str | None = None
    address: str | None = None
    """A part of it."""
    case_id: str | None = None

    @property
    def is_whole(self) -> bool:
        """True if nothing is asked for but all there is."""
        return all(getattr(self, each.name) == each.default for each in fields(self))


def list_of(query: CaseQuery, limit: int, offset: int = 0) -> Select[Any]:
    """What is overdue first, then what is due next; of what is over, what ended last."""
    columns = [CASES_TABLE.c[name] for name in SHOWN_COLUMNS]
    order: tuple[Any, ...] = (
        CASES_TABLE.c.overdue.desc(),
        CASES_TABLE.c.due_at.is_(None),
        CASES_TABLE.c.due_at,
        CASES_TABLE.c.case_id,
    )
    if query.state == "over":
        order = (CASES_TABLE.c.ended_at.desc(), CASES_TABLE.c.case_id)
    return select(*columns).where(*_wheres(query)).order_by(*order).limit(limit).offset(offset)


def cases(connection: Connection, query: CaseQuery, limit: int, offset: int = 0) -> Iterator[dict[str, Any]]:
    """Rows by `SHOWN_COLUMNS`."""
    for row in connection.execute(list_of(query, limit, offset)).mappings():
        yield dict(row) | {"overdue": bool(row["overdue"])}


def count(connection: Connection, query: CaseQuery) -> tuple[int, int]:
    """How many cases, and how many of them overdue."""
    overdue = func.count().filter(CASES_TABLE.c.overdue)
    row = connection.execute(select(func.count(), overdue).select_from(CASES_TABLE).where(*_wheres(query))).one()
    return int(row[0]), int(row[1])


def last_standing(connection: Connection) -> tuple[int, int | None]:
    """When the ledger was level with the topics last, in ms, 0 if never; and how many records it lacked when that was written."""
    asked = select(STANDING_TABLE.c.level_at, STANDING_TABLE.c.behind).where(STANDING_TABLE.c.name != GONE)
    row = connection.execute(asked).first()
    return (0, None) if row is None else (int(row[0] or 0), row[1])


def records_gone(connection: Connection) -> int:
    """How many records, at most, were gone before the ledger had read them, since it was made or made anew."""
    return int(connection.execute(select(STANDING_TABLE.c.behind).where(STANDING_TABLE.c.name == GONE)).scalar() or 0)


def newest_opened_ms(connection: Connection) -> int:
    """When the youngest case was reported, in ms; 0 if there is none."""
    return int(connection.execute(select(func.max(CASES_TABLE.c.opened_at))).scalar() or 0)


def case_of(connection: Connection, source: str, ref: str) -> str | None:
    """The case that a report belongs to now."""
    newest = select(REPORTS_TABLE.c.case_id).where(
        REPORTS_TABLE.c.source == source, REPORTS_TABLE.c.ref == ref, ~REPORTS_TABLE.c.has_left
    )
    return connection.execute(newest.order_by(REPORTS_TABLE.c.written_at.desc()).limit(1)).scalar()


def live_clocks(connection: Connection, case_id: str) -> list[tuple[str, int]]:
    """The clocks of a case that run, or have run out and not ended, with when they are due in ms."""
    columns = CLOCKS_TABLE.c
    live = select(columns.clock, columns.due_at).where(columns.case_id == case_id, columns.state.in_(sorted(LIVE)))
    return [(str(row.clock), int(row.due_at)) for row in connection.execute(live.order_by(columns.due_at))]


def story(connection: Connection, case_id: str) -> dict[str, list[dict[str, Any]]]:
    """All that the ledger has of one case, by table: the case itself, its clocks, and what happened, the oldest first."""
    tables = (
        (CASES_TABLE, "opened_at"), (CLOCKS_TABLE, "started_at"), (REPORTS_TABLE, "first_at"),
        (CHANGES_TABLE, "kafka_offset"), (NOTICES_TABLE, "kafka_offset"),
        (ORDERS_TABLE, "issued_at"), (REPLIES_TABLE, "happened_at"), (RECEIPTS_TABLE, "decided_at"),
    )  # fmt: skip
    return {
        table.name: [
            dict(row)
            for row in connection.execute(
                select(table).where(table.c.case_id == case_id).order_by(table.c[by])
            ).mappings()
        ]
        for table, by in tables
    }


def _wheres(query: CaseQuery) -> Iterator[ColumnElement[bool]]:
    yield CASES_TABLE.c.state == query.state if query.state else CASES_TABLE.c.state.is_not(None)
    if query.case_id:
        yield CASES_TABLE.c.case_id == query.case_id
    if query.departments:
        helps = select(HELPERS_TABLE.c.case_id).where(HELPERS_TABLE.c.department.in_(query.departments))
        yield or_(CASES_TABLE.c.department.in_(query.departments), CASES_TABLE.c.case_id.in_(helps))
    if query.categories:
        yield or_(*(_at_or_under(CASES_TABLE.c.category, code) for code in query.categories))
    if query.units:
        yield CASES_TABLE.c.unit.in_(query.units)
    if query.areas:
        yield CASES_TABLE.c.area.in_(query.areas)
    if query.areas_within:
        yield or_(*(CASES_TABLE.c.area.startswith(code, autoescape=True) for code in query.areas_within))
    if query.clock:
        yield exists().where(
            CLOCKS_TABLE.c.case_id == CASES_TABLE.c.case_id,
            CLOCKS_TABLE.c.clock == query.clock,
            CLOCKS_TABLE.c.state.in_(sorted(LIVE)),
        )
    if query.clock_rows:
        timed = CLOCKS_TABLE.c.policy.in_(query.clock_rows)
        yield exists().where(CLOCKS_TABLE.c.case_id == CASES_TABLE.c.case_id, timed)
    if query.source or query.ref:
        wanted = [REPORTS_TABLE.c.source == query.source] if query.source else []
        wanted += [REPORTS_TABLE.c.ref == query.ref] if query.ref else []
        yield exists().where(REPORTS_TABLE.c.case_id == CASES_TABLE.c.case_id, ~REPORTS_TABLE.c.has_left, *wanted)
    if query.address:
        yield CASES_TABLE.c.address.contains(query.address, autoescape=True)
    yield from _bounds(query)


def _at_or_under(column: ColumnElement[str], code: str) -> ColumnElement[bool]:
    return or_(column == code, column.startswith(f"{code}.", autoescape=True))


def _bounds(query: CaseQuery) -> Iterator[ColumnElement[bool]]:
    columns = CASES_TABLE.c
    bounds = (
        (columns.outcome.__eq__, query.outcome), (columns.progress.__eq__, query.progress), (columns.result.__eq__, query.result),
        (columns.overdue.is_, query.overdue),
        (columns.due_at.__lt__, query.due_before_ms), (columns.opened_at.__ge__, query.opened_from_ms),
        (columns.opened_at.__lt__, query.opened_before_ms), (columns.ended_at.__ge__, query.ended_from_ms),
        (columns.ended_at.__lt__, query.ended_before_ms),
    )  # fmt: skip
    yield from (compare(value) for compare, value in bounds if value is not None)
