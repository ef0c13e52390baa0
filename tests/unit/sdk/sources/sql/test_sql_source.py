"""The source of tables on SQLite and PostgreSQL: nothing lost when transactions commit in the other order, nor when killed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.sdk.contract import Context
from hub.sdk.errors import AuthError, ConfigurationError, TransientError
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import Manifest, load_manifest
from hub.sdk.running.positions import PositionFile
from hub.sdk.running.runner import Run, RunnerOptions
from hub.sdk.running.status import Board
from hub.sdk.scaffold.folder import scaffold
from hub.sdk.sources.sql.config import SqlConfig
from hub.sdk.sources.sql.source import SqlSource
from hub.sdk.sources.sql.values import at_time, kept_value, less, like, value_of
from hub.testing.source_suite import KilledError, MemoryPublisher
from tests.postgres import postgres

pytestmark = pytest.mark.process

Execute = Callable[..., None]
_COLUMNS = "id, action, time, category, title, caller, updated"
ROW = ("new", "2026/1/6 8:00:00", "roads.pothole", "Pothole", "Li Lei")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = scaffold("works_by_test", tmp_path_factory.mktemp("connectors"))
    mapping = folder / "mappings" / "demo.yaml"
    text = mapping.read_text("utf-8").replace("  revision: revision", "  revisions: none")
    for name in ("urgency", "place", "text"):
        text = "\n".join(line for line in text.splitlines() if not line.startswith(f"  {name}:"))
    mapping.write_text(text.replace("#", "  #") + "\n", "utf-8")
    return load_manifest(folder)


class Database:
    """One table `requests` of invented rows, on either kind of database."""

    def __init__(self, url: str, connect: Callable[[], Any], mark: str, serial: str) -> None:
        self.url, self._connect, self._mark = url, connect, mark
        with self.transaction() as run:
            run("drop table if exists requests")
            run(
                f"create table requests (number {serial}, id text, action text, time text, category text, title text, caller text,"
                " updated timestamp)"
            )

    def transaction(self) -> Any:
        return _Transaction(self._connect(), self._mark)

    def insert(self, *numbers: int, updated: str = "2026-01-06 08:00:00") -> None:
        with self.transaction() as run:
            for number in numbers:
                insert(run, number, updated)


class _Transaction:
    """Commits at its end. Calling it executes a statement."""

    def __init__(self, connection: Any, mark: str) -> None:
        self.connection, self._mark = connection, mark

    def __call__(self, statement: str, *values: Any) -> None:
        self.connection.execute(statement.replace("?", self._mark), values)

    def commit(self) -> None:
        self.connection.commit()
        self.connection.close()

    def __enter__(self) -> _Transaction:
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        if kind is None:
            self.commit()
        else:
            self.connection.close()


def insert(run: Execute, number: int, updated: str = "2026-01-06 08:00:00") -> None:
    run(f"insert into requests ({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?)", f"N-{number}", *ROW, updated)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as address:
        yield address


@pytest.fixture(name="postgres")
def _postgres(server: str) -> Database:
    return Database(
        server.replace("postgresql:", "postgresql+psycopg:"), lambda: psycopg.connect(server), "%s", "bigserial"
    )


@pytest.fixture
def sqlite(tmp_path: Path) -> Database:
    file = tmp_path / "works.db"
    return Database(f"sqlite:///{file}", lambda: sqlite3.connect(file), "?", "integer primary key autoincrement")


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Database)
    return found


BY_NUMBER = {"cursor": "number", "key": ["id"], "overlap_numbers": 50}
BY_TIME = {"cursor": "updated", "key": ["id"], "overlap_minutes": 10}


def source_of(manifest: Manifest, database: Database, **more: Any) -> tuple[SqlSource, MappingSet]:
    made = {"url": database.url, "table": "requests", "once": True, "page_rows": 3, "timeout_seconds": 60}
    intake = MappingSet(manifest)
    context = Context(manifest.domain, intake.outcome, intake.mapping)
    return SqlSource(SqlConfig.model_validate(made | more), context), intake


class Reading:
    """One source with its position: `run` is a sweep, `restart` a new process."""

    def __init__(self, manifest: Manifest, database: Database, folder: Path, **more: Any) -> None:
        self._make = lambda: source_of(manifest, database, **more)
        self._file = PositionFile(folder / "p.json")
        self.restart()

    def restart(self) -> None:
        self._source, self._intake = self._make()

    def run(self, publisher: MemoryPublisher | None = None) -> list[str]:
        """The references that one sweep sends."""
        publisher = publisher or MemoryPublisher()
        options = RunnerOptions(checkpoint_rows=1, stop=publisher.stop)
        Run(self._source, self._intake, self._file, options, publisher, Board("test", "test", None)).run()
        return [event.source_ref for event in publisher.events]


def names(*numbers: int) -> list[str]:
    return [f"N-{number}" for number in numbers]


@pytest.mark.parametrize("how", [BY_NUMBER, BY_TIME], ids=["number", "time"])
def test_what_is_there_and_what_comes_is_read_once(
    how: dict[str, Any], database: Database, manifest: Manifest, tmp_path: Path
) -> None:
    reading = Reading(manifest, database, tmp_path, **how)
    assert reading.run() == []
    database.insert(*range(7))
    assert reading.run() == names(*range(7)), "in pages of three, all with the same time"
    assert reading.run() == []
    database.insert(7, 8)
    assert reading.run() == names(7, 8)


@pytest.mark.parametrize("how", [BY_NUMBER, BY_TIME], ids=["number", "time"])
def test_after_a_restart_the_overlap_comes_again_and_nothing_is_lost(
    how: dict[str, Any], database: Database, manifest: Manifest, tmp_path: Path
) -> None:
    reading = Reading(manifest, database, tmp_path, **how)
    database.insert(*range(4))
    reading.run()
    database.insert(4)
    reading.restart()
    again = reading.run()
    assert "N-4" in again
    assert again == sorted(again)


def test_an_update_is_seen_where_the_cursor_grows_with_it(
    database: Database, manifest: Manifest, tmp_path: Path
) -> None:
    reading = Reading(manifest, database, tmp_path, **BY_TIME)
    database.insert(*range(5))
    reading.run()
    with database.transaction() as run:
        run("update requests set title = ?, updated = ? where id = ?", "Filled", "2026-01-06 09:00:00", "N-2")
    assert reading.run() == ["N-2"]


TRANSACTIONS = {"number": BY_NUMBER, "time": BY_TIME}


@pytest.mark.parametrize("how", TRANSACTIONS)
def test_two_transactions_that_commit_in_the_other_order_lose_nothing(
    how: str, postgres: Database, manifest: Manifest, tmp_path: Path
) -> None:
    reading = Reading(manifest, postgres, tmp_path, **TRANSACTIONS[how])
    first, second = postgres.transaction(), postgres.transaction()
    insert(first, 1, "2026-01-06 08:00:00")
    insert(second, 2, "2026-01-06 08:00:05")
    second.commit()
    assert reading.run() == ["N-2"]
    first.commit()
    assert reading.run() == ["N-1"]
    assert reading.run() == []


def test_behind_the_horizon_they_come_in_their_order_and_none_twice(
    postgres: Database, manifest: Manifest, tmp_path: Path
) -> None:
    with postgres.transaction() as run:
        run("alter table requests add column tx xid8 default pg_current_xact_id()")
    reading = Reading(manifest, postgres, tmp_path, cursor="tx", key=["id"], behind_horizon=True)
    first, second = postgres.transaction(), postgres.transaction()
    insert(first, 1)
    insert(second, 2)
    second.commit()
    assert reading.run() == [], "an open transaction is not overtaken"
    first.commit()
    assert reading.run() == ["N-1", "N-2"]
    reading.restart()
    assert reading.run() == []
    postgres.insert(*range(3, 12))
    reading.restart()
    assert sorted(reading.run()) == sorted(names(*range(3, 12)))


def test_a_cursor_alone_would_lose_a_row_and_is_refused(postgres: Database) -> None:
    first, second = postgres.transaction(), postgres.transaction()
    insert(first, 1)
    insert(second, 2)
    second.commit()
    with psycopg.connect(postgres.url.replace("+psycopg", "")) as reader:
        newest = reader.execute("select max(number) from requests").fetchone()
        first.commit()
        assert newest is not None
        found = reader.execute("select id from requests where number > %s", newest).fetchall()
    assert found == [], "the trap itself: N-1 is there and nobody sees it"
    with pytest.raises(ValueError, match="a cursor alone loses what is committed late"):
        SqlConfig(url=postgres.url, table="requests", cursor="number", key=("id",))


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(times=st.lists(st.integers(0, 3), min_size=1, max_size=12), die_at=st.integers(0, 12), by_time=st.booleans())
def test_killed_anywhere_nothing_is_lost(
    times: list[int], die_at: int, by_time: bool, manifest: Manifest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("kill")
    file = folder / "works.db"
    database = Database(f"sqlite:///{file}", lambda: sqlite3.connect(file), "?", "integer primary key autoincrement")
    for number, minute in enumerate(times):
        database.insert(number, updated=f"2026-01-06 08:{minute:02d}:00")
    reading = Reading(manifest, database, folder, **(BY_TIME if by_time else BY_NUMBER))
    killed = MemoryPublisher(die_at=die_at)
    if die_at < len(times):
        with pytest.raises(KilledError):
            reading.run(killed)
    arrived = [event.source_ref for event in killed.events[: killed.acknowledged]]
    reading.restart()
    resumed = reading.run()
    assert set(arrived) | set(resumed) == set(names(*range(len(times))))
    assert not set(arrived[:-1]) & set(resumed) or die_at >= len(times), "a sweep goes on behind what was acknowledged"


def test_a_row_dated_ahead_hides_nothing(database: Database, manifest: Manifest, tmp_path: Path) -> None:
    reading = Reading(manifest, database, tmp_path, **BY_TIME)
    database.insert(1, updated="2099-01-01 00:00:00")
    reading.run()
    database.insert(2, updated="2098-01-01 00:00:00")
    assert reading.run() == ["N-2"]


def test_a_position_stays_small_however_many_rows(sqlite: Database, manifest: Manifest, tmp_path: Path) -> None:
    reading = Reading(manifest, sqlite, tmp_path, **{**BY_NUMBER, "page_rows": 5000})
    sqlite.insert(*range(20_000))
    assert len(reading.run()) == 20_000
    assert (tmp_path / "p.json").stat().st_size < 1_000


def test_a_place_in_time_to_begin_from(database: Database, manifest: Manifest, tmp_path: Path) -> None:
    database.insert(1, updated="2026-01-06 08:00:00")
    database.insert(2, updated="2026-01-06 10:00:00")
    source, _ = source_of(manifest, database, **BY_TIME)
    position = source.position_at(1_767_693_600_000)  # 2026-01-06 10:00 UTC
    source.connect(position)
    assert [item.values["id"] for item in source.read(1).items if item.values] == ["N-2"]
    source.close()
    with pytest.raises(ConfigurationError, match="no position for a time"):
        source_of(manifest, database, **BY_NUMBER)[0].position_at(0)


def test_check_says_what_is_there_and_what_is_missing(database: Database, manifest: Manifest) -> None:
    database.insert(1)
    with database.transaction() as run:
        run(f"insert into requests ({_COLUMNS}) values (?, ?, ?, ?, ?, ?, null)", "N-9", *ROW)
    said = source_of(manifest, database, **BY_TIME)[0].check()
    assert "number, id, action" in said
    assert "1 rows without updated are never read" in said
    for more, lacking in (
        ({"table": "reqeusts"}, "no such database, table or column"),
        ({"cursor": "updatde"}, r"no column updatde \(read by the settings\)"),
    ):
        with pytest.raises(ConfigurationError, match=lacking):
            source_of(manifest, database, **{**BY_TIME, **more})[0].check()
    with database.transaction() as run:
        run("alter table requests drop column category")
    with pytest.raises(ConfigurationError, match=r"no column category \(read by the mapping\)"):
        source_of(manifest, database, **BY_TIME)[0].connect(None)


def test_reading_changes_nothing(sqlite: Database, manifest: Manifest, tmp_path: Path) -> None:
    nowhere = Database.__new__(Database)
    nowhere.url = f"sqlite:///{tmp_path / 'none.db'}"
    with pytest.raises(ConfigurationError, match="no such database"):
        source_of(manifest, nowhere, **BY_TIME)[0].check()
    assert not (tmp_path / "none.db").exists()


def test_refused_and_away_are_told_apart_and_nothing_is_quoted(
    postgres: Database, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_BY_TEST", "s3cr3t-by-test")
    with postgres.transaction() as run:
        run("do $$ begin create role stranger login; exception when duplicate_object then null; end $$")
    stranger = Database.__new__(Database)
    stranger.url = postgres.url.replace("user=postgres", "user=stranger")
    assert "stranger" in stranger.url
    with pytest.raises(AuthError, match="refuses"):
        source_of(manifest, stranger, **BY_TIME, password="env:KEY_BY_TEST")[0].check()
    stranger.url = "postgresql+psycopg://nobody@127.0.0.1:9/none"
    with pytest.raises(TransientError, match="does not answer") as caught:
        source_of(manifest, stranger, **BY_TIME, password="env:KEY_BY_TEST")[0].check()
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"url": "postgresql+psycopg://a:s3cr3t@host/db", "overlap_minutes": 1}, "give it under password"),
        ({"url": "sqlite:///x", "behind_horizon": True}, "is PostgreSQL's"),
        ({"url": "not a url", "overlap_minutes": 1}, "write it as"),
        ({"url": "sqlite:///x", "overlap_minutes": 1, "password": "s3cr3t"}, "env:NAME"),
    ],
)
def test_what_cannot_be_meant_is_refused_unseen(more: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        SqlConfig.model_validate({"table": "t", "cursor": "c", "key": ["k"], **more})
    assert "s3cr3t" not in str(caught.value)


@given(st.one_of(st.integers(), st.text(), st.datetimes(), st.dates(), st.decimals(allow_nan=False), st.uuids()))
def test_what_a_position_keeps_is_what_it_was(value: Any) -> None:
    assert value_of(kept_value(value)) == value


@given(
    st.datetimes(min_value=datetime(1990, 1, 1)),  # noqa: DTZ001
    st.sampled_from([" ", "T"]),
    st.booleans(),
)
def test_texts_of_times_keep_their_form_and_order(moment: Any, separator: str, micro: bool) -> None:
    example = like(moment, f"2026-01-06{separator}08:00:00{'.000000' if micro else ''}")
    earlier = less(example, 5, None)
    assert earlier < example
    assert len(earlier) == len(example)
    assert at_time(example, 0, ZoneInfo("UTC"))[10] == separator
