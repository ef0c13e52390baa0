"""A database of a test's own, of either kind, which notes each row that is written as often as it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from hub.sdk.sink_contract import SinkContext
from hub.sdk.sinks.sql.sink import SqlSettings, SqlSink
from hub.sdk.streams import Stream

_NOTED = {
    "sqlite": """
create table noted (number integer primary key autoincrement, id text);
create trigger put after insert on cityhub_orders begin insert into noted (id) values (new.order_id); end;
create trigger changed after update on cityhub_orders begin insert into noted (id) values (new.order_id); end;
""",
    "postgres": """
create table noted (number bigserial, id text);
create function note() returns trigger as $$
  begin insert into noted (id) values (new.order_id); return new; end
$$ language plpgsql set search_path from current;
create trigger noted after insert or update on cityhub_orders for each row execute function note();
""",
}


@dataclass
class Database:
    url: str
    kind: str
    connect: Callable[[], Any]
    schema: str | None = None

    @property
    def settings(self) -> dict[str, Any]:
        return {"url": self.url} | ({"schema": self.schema} if self.schema else {})

    def sink(self, *streams: Stream, **settings: Any) -> SqlSink:
        config = SqlSettings.model_validate(self.settings | settings)
        return SqlSink(config, SinkContext("ledger", streams=frozenset(streams or Stream)))

    def run(self, statement: str) -> list[Any]:
        connection = self.connect()
        try:
            if ";" in statement and self.kind == "sqlite":
                connection.executescript(statement)
                return []
            found = connection.execute(statement)
            rows = list(found.fetchall()) if found.description else []
            connection.commit()
        finally:
            connection.close()
        return rows

    def note_orders(self) -> None:
        """From now on `noted` has each order as often as it is written."""
        sink = self.sink()
        sink.connect()
        sink.close()
        self.run(_NOTED[self.kind])

    def noted(self) -> list[str]:
        return [row[0] for row in self.run("select id from noted order by number")]


def sqlite(file: Path) -> Database:
    return Database(f"sqlite:///{file}", "sqlite", lambda: sqlite3.connect(file, timeout=60))


def postgres_schema(server: str, name: str) -> Database:
    """A schema of a server is as good as a database of one's own."""
    with psycopg.connect(server) as connection:
        connection.execute(f"create schema {name}")
    options = f"options=-csearch_path%3D{name}"
    url = server.replace("postgresql:", "postgresql+psycopg:")
    return Database(url, "postgres", lambda: psycopg.connect(f"{server}&{options}"), name)
