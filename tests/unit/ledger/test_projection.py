"""The ledger's rows are the same, however the records come to it: in which order of topics, in which batches, after which stops."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.ledger.database import Database
from hub.ledger.store import FencedError, LedgerStore
from hub.stream.kafka.record import KafkaRecord
from hub.stream.kafka.standpoint import Standpoint
from tests.unit.ledger.conftest import sqlite_ledger
from tests.unit.ledger.made_up import READER, Tables, put, records, refs_of, rows_of, tables_of


@pytest.fixture(scope="module")
def reused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = sqlite_ledger(tmp_path_factory.mktemp("ledgers") / "reused.sqlite")
    yield database
    database.close()


@st.composite
def orders_of_reading(draw: st.DrawFn) -> list[list[KafkaRecord]]:
    """Batches in which each partition stands in its order, and partitions in any."""
    by_place: dict[tuple[str, int], list[KafkaRecord]] = {}
    for record in records():
        by_place.setdefault((record.topic, record.partition), []).append(record)
    batches: list[list[KafkaRecord]] = [[]]
    left = {place: list(stored) for place, stored in by_place.items()}
    while left:
        place = draw(st.sampled_from(sorted(left)))
        taken = draw(st.integers(1, len(left[place])))
        batches[-1] += left[place][:taken]
        left[place] = left[place][taken:]
        if not left[place]:
            del left[place]
        if draw(st.booleans()):
            batches.append([])
    return [batch for batch in batches if batch]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(batches=orders_of_reading(), again=st.sets(st.integers(0, 40)))
def test_any_order_and_batching_and_any_stop_give_the_same_tables(
    reused: Database, expected: Tables, batches: list[list[KafkaRecord]], again: set[int]
) -> None:
    store = LedgerStore(reused)
    store.empty()
    for index, batch in enumerate(batches):
        put(store, batch)
        if index in again:  # as after a stop that nobody noticed: the same comes once more
            put(LedgerStore(reused), batch)
    assert tables_of(reused) == expected


def test_the_day_has_what_it_is_to_have(whole: Database) -> None:
    cases = rows_of(whole, "cases")
    assert {row["outcome"] for row in cases} >= {None, "resolved", "withdrawn"}
    assert {row["state"] for row in cases} == {"open", "over"}
    assert any(row["reports"] > 1 for row in cases), "some are linked"
    assert {row["change"] for row in rows_of(whole, "changes")} >= {"opened", "linked", "amended", "rerouted", "closed"}
    assert any(row["has_left"] for row in rows_of(whole, "reports")), "one was taken out again"
    assert any(row["reopens"] for row in rows_of(whole, "changes"))
    assert {row["state"] for row in rows_of(whole, "clocks")} >= {"met", "breached", "cancelled", "ended_late"}
    assert rows_of(whole, "dead_letters")


def test_what_is_over_has_nothing_due_and_what_is_open_has_its_first_due_time(whole: Database) -> None:
    clocks = rows_of(whole, "clocks")
    for case in rows_of(whole, "cases"):
        live = [
            clock["due_at"]
            for clock in clocks
            if clock["case_id"] == case["case_id"] and clock["state"] in ("running", "warned", "breached")
        ]
        assert case["due_at"] == (min(live, default=None) if case["state"] == "open" else None)
        if case["state"] == "over":
            assert not live, "a case that is over has no clock that runs"


def test_nobody_s_words_are_in_it(whole: Database) -> None:
    everything = repr(tables_of(whole))
    assert "Example" not in everything
    assert "Sample" not in everything
    assert "Lantern Street" in everything


def test_who_lost_the_positions_writes_nothing(whole: Database, expected: Tables) -> None:
    with pytest.raises(FencedError):
        LedgerStore(whole).write(READER.read(records()), {}, {("hub.cases", 0): Standpoint(99)}, {})
    assert tables_of(whole) == expected


def test_foreign_records_are_counted_and_left_out() -> None:
    facts = READER.read(
        [KafkaRecord("hub.cases", 0, 0, 1, b"rubbish"), KafkaRecord("hub.cases", 0, 1, 1, None), *records()]
    )
    assert (facts.foreign, facts.records) == (2, len(records()) + 2)
    assert facts.rows["changes"] == READER.read(records()).rows["changes"]


def test_every_report_is_in_the_case_that_has_it(whole: Database) -> None:
    current = {(row["source"], row["ref"]) for row in rows_of(whole, "reports") if not row["has_left"]}
    assert {ref for _, ref in current} >= refs_of(rows_of(whole, "cases"))
