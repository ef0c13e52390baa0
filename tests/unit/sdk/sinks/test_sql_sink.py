"""Rows on SQLite and PostgreSQL: each delivery exactly once, over kills; tables made or checked; and the contract."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from hub.sdk.errors import AuthError, ConfigurationError, TransientError
from hub.sdk.sink_contract import Delivery, DeliveryBatch, DeliveryPlace, Never
from hub.sdk.sinks.rows import STREAM_COLUMNS, TIME_COLUMNS
from hub.sdk.sinks.sql.sink import SqlSettings, SqlSink
from hub.sdk.streams import Stream
from hub.settings import ROOT
from hub.testing.sink_conformance import SinkBench, SinkConformance
from hub.testing.sinks import NOON_MS, change, notice, order, reply
from tests.postgres import away, postgres
from tests.processes import started
from tests.unit.sdk.sinks.databases import Database, postgres_schema, sqlite
from tests.waiting import wait_for

pytestmark = pytest.mark.process

_LIMIT_SECONDS = 120.0
_ORDERS = 90
_schemas = itertools.count()
PLACE = DeliveryPlace("dept.roads.orders", 0)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if request.param == "sqlite":
        return sqlite(tmp_path / "ledger.db")
    return postgres_schema(request.getfixturevalue("server"), f"t{next(_schemas)}")


def batch(*deliveries: Delivery) -> DeliveryBatch:
    return DeliveryBatch(deliveries, {each.place: each.offset + 1 for each in deliveries})


def written(sink: SqlSink, *deliveries: Delivery) -> None:
    sink.connect()
    try:
        assert not any(sink.write(batch(*deliveries)) or ())
    finally:
        sink.close()


class TestContract(SinkConformance):
    @pytest.fixture
    def bench(self, database: Database, request: pytest.FixtureRequest) -> SinkBench:
        database.note_orders()

        @contextmanager
        def unreachable() -> Iterator[None]:
            server = request.getfixturevalue("server")
            away(server, True)
            yield
            away(server, False)

        return SinkBench(
            make=database.sink,
            arrived=database.noted,
            poison=lambda offset: unfit(offset, database),
            away=None if database.kind == "sqlite" else unreachable,
            cannot={"away": "a database in a file is there, or its setting is wrong: nothing else is said of it"},
        )


def unfit(offset: int, database: Database) -> Delivery:
    """One that the database has no row for."""
    made = order(offset, "C-9")
    priority = 2**70 if database.kind == "sqlite" else 2**40
    return type(made)(**{**vars(made), "values": {**made.values, "priority": priority}})


def test_what_is_written_stays_though_a_source_of_the_same_process_reads_the_file(tmp_path: Path) -> None:
    """A file of SQLite that this process opens and closes by itself is locked for nobody of the process any more."""
    path = tmp_path / "office.db"
    database = sqlite(path)
    database.run("create table answers (id)")
    with closing(database.connect()) as source:
        source.execute("pragma journal_mode=wal")
        assert source.execute("select id from answers").fetchall() == []
        sink = database.sink(Stream.ORDERS)
        sink.connect()
        assert elsewhere(path, "select count(*) from cityhub_orders") == "0"
        assert not any(sink.write(batch(order(0, "C-1"))) or ())
        assert elsewhere(path, "select count(*) from cityhub_orders") == "1"
        sink.close()


def elsewhere(path: Path, query: str) -> str:
    """What another program reads."""
    read = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(c.execute(sys.argv[2]).fetchone()[0]); c.close()"
    )
    done = subprocess.run([sys.executable, "-c", read, str(path), query], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_an_id_that_is_too_long_for_an_index_costs_its_own_row(server: str) -> None:
    database = postgres_schema(server, f"t{next(_schemas)}")
    long = "".join(map(chr, random.Random(1).sample(range(0x4E00, 0x9F00), 5000)))
    sink, bad = database.sink(), order(0)
    sink.connect()
    try:
        bad = replace(bad, values={**bad.values, "order_id": long})
        answers = sink.write(batch(bad, order(1)))
        assert answers is not None
        assert isinstance(answers[0], Never)
        assert answers[1] is None
    finally:
        sink.close()


def test_each_stream_has_its_table_and_the_newest_of_a_case_stands(database: Database) -> None:
    written(database.sink(), order(0), reply(0), notice(0), change(0), change(1, kind="CLOSED"), change(2, "C-2"))
    (row,) = database.run("select order_id, case_id, department, kind, content from cityhub_orders")
    assert tuple(row[:4]) == ("O-0", "C-1", "roads", "ASSIGN")
    content = row[4] if isinstance(row[4], dict) else json.loads(row[4])
    assert content["issued_at"] == NOON_MS
    assert [tuple(row) for row in database.run("select case_id, change from cityhub_cases order by case_id")] == [
        ("C-1", "CLOSED"), ("C-2", "OPENED"),
    ]  # fmt: skip
    assert database.run("select count(*) from cityhub_notices where kind = 'WARNED'")[0][0] == 1
    assert database.run("select text from cityhub_replies")[0][0] == "A crew is on its way."


def made_orders(database: Database, key: str = "order_id text primary key", more: str = "") -> None:
    """The table of orders as its owner made it."""
    written(database.sink(Stream.ORDERS))  # the others stand as the hub makes them
    kinds = {"priority": "integer", "content": "jsonb" if database.kind == "postgres" else "json"}
    names = [name for name in STREAM_COLUMNS[Stream.ORDERS][1:] if name not in ("lat", "lon")] + ["content"]
    columns = [f"{name} {kinds.get(name, 'timestamptz' if name in TIME_COLUMNS else 'text')}" for name in names]
    columns += ["lat double precision", "lon double precision"]
    where = f"{database.schema}." if database.schema else ""
    database.run(f"drop table {where}cityhub_orders")
    database.run(f"create table {where}cityhub_orders ({', '.join([key, *columns])}{more})")


@pytest.mark.parametrize(
    ("key", "more", "said"),
    [
        ("order_id text primary key", ", district text not null", "wants a value in district"),
        ("order_id text", "", "order_id is not its primary key, nor unique"),
        ("id integer primary key, order_id text", "", r"order_id is not its primary key|wants a value in id"),
    ],
)
def test_a_table_that_cannot_hold_what_is_written_is_said_before_the_first_row(
    key: str, more: str, said: str, database: Database
) -> None:
    made_orders(database, key, more)
    for refused in (database.sink(Stream.ORDERS).connect, database.sink(Stream.ORDERS).check):
        with pytest.raises(ConfigurationError, match=said):
            refused()


@pytest.mark.parametrize(
    ("key", "more"),
    [
        ("order_id text primary key", ", district text, seen integer not null default 0"),
        ("order_id text not null unique", ""),
        ("order_id text", ", constraint one unique (order_id)"),
    ],
)
def test_a_table_of_others_with_more_columns_is_written(key: str, more: str, database: Database) -> None:
    made_orders(database, key, more)
    written(database.sink(Stream.ORDERS), order(0), order(1))
    assert database.run("select count(*) from cityhub_orders")[0][0] == 2


def test_a_table_that_takes_no_row_at_all_is_no_fault_of_the_rows(database: Database) -> None:
    made_orders(database, more=", constraint never check (order_id = 'none')")
    sink = database.sink(Stream.ORDERS)
    sink.connect()
    try:
        with pytest.raises(ConfigurationError, match="takes none of the rows"):
            sink.write(batch(*map(order, range(20))))
    finally:
        sink.close()


def resolved(number: int) -> Delivery:
    """A reply that says what the case came to."""
    bare = reply(number, status="RESOLVED")
    return replace(bare, values={**bare.values, "outcome": "mediated"})


def test_what_a_case_came_to_has_a_column(database: Database) -> None:
    written(database.sink(Stream.REPLIES, Stream.RECEIPTS), resolved(0))
    assert [tuple(row) for row in database.run("select status, outcome from cityhub_replies")] == [
        ("RESOLVED", "mediated")
    ]
    assert database.run("select said_outcome, said_until from cityhub_receipts") == []


def test_a_table_made_before_a_column_came_is_written_without_it_until_it_is_added(database: Database) -> None:
    written(database.sink(Stream.REPLIES, Stream.RECEIPTS))
    where = f"{database.schema}." if database.schema else ""
    database.run(f"alter table {where}cityhub_replies drop column outcome")
    sink = database.sink(Stream.REPLIES, Stream.RECEIPTS)
    assert "cityhub_replies" in sink.check()
    written(sink, resolved(0), resolved(1))
    written(sink, resolved(2))  # connected again
    assert database.run("select count(*) from cityhub_replies where status = 'RESOLVED'")[0][0] == 3
    database.run(f"alter table {where}cityhub_replies add column outcome text")
    written(sink, resolved(3))
    assert [row[0] for row in database.run("select outcome from cityhub_replies order by reply_id")] == [None] * 3 + [
        "mediated"
    ]


def test_times_are_times(database: Database) -> None:
    written(database.sink(), order(0))
    ((found,),) = database.run("select issued_at from cityhub_orders")
    said = found if isinstance(found, str) else found.astimezone(UTC).isoformat(" ")
    assert said.startswith("2026-03-02 04:00:00")


def test_positions_made_before_topics_had_ids_are_kept_without(database: Database) -> None:
    written(database.sink(), order(0))
    database.run("alter table cityhub_positions drop column topic_id")
    written(database.sink(), order(1))
    sink = database.sink()
    sink.connect()
    assert (sink.positions(), sink.topic_ids()) == ({PLACE: 2}, {PLACE: ""})
    sink.close()
    database.run("alter table cityhub_positions add topic_id text")
    sink.connect()
    sink.positions()
    sink.write(replace(batch(order(2)), topic_ids={PLACE: "id"}))
    assert (sink.positions(), sink.topic_ids()) == ({PLACE: 3}, {PLACE: "id"})
    sink.close()


def test_what_is_in_doubt_changes_nothing(database: Database) -> None:
    """Two processes hold the same sink, one of them taken for dead: it writes a batch that the other has written."""
    first, second = database.sink(), database.sink()
    first.connect()
    second.connect()
    first.positions(), second.positions()
    second.write(batch(order(0)))
    newer = order(0, kind="WITHDRAW")
    with pytest.raises(TransientError, match="another process"):
        first.write(batch(newer))
    assert database.run("select kind from cityhub_orders") == [("ASSIGN",)]
    first.close()
    second.close()


def test_an_unfit_row_is_told_and_nothing_of_the_batch_stays(database: Database) -> None:
    sink = database.sink()
    sink.connect()
    answers = sink.write(batch(order(0), unfit(1, database)))
    assert answers is not None
    assert answers[0] is None
    assert isinstance(answers[1], Never)
    assert str(2**40) not in answers[1].why
    assert database.run("select count(*) from cityhub_orders")[0][0] == 0
    assert sink.positions() == {}
    sink.close()


def test_tables_may_have_to_be_there(database: Database) -> None:
    sink = database.sink(create=False)
    with pytest.raises(ConfigurationError, match="there is no table cityhub_"):
        sink.connect()
    sink.close()
    database.run("create table cityhub_orders (order_id text primary key)")
    with pytest.raises(ConfigurationError, match="cityhub_orders has no column address, area"):
        database.sink().connect()


def test_check_makes_nothing(database: Database) -> None:
    said = database.sink(Stream.ORDERS).check()
    assert "will be made" in said or "cityhub_orders (to be made)" in said
    written(database.sink(), order(0))
    assert "cityhub_orders" in database.sink(Stream.ORDERS).check()


def test_who_may_not_write_is_told_apart_from_who_is_away(server: str, tmp_path: Path) -> None:
    database = postgres_schema(server, f"t{next(_schemas)}")
    database.run(f"create role reader{next(_schemas)} login")
    (role,) = database.run("select rolname from pg_roles where rolname like 'reader%'")[0]
    config = database.settings | {"url": database.url.replace("user=postgres", f"user={role}")}
    with pytest.raises((AuthError, ConfigurationError), match="SQLSTATE"):
        SqlSink(SqlSettings.model_validate(config), database.sink().context).connect()
    gone = {"url": f"postgresql+psycopg:///postgres?host={tmp_path}&user=postgres"}
    with pytest.raises(TransientError, match="does not answer"):
        SqlSink(SqlSettings.model_validate(gone), database.sink().context).connect()


_PROGRAM = """
import json, sys, threading
from hub.sdk.sink_contract import SinkContext
from hub.sdk.sinks.in_order import InOrder
from hub.sdk.sinks.sql.sink import SqlSettings, SqlSink
from hub.sdk.running.status import Board
from hub.testing.sink_conformance import MemoryLetters
from hub.testing.sinks import MemoryReader, order

