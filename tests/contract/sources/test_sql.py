"""A source of the kind `sql` keeps the contract."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from hub.sdk.contract import Context
from hub.sdk.sources.sql.config import SqlConfig
from hub.sdk.sources.sql.source import SqlSource
from hub.testing.conformance import Bench, SourceConformance


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

        config = SqlConfig(
            url=f"sqlite:///{file}",
            table="requests",
            cursor="number",
            key=("id",),
            overlap_numbers=10,
            page_rows=3,
            once=True,
        )
        live = config.model_copy(update={"once": False})

        def strange(name: str) -> None:
            with sqlite3.connect(file) as database:
                database.execute(f"alter table requests add column {name} text default '!'")
            database.close()
            add(1)

        return Bench(
            lambda: SqlSource(config, Context("works")),
            add,
            strange=strange,
            live=lambda: SqlSource(live, Context("works")),
        )
