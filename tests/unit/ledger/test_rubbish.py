"""Whatever lies in the topics that the ledger reads: it goes on, and only what is no record, or no database takes, is left out."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import URL

from hub.clock import CALENDAR, ClockKind
from hub.ledger.database import Database
from hub.ledger.feed import Feed
from hub.ledger.reading import FactReader
from hub.ledger.store import LedgerStore
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.kafka.record import KafkaRecord
from hub.stream.kafka.standpoint import Standpoint
from hub.stream.numbers import PartitionPlace
from hub.web.board.watching import wall_parts
from tests.mutations import CODEC, REGISTRY, examples, odd
from tests.unit.ledger.conftest import sqlite_ledger
from tests.unit.ledger.made_up import READER, records, rows_of

TOPICS = {
    "hub.cases": "CaseChange", "hub.deadlines": "DeadlineEvent", "hub.erasures": "Erasure", "dept.roads.orders": "Order",
    "dept.roads.receipts": "Receipt", "city.hotline.replies": "Reply",
}  # fmt: skip
LONG = "".join(map(chr, random.Random(1).sample(range(0x4E00, 0x9F00), 5000)))
"""More than PostgreSQL has in a row of an index, however it packs it."""


class Handed:
    """What a consumer has read, and how far the ledger is."""

    def __init__(self, records: Sequence[KafkaRecord]) -> None:
        self.records = list(records)
        self.positions: dict[PartitionPlace, Standpoint] = {}

    def read(self) -> tuple[list[KafkaRecord], dict[PartitionPlace, Standpoint]]:
        after = {(each.topic, each.partition): Standpoint(each.offset + 1) for each in self.records}
        return self.records, after

    def standpoint(self, place: PartitionPlace, offset: int) -> Standpoint:
        return Standpoint(offset)


def taken(database: Database, records: Sequence[KafkaRecord]) -> Mapping[PartitionPlace, Standpoint]:
    """By a feed's turn, as by one that has begun anew. Raises what would end it, or have it try for ever."""
    store = LedgerStore(database)
    handed: Any = Handed(records)
    handed.positions.update(store.positions())
    Feed(Settings(), FactReader(REGISTRY, Codec(REGISTRY)), store, threading.Event())._turn(handed)
    return store.positions()


def record(topic: str, offset: int, changes: Mapping[str, Any]) -> KafkaRecord:
    subject = f"cityhub.{TOPICS[topic]}"
    known = examples(REGISTRY.latest(subject))[0]
    return KafkaRecord(topic, 0, offset, 0, CODEC.encode_one(subject, {**known, **changes}))


@pytest.fixture(scope="module")
def reused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = sqlite_ledger(tmp_path_factory.mktemp("rubbish") / "reused.sqlite")
    yield database
    database.close()


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32))
def test_it_goes_on_over_records_that_nobody_means(reused: Database, seed: int) -> None:
    LedgerStore(reused).empty()
    chance, made = random.Random(seed), []
    for offset in range(12):
        topic = chance.choice(list(TOPICS))
        schema = REGISTRY.latest(f"cityhub.{TOPICS[topic]}")
        value = CODEC.encode_one(schema.subject, odd(chance.choice(examples(schema)), schema, chance))
        made.append(KafkaRecord(topic, 0, offset, 0, value))
    ends = {(each.topic, 0): Standpoint(each.offset + 1) for each in made}
    assert taken(reused, made) == ends


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_one_record_costs_itself_at_most(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = (
        URL.create("sqlite", database=str(tmp_path / "ledger.sqlite"))
        if kind == "sqlite"
        else request.getfixturevalue("server")
    )
    database = Database(url)
    database.migrate()
    LedgerStore(database).empty()
    (clock, *_) = next(each["clocks"] for each in examples(REGISTRY.latest("cityhub.CaseChange")) if each["clocks"])
    link = {"score": 1.0, "distance_m": 0.0, "apart_seconds": 0.0, "reasons": []}
    bad: list[tuple[str, Mapping[str, Any]]] = [
        ("hub.cases", {"case_id": "NO-REASON", "link": link}),
        ("hub.cases", {"case_id": "NUL", "co_handlers": ["a\0"], "clocks": [{**clock, "clock": "a\0", "unit": "\0"}]}),
        ("hub.cases", {"case_id": "NEVER", "opened_at": 1 << 62}),
        ("hub.cases", {"case_id": "NOWHERE", "lat": float("nan"), "link": {**link, "score": float("inf")}}),
        ("hub.cases", {"case_id": "HALF", "lat": 34.0, "lon": None, "over": False, "clocks": [clock]}),
        ("hub.cases", {"case_id": LONG}),
        ("hub.deadlines", {"case_id": "NEVER", "started_at": 1 << 62, "due_at": 1 << 62}),
        ("hub.deadlines", {"case_id": "LONG", "clock": LONG}),
        ("dept.roads.receipts", {"case_id": "NUL\0", "said": "a\0", "update_id": LONG}),
        ("city.hotline.replies", {"case_id": "NUL", "status": "a\0", "source_ref": LONG}),
        ("hub.erasures", {"source_ref": LONG}),
    ]
    good = [("hub.cases", {"case_id": f"GOOD-{number}"}) for number in range(2)]
    made = [record(topic, offset, changes) for offset, (topic, changes) in enumerate([good[0], *bad, good[1]])]
    ends = {(each.topic, 0): Standpoint(each.offset + 1) for each in made}
    try:
        assert taken(database, made) == ends
        there = {row["case_id"] for row in rows_of(database, "cases")}
        assert there >= {"GOOD-0", "GOOD-1", "NUL", "NO-REASON"}
        assert not there & {"NEVER", "NOWHERE"}
        with database.transaction() as connection:
            for name in ("cases", "clocks", "changes", "notices", "receipts", "replies"):
                connection.exec_driver_sql(f"select * from bi_{name}").fetchall()
            parts = wall_parts(ClockKind.WALL)
            assert {part.name: part.ask(connection, CALENDAR.most, "dispatch_desk") for part in parts}["numbers"]
    finally:
        database.close()


def test_all_that_the_hub_writes_is_readable() -> None:
    assert READER.read(records()).foreign == 0