stop = threading.Event()
SqlSink.batch = 3
sink = SqlSink(SqlSettings.model_validate(json.loads(sys.argv[1])), SinkContext("ledger"))
orders = [order(n, f"C-{n % 7}") for n in range(int(sys.argv[2]))]
ended = stop.set if sys.argv[3] == "ends" else lambda: None
InOrder(sink, lambda: MemoryReader(orders, ended=ended), MemoryLetters(), Board("s", "s", None), stop).run()
"""


def test_killed_again_and_again_each_order_is_written_once(database: Database) -> None:
    database.note_orders()
    command = [sys.executable, "-c", _PROGRAM, json.dumps(database.settings)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    # the first is given a part of the orders and waits for more, so that no delay here lets it come to the end
    with started([*command, str(_ORDERS // 2), "waits"], env=environment) as process:
        wait_for(lambda: process.poll() is not None or len(database.noted()) >= 30, "it wrote nothing")
        assert process.poll() is None, "it ended by itself"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert len(database.noted()) < _ORDERS, "killed in the middle"
    with started([*command, str(_ORDERS), "ends"], env=environment) as process:
        assert process.wait(_LIMIT_SECONDS) == 0
    assert database.noted() == [f"O-{n}" for n in range(_ORDERS)]
    assert database.sink().context.name == "ledger"
    sink = database.sink()
    sink.connect()
    assert sink.positions() == {DeliveryPlace("dept.roads.orders", 0): _ORDERS}
    sink.close()
