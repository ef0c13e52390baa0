"""What sources and departments send by the hour, as the ledger has it: when one is silent, and what it leaves unanswered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from hub.clock import ClockKind
from hub.ledger.arrivals import GONE_HOURS, SHOWN_HOURS, department_arrivals, source_arrivals, unanswered_orders
from hub.ledger.database import Database
from hub.ledger.store import LedgerStore
from hub.ledger.tables import CASES_TABLE, CHANGES_TABLE, ORDERS_TABLE, RECEIPTS_TABLE
from hub.millis import DAY_MS, HOUR_MS, MINUTE_MS
from tests.unit.ledger.made_up import put
from tests.unit.web.board.city_days import BEGIN, city_ledger, city_records


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Database]:
    made = city_ledger(tmp_path)
    yield made
    made.close()


def _changes(ledger: Database, source: str, ats: list[int], **changes: Any) -> None:
    with ledger.transaction(writes=True) as connection:
        for number, at in enumerate(ats):
            row = {
                "case_id": f"{source}-{number}", "kafka_partition": 0, "kafka_offset": number, "change": "opened", "source": source,
                "happened_at": at, "written_at": at,
            }  # fmt: skip
            connection.execute(insert(CHANGES_TABLE).values(row | changes))


def _silent(ledger: Database, now_ms: int, clock: ClockKind = ClockKind.WALL) -> dict[str, bool]:
    with ledger.transaction() as connection:
        return {each.sender: each.silence.is_silent for each in source_arrivals(connection, now_ms, clock)}


@pytest.mark.parametrize("clock", ClockKind)
def test_sources_and_departments_that_stop_are_silent_once_that_is_no_chance(
    clock: ClockKind, ledger: Database
) -> None:
    put(LedgerStore(ledger), list(city_records(hours=40)))
    ended = BEGIN + 40 * HOUR_MS
    for arrivals in (source_arrivals, department_arrivals):
        with ledger.transaction() as connection:
            live = {each.sender: each for each in arrivals(connection, ended, clock)}
            days_later = {each.sender: each for each in arrivals(connection, ended + 6 * DAY_MS, clock)}
        usual = {name for name, each in live.items() if each.silence.known_days and sum(each.hours) > SHOWN_HOURS / 6}
        assert len(usual) >= 3
        assert not any(live[name].silence.is_silent for name in usual - {"petition"}), (
            "which falls silent in these hours"
        )
        assert all(days_later[name].silence.is_silent for name in usual)


def test_what_comes_late_is_no_silence_live(ledger: Database) -> None:
    """A file of yesterday's reports every morning, each of them dated when it was made."""
    with ledger.transaction(writes=True) as connection:
        rows = [
            {"case_id": f"{day}-{hour}", "kafka_partition": 0, "kafka_offset": hour, "change": "opened", "source": "file",
             "happened_at": BEGIN + (day - 1) * DAY_MS + hour * HOUR_MS, "written_at": BEGIN + day * DAY_MS}
            for day in range(20) for hour in range(24)
        ]  # fmt: skip
        connection.execute(insert(CHANGES_TABLE), rows)
    assert _silent(ledger, BEGIN + 19 * DAY_MS + 23 * HOUR_MS) == {"file": False}
    assert _silent(ledger, BEGIN + 24 * DAY_MS) == {"file": True}


def test_what_follows_from_others_is_no_word_of_the_source(ledger: Database) -> None:
    """Its cases go on being closed; it has said nothing for days."""
    _changes(ledger, "police", [BEGIN + minute * 20 * MINUTE_MS for minute in range(3 * 24 * 3)])
    now_ms = BEGIN + 5 * DAY_MS
    with ledger.transaction(writes=True) as connection:
        row = {"case_id": "police-0", "kafka_partition": 0, "kafka_offset": 999, "change": "closed", "source": "police"}
        connection.execute(insert(CHANGES_TABLE).values(row | {"happened_at": now_ms, "written_at": now_ms}))
    assert _silent(ledger, now_ms) == {"police": True}


def test_a_silence_of_two_months_is_one_still_and_one_of_a_quarter_is_the_end(ledger: Database) -> None:
    _changes(ledger, "police", [BEGIN + hour * HOUR_MS for hour in range(5 * 24)])
    assert _silent(ledger, BEGIN + 65 * DAY_MS) == {"police": True}
    assert _silent(ledger, BEGIN + 5 * DAY_MS + (GONE_HOURS + 24 * 28) * HOUR_MS) == {}


def test_orders_are_unanswered_until_their_department_says_something_of_the_case(ledger: Database) -> None:
    def order(case: str, at: int, kind: str = "assign", department: str = "roads") -> dict[str, Any]:
        where = {"kafka_partition": 0, "kafka_offset": at, "written_at": at}
        return {"case_id": case, "department": department, "order_id": f"{case}-{at}", "kind": kind} | where

    def case(name: str, state: str = "open", department: str = "roads") -> dict[str, Any]:
        return {"case_id": name, "state": state, "department": department}

    def receipt(name: str, at: int, department: str = "roads") -> dict[str, Any]:
        return {"case_id": name, "department": department, "kafka_partition": 0, "kafka_offset": at, "written_at": at}

    with ledger.transaction(writes=True) as connection:
        connection.execute(
            insert(CASES_TABLE),
            [
                case("NEW"),
                case("OLD"),
                case("DONE"),
                case("OVER", "over"),
                case("GONE", department="water"),
                case("AGAIN"),
            ],
        )
        connection.execute(
            insert(ORDERS_TABLE),
            [
                order("NEW", 50), order("OLD", 10), order("OLD", 20, "remind"), order("DONE", 10), order("OVER", 10),
                order("GONE", 10), order("AGAIN", 5), order("AGAIN", 30),
            ],
        )  # fmt: skip
        connection.execute(
            insert(RECEIPTS_TABLE), [receipt("DONE", 11), receipt("AGAIN", 6), receipt("OLD", 12, "power")]
        )
    with ledger.transaction() as connection:
        assert unanswered_orders(connection) == {"roads": (3, 10)}


def test_a_source_that_only_repeats_is_not_silent(ledger: Database) -> None:
    """Repeats are in no other table. They break a silence, and nothing is learnt from them: it is silent again once they end."""
    _changes(ledger, "police", [BEGIN + minute * MINUTE_MS for minute in range(9 * 24 * 60)])
    ended = BEGIN + 9 * DAY_MS
    assert _silent(ledger, ended + HOUR_MS) == {"police": True}
    LedgerStore(ledger).hear({"police": ended + HOUR_MS, "newcomer": ended})
    assert _silent(ledger, ended + HOUR_MS) == {"police": False}
    assert _silent(ledger, ended + HOUR_MS, ClockKind.DATA) == {"police": True}, "history is not heard live"
    assert _silent(ledger, ended + 2 * HOUR_MS) == {"police": True}
    LedgerStore(ledger).hear({"police": ended + 2 * HOUR_MS})
    assert _silent(ledger, ended + 2 * HOUR_MS) == {"police": False}
