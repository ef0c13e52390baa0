"""Figures of a period: by a slow second way, the balance from day to day, and parts that add up to the whole."""

from __future__ import annotations

from collections import Counter
from datetime import date
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert
from sqlalchemy.engine import URL

from hub.ledger.database import Database
from hub.ledger.figures import DIMENSIONS, FigurePeriod, Figures, PeriodFigures, figures
from hub.ledger.tables import CASES_TABLE, CHANGES_TABLE, CLOCKS_TABLE, RECEIPTS_TABLE
from hub.millis import DAY_MS, HOUR_MS
from tests.unit.ledger.made_up import NOON

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
FIRST = date(2026, 3, 1)
BEGIN = FigurePeriod.day(FIRST, SHANGHAI).begin_ms
NUMBERS = ("opened", "ended", "withdrawn", "timed", "in_time", "breached", "refused", "reopened", "open", "overdue")
moments = st.integers(-4, 16).map(lambda quarter: BEGIN + quarter * DAY_MS // 4)
"""Often just when a day begins, which is where mistakes are."""
case_rows = st.fixed_dictionaries(
    {
        "department": st.sampled_from(["roads", "water", None]),
        "area": st.sampled_from(["LT01", "LT02", None]),
        "category": st.sampled_from(["road.pothole", "water.burst"]),
        "opened_at": moments,
        "lasts": st.one_of(st.none(), st.integers(0, 12).map(lambda quarters: quarters * DAY_MS // 4)),
        "outcome": st.sampled_from(["resolved", "closed", "withdrawn"]),
        "clocks": st.lists(
            st.tuples(st.sampled_from(["accept", "resolve"]), st.one_of(st.none(), moments)), max_size=2,
            unique_by=lambda each: each[0],
        ),
        "refused_at": st.lists(moments, max_size=2),
        "reopened_at": st.lists(moments, max_size=1),
    }
)  # fmt: skip


def filled(cases: list[dict[str, Any]]) -> Database:
    database = Database(URL.create("sqlite"))  # in memory: one connection a thread
    database.make()
    with database.transaction(writes=True) as connection:
        for number, case in enumerate(cases):
            for table, rows in rows_of_case(f"C-{number}", case).items():
                if rows:
                    connection.execute(insert(table), rows)
    return database


def rows_of_case(case_id: str, case: dict[str, Any]) -> dict[Any, list[dict[str, Any]]]:
    ended = None if case["lasts"] is None else case["opened_at"] + case["lasts"]
    said = {name: case[name] for name in ("department", "area", "category", "opened_at")}
    return {
        CASES_TABLE: [
            said | {"case_id": case_id, "ended_at": ended, "state": "open" if ended is None else "over",
                    "outcome": None if ended is None else case["outcome"]}
        ],
        CLOCKS_TABLE: [
            {"case_id": case_id, "clock": clock, "policy": "p", "started_at": 0, "department": case["department"],
             "breached_at": breached, "ended_at": ended, "state": "running" if breached is None else "breached"}
            for clock, breached in case["clocks"]
        ],
        RECEIPTS_TABLE: [
            {"case_id": case_id, "department": "roads", "kafka_partition": 0, "kafka_offset": at, "event": "refused",
             "outcome": ("accepted", "not_allowed")[at], "decided_at": moment}
            for at, moment in enumerate(case["refused_at"])
        ],
        CHANGES_TABLE: [
            {"case_id": case_id, "kafka_partition": 0, "kafka_offset": at, "reopens": True, "happened_at": moment}
            for at, moment in enumerate(case["reopened_at"])
        ],
    }  # fmt: skip


def counted(database: Database, period: FigurePeriod) -> PeriodFigures:
    with database.transaction() as connection:
        return figures(connection, period)


def of_day(database: Database, day: int) -> PeriodFigures:
    return counted(database, FigurePeriod.day(date(2026, 3, day), SHANGHAI))


def slowly(cases: list[dict[str, Any]], period: FigurePeriod) -> Counter[str]:
    """What is counted, in so many words."""
    found = Counter[str]()
    for case in cases:
        ended = None if case["lasts"] is None else case["opened_at"] + case["lasts"]
        is_withdrawn = ended is not None and case["outcome"] == "withdrawn"
        found["opened"] += period.has(case["opened_at"])
        found["withdrawn"] += is_withdrawn and period.has(ended)
        breaches = [at for _, at in case["clocks"] if at is not None]
        if not is_withdrawn and period.has(ended):
            found["ended"] += 1
            resolve = [at for clock, at in case["clocks"] if clock == "resolve"]
            found["timed"] += bool(resolve)
            found["in_time"] += bool(resolve) and (resolve[0] is None or resolve[0] >= period.end_ms)
        if case["opened_at"] < period.end_ms and (ended is None or ended >= period.end_ms):
            found["open"] += 1
            found["overdue"] += any(at < period.end_ms for at in breaches)
        if case["opened_at"] < period.end_ms and (ended is None or ended >= period.begin_ms):
            found["breached"] += sum(map(period.has, breaches))
            found["refused"] += sum(map(period.has, case["refused_at"][:1]))
            found["reopened"] += sum(map(period.has, case["reopened_at"]))
    return found


@settings(max_examples=40, deadline=None)
@given(st.lists(case_rows, max_size=12))
def test_they_are_what_a_slow_count_gives_and_balance_from_day_to_day(cases: list[dict[str, Any]]) -> None:
    database = filled(cases)
    days = [of_day(database, day) for day in (1, 2, 3)]
    for found in days:
        expected = slowly(cases, found.period)
        assert {name: getattr(found.total, name) for name in NUMBERS} == {name: expected[name] for name in NUMBERS}
        assert (sum(found.opened), sum(found.ended)) == (found.total.opened, found.total.ended)
        assert len(found.total.hours) == found.total.ended
        for dimension in DIMENSIONS:
            for name in NUMBERS:
                assert sum(getattr(each, name) for each in found.by[dimension].values()) == getattr(found.total, name)
    for before, after in pairwise(days):
        total = after.total
        assert total.open == before.total.open + total.opened - total.ended - total.withdrawn
    database.close()


def test_what_runs_out_as_a_day_ends_is_of_the_next() -> None:
    case = {
        "department": "roads", "area": None, "category": "road.pothole", "opened_at": BEGIN, "lasts": 2 * DAY_MS,
        "outcome": "resolved", "clocks": [("resolve", BEGIN + DAY_MS)], "refused_at": [BEGIN + DAY_MS], "reopened_at": [],
    }  # fmt: skip
    database = filled([case])
    first, second, third = (of_day(database, day).total for day in (1, 2, 3))
    assert [(each.open, each.overdue, each.breached, each.refused, each.ended) for each in (first, second, third)] == [
        (1, 0, 0, 0, 0), (1, 1, 1, 1, 0), (0, 0, 0, 0, 1),
    ]  # fmt: skip
    assert (third.timed, third.in_time) == (1, 0)
    database.close()


def test_a_month_is_its_days(ledger: Database) -> None:
    month = counted(ledger, FigurePeriod.month(date(2026, 3, 1), SHANGHAI))
    days = [of_day(ledger, day) for day in range(1, 32)]
    assert month.total.opened == 9
    for name in ("opened", "ended", "withdrawn", "refused", "reopened"):
        assert getattr(month.total, name) == sum(getattr(each.total, name) for each in days), name
    assert month.opened == [each.total.opened for each in days]
    assert month.total.open == days[-1].total.open


def test_a_day_of_the_made_up_hub(ledger: Database) -> None:
    """2026-03-02, noon and after: who reads made_up.py can count it."""
    total = of_day(ledger, 2).total
    assert (total.opened, total.ended, total.withdrawn, total.refused, total.reopened) == (9, 1, 1, 1, 1)
    assert (total.timed, total.in_time, total.in_time_share) == (1, 1, 1.0)
    assert total.median_hours == pytest.approx(4.1)
    assert of_day(ledger, 2).by["department"]["water_supply"].refused == 1


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)])
def test_a_day_has_the_hours_that_it_has(day: date, hours: int) -> None:
    period = FigurePeriod.day(day, BERLIN)
    assert len(period.slots) - 1 == hours
    assert period.end_ms - period.begin_ms == hours * HOUR_MS


def test_bounds_belong_to_the_period_that_begins(ledger: Database) -> None:
    period = FigurePeriod.day(date(2026, 3, 2), SHANGHAI)
    assert period.has(period.begin_ms)
    assert not period.has(period.end_ms)
    assert not period.has(None)
    assert period.slot(period.begin_ms) == 0
    assert period.slot(period.end_ms - 1) == 23
    assert period.slot(NOON) == 12


def test_nothing_is_no_share() -> None:
    assert (Figures().in_time_share, Figures().median_hours) == (None, None)
