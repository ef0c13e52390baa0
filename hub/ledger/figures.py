"""Figures of a period from the ledger: what came, what ended and how, what ran out, what is left; in all, and by department, area
and category. Counts alone; no case, and nobody, is in them.

They are of the ledger as it is when they are asked for: what is said late of a day changes that day's.
"""

from __future__ import annotations

import statistics
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select

from hub.ledger.tables import CASES_TABLE, CHANGES_TABLE, CLOCKS_TABLE, RECEIPTS_TABLE
from hub.millis import HOUR_MS, ms_of

DIMENSIONS = ("department", "area", "category")
NO_CODE = ""
"""The code of what has none."""
_RESOLVE = "resolve"
"""The clock by which an end is in time 按期办结."""
_WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class FigurePeriod:
    """What is counted together: from `slots[0]` up to, not with, `slots[-1]`, in ms since 1970 UTC; between them a chart's."""

    name: str
    """2026-11-28, or 2026-11."""
    slots: tuple[int, ...]

    @classmethod
    def day(cls, day: date, zone: ZoneInfo) -> FigurePeriod:
        """A day of the city, by hours: 23 or 25 of them where clocks are put forward or back."""
        begin, end = (_midnight(each, zone) for each in (day, day + timedelta(days=1)))
        return cls(day.isoformat(), (*range(begin, end, HOUR_MS), end))

    @classmethod
    def month(cls, first: date, zone: ZoneInfo) -> FigurePeriod:
        """The month that begins on this day, by days."""
        days = [first]
        while days[-1].month == first.month:
            days.append(days[-1] + timedelta(days=1))
        return cls(first.strftime("%Y-%m"), tuple(_midnight(each, zone) for each in days))

    @property
    def begin_ms(self) -> int:
        return self.slots[0]

    @property
    def end_ms(self) -> int:
        return self.slots[-1]

    def has(self, ms: int | None) -> bool:
        return ms is not None and self.begin_ms <= ms < self.end_ms

    def slot(self, ms: int) -> int:
        return bisect_right(self.slots, ms) - 1


def _midnight(day: date, zone: ZoneInfo) -> int:
    return ms_of(datetime(day.year, day.month, day.day, tzinfo=zone))


@dataclass
class Figures:
    """Of a department, area or category, or of all. Cases count where they are now, refusals and breaches where they were said."""

    opened: int = 0
    """立案."""
    ended: int = 0
    """办结; not what was withdrawn."""
    withdrawn: int = 0
    """撤回."""
    timed: int = 0
    """Of the ended, those that had a clock to be resolved by."""
    in_time: int = 0
    """Of the timed, those of which it never ran out 按期办结."""
    hours: list[float] = field(default_factory=list)
    """From opened to ended, of each that ended."""
    breached: int = 0
    """Clocks that ran out 超时, of whatever kind."""
    refused: int = 0
    """退单."""
    reopened: int = 0
    """重新办理."""
    open: int = 0
    """在办 at the end of the period."""
    overdue: int = 0
    """Of the open, those with a clock that had run out and not ended."""

    @property
    def in_time_share(self) -> float | None:
        """按期办结率; None where nothing that ended was timed."""
        return self.in_time / self.timed if self.timed else None

    @property
    def median_hours(self) -> float | None:
        """办结用时中位数."""
        return statistics.median(self.hours) if self.hours else None


@dataclass
class PeriodFigures:
    """Of one period: `by` dimension and code, and how many were opened and ended in each slot."""

    period: FigurePeriod
    total: Figures = field(default_factory=Figures)
    by: Mapping[str, dict[str, Figures]] = field(
        default_factory=lambda: {dimension: defaultdict(Figures) for dimension in DIMENSIONS}
    )
    opened: list[int] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)

    def of(self, row: Any) -> Iterator[Figures]:
        """Everything that counts what this row says."""
        yield self.total
        for dimension in DIMENSIONS:
            yield self.by[dimension][getattr(row, dimension) or NO_CODE]


