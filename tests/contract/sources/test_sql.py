"""A source of the kind `sql` keeps the contract."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from hub.sdk.contract import Context
from hub.sdk.sources.sql.config import SqlConfig
from hub.sdk.sources.sql.source import SqlSource
from hub.testing.conformance import Bench, SourceConformance
from tests.postgres import away, postgres

pytestmark = pytest.mark.process
NO_CALLS_OF_DATABASES = {
    "busy": "a database that has too many clients does not say for how long: it is away",
    "garble": "a row of a table has its columns, whatever stands in them",
    "slow": "queries have no budget: `every_seconds` and `page_rows` say how often and how much is asked",
}


def read_by_number(url: str, table: str) -> SqlConfig:
    return SqlConfig(url=url, table=table, cursor="number", key=("id",), overlap_numbers=10, page_rows=3, once=True)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as address:
        yield address


class TestSqlOnPostgres(SourceConformance):
    @pytest.fixture
    def bench(self, server: str, namespace: str) -> Bench:
        name = namespace.strip(".").replace("-", "_")

        def run(statement: str) -> None:
            with psycopg.connect(server) as database:
                database.execute(statement)  # type: ignore[call-overload]

        run(f"create table {name} (number bigserial primary key, id text default gen_random_uuid())")
        config = read_by_number(server.replace("postgresql:", "postgresql+psycopg:"), name)

        def add(count: int) -> None:
            run(f"insert into {name} select from generate_series(1, {count})")

        def strange(column: str) -> None:
            run(f"alter table {name} add column {column} text default '!'")
            add(1)

        return Bench(
            lambda: SqlSource(config, Context("works")),
            add,
            strange=strange,
            live=lambda: SqlSource(config.model_copy(update={"once": False}), Context("works")),
            away=lambda gone: away(server, gone),
            cannot=NO_CALLS_OF_DATABASES,
        )


class TestSql(SourceConformance):
    @pytest.fixture
    def bench(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
        file = tmp_path / "works.db"
        with sqlite3.connect(file) as made:
            made.execute("create table requests (number integer primary key, id text)")
        made.close()

        def add(count: int) -> None:
            with sqlite3.connect(file) as database:
                for _ in range(count):
                    database.execute("insert into requests (id) values (hex(randomblob(8)))")
            database.close()

        config = read_by_number(f"sqlite:///{file}", "requests")

        def strange(name: str) -> None:
            with sqlite3.connect(file) as database:
                database.execute(f"alter table requests add column {name} text default '!'")
            database.close()
            add(1)

        return Bench(
            lambda: SqlSource(config, Context("works")),
            add,
            strange=strange,
            live=lambda: SqlSource(config.model_copy(update={"once": False}), Context("works")),
            cannot=NO_CALLS_OF_DATABASES
            | {"away": "a database in a file is there, or its setting is wrong: nothing else is said of it"},
        )