def figures(connection: Connection, period: FigurePeriod) -> PeriodFigures:
    """Counted from the ledger in one pass over the cases that are open, or ended since the period began."""
    found = PeriodFigures(period, opened=[0] * (len(period.slots) - 1), ended=[0] * (len(period.slots) - 1))
    late, overdue = _ran_out(connection, period)
    timed = _timed(connection, period)
    for row in connection.execute(select(CASES_TABLE).where(_concerned(period))):
        _count_case(found, row, late, overdue, timed)
    for row in connection.execute(_breaches(period)):
        for each in found.of(row):
            each.breached += 1
    for row in connection.execute(_refusals(period)):
        for each in found.of(row):
            each.refused += 1
    for row in connection.execute(_reopenings(period)):
        for each in found.of(row):
            each.reopened += 1
    return found


def _count_case(counted: PeriodFigures, row: Any, late: set[str], overdue: set[str], timed: set[str]) -> None:
    period = counted.period
    opened, ended, withdrawn = period.has(row.opened_at), period.has(row.ended_at), row.outcome == _WITHDRAWN
    is_open = row.opened_at < period.end_ms and (row.ended_at is None or row.ended_at >= period.end_ms)
    if opened:
        counted.opened[period.slot(row.opened_at)] += 1
    if ended and not withdrawn:
        counted.ended[period.slot(row.ended_at)] += 1
    for each in counted.of(row):
        each.opened += opened
        each.open += is_open
        each.overdue += is_open and row.case_id in overdue
        if ended and withdrawn:
            each.withdrawn += 1
        elif ended:
            each.ended += 1
            each.hours.append((row.ended_at - row.opened_at) / HOUR_MS)
            each.timed += row.case_id in timed
            each.in_time += row.case_id in timed and row.case_id not in late


def _concerned(period: FigurePeriod) -> ColumnElement[bool]:
    columns = CASES_TABLE.c
    return and_(
        columns.opened_at < period.end_ms, or_(columns.state == "open", columns.ended_at >= period.begin_ms)
    )  # fmt: skip


def _with_case(table: Any, period: FigurePeriod, *columns: Any) -> Select[Any]:
    """Rows of another table with the area and category of their case."""
    joined = table.join(CASES_TABLE, table.c.case_id == CASES_TABLE.c.case_id)
    return select(*columns).select_from(joined).where(_concerned(period))


def _ran_out(connection: Connection, period: FigurePeriod) -> tuple[set[str], set[str]]:
    """Cases whose clock for resolving ran out, and those with any that had run out and not ended when the period did."""
    clocks, late, overdue = CLOCKS_TABLE.c, set[str](), set[str]()
    asked = _with_case(CLOCKS_TABLE, period, clocks.case_id, clocks.clock, clocks.ended_at)
    for case_id, clock, ended_at in connection.execute(asked.where(clocks.breached_at < period.end_ms)):
        if clock == _RESOLVE:
            late.add(case_id)
        if ended_at is None or ended_at >= period.end_ms:
            overdue.add(case_id)
    return late, overdue


def _timed(connection: Connection, period: FigurePeriod) -> set[str]:
    clocks = CLOCKS_TABLE.c
    asked = _with_case(CLOCKS_TABLE, period, clocks.case_id).where(
        clocks.clock == _RESOLVE, clocks.state != "cancelled"
    )
    return set(connection.execute(asked.distinct()).scalars())


def _breaches(period: FigurePeriod) -> Select[Any]:
    """One row for each clock that ran out in the period, and of which that still holds. It counts where it was to be kept."""
    clocks = CLOCKS_TABLE.c
    asked = _with_case(CLOCKS_TABLE, period, clocks.department, CASES_TABLE.c.area, CASES_TABLE.c.category)
    return asked.where(clocks.breached_at >= period.begin_ms, clocks.breached_at < period.end_ms)


def _refusals(period: FigurePeriod) -> Select[Any]:
    receipts = RECEIPTS_TABLE.c
    asked = _with_case(RECEIPTS_TABLE, period, receipts.department, CASES_TABLE.c.area, CASES_TABLE.c.category)
    return asked.where(
        receipts.event == "refused", receipts.outcome == "accepted",
        receipts.decided_at >= period.begin_ms, receipts.decided_at < period.end_ms,
    )  # fmt: skip


def _reopenings(period: FigurePeriod) -> Select[Any]:
    changes = CHANGES_TABLE.c
    columns: Sequence[Any] = (CASES_TABLE.c.department, CASES_TABLE.c.area, CASES_TABLE.c.category)
    return _with_case(CHANGES_TABLE, period, *columns).where(
        changes.reopens, changes.happened_at >= period.begin_ms, changes.happened_at < period.end_ms
    )
