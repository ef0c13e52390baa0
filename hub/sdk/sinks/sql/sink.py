"""Deliveries as rows: each batch is one transaction, which takes the sink's position along. So each has its effect exactly once."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, field_validator
from sqlalchemy import Connection, Table, create_engine, event, insert, inspect, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from hub.errors import FatalError
from hub.handed_out import handed_out
from hub.sdk.access.databases import DatabaseUrl, UnfitError, is_unfit, next_step
from hub.sdk.contract import Config
from hub.sdk.errors import ConfigurationError, TransientError
from hub.sdk.secrets import Secret
from hub.sdk.sink_contract import (
    Answer,
    Delivery,
    DeliveryBatch,
    DeliveryPlace,
    Never,
    Sink,
    SinkContext,
    SinkPositions,
)
from hub.sdk.sinks.sql.tables import TOPIC_ID, LackingColumns, SinkTables, require_fitting, stored_row

log = logging.getLogger(__name__)
_UPSERTS: dict[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


class SqlSettings(Config):
    """One database. Tables are called `<prefix><stream>`."""

    url: DatabaseUrl = Field(
        description="postgresql+psycopg://user@host/database or sqlite:///path, without a password"
    )
    password: Secret | None = None
    table_schema: str | None = Field(None, alias="schema", description="of the tables, if it is not the user's own")
    prefix: str = Field("cityhub_", pattern=r"^[a-z][a-z0-9_]{0,30}$|^$", description="of the tables' names")
    create: bool = Field(True, description="make tables that are not there; else they have to be")
    timeout_seconds: float = Field(60, gt=0, description="for one transaction")

    @field_validator("url")
    @classmethod
    def _can_upsert(cls, value: str) -> str:
        if make_url(value).get_backend_name() not in _UPSERTS:
            raise ValueError("rows are kept in PostgreSQL or SQLite")
        return value

    @property
    def address(self) -> URL:
        url = make_url(self.url)
        return url.set(password=self.password.get_secret_value()) if self.password else url


_SOME = 20
"""Rows of which one at least would be taken if it were about the rows."""


class SqlSink(Sink):
    """Each stream in a table of its own: a case as it is since its newest change, an update with its newest receipt."""

    Config: ClassVar[type[SqlSettings]] = SqlSettings
    remembers: ClassVar[bool] = True
    batch: ClassVar[int] = 1000

    def __init__(self, config: SqlSettings, context: SinkContext) -> None:
        super().__init__(config, context)
        self._tables = self._named()
        self._engine: Engine | None = None
        self._positions: SinkPositions = {}
        self._topic_ids: dict[DeliveryPlace, str] = {}
        self._sink = f"{context.namespace}{context.name}"

    def check(self) -> str:
        address = self._read_only()
        if address is None:
            return f"{self.config.address.database} is not there yet, and will be made"
        self._engine = self._made(address)
        try:
            with self._transaction(keep=False) as connection:
                there = self._there(connection)
                self._require_columns(connection, there)
            names = ", ".join(f"{each.name}{'' if each in there else ' (to be made)'}" for each in self._tables.all)
            return f"{self._engine.dialect.name} answers; tables {names}"
        finally:
            self.close()

    def connect(self) -> None:
        self.close()
        self._engine, self._tables = self._made(self.config.address), self._named()
        if self._engine.dialect.name == "sqlite":
            _make_file(self.config.address)
            event.listen(self._engine, "connect", _durable)
        try:
            with self._transaction() as connection:
                if self.config.create:
                    self._tables.metadata.create_all(connection)
                self._write_without(self._require_columns(connection, self._tables.all))
                self._positions = self._stored(connection)
        except (FatalError, TransientError):
            self.close()
            raise

    def positions(self) -> SinkPositions:
        with self._transaction() as connection:
            self._positions = self._stored(connection)
        return dict(self._positions)

    def topic_ids(self) -> Mapping[DeliveryPlace, str]:
        return dict(self._topic_ids)

    def write(self, batch: DeliveryBatch) -> Sequence[Answer] | None:
        try:
            with self._transaction() as connection:
                self._put(connection, batch.deliveries)
                self._move(connection, batch)
        except UnfitError:
            return self._answers(batch)
        self._positions |= batch.after
        return None

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    # -- rows ----------------------------------------------------------------------------------------------------------------------

    def _put(self, connection: Connection, deliveries: Sequence[Delivery]) -> None:
        for stream, table in self._tables.streams.items():
            rows = [stored_row(each, table) for each in deliveries if each.stream is stream]
            (key,) = table.primary_key
            newest = {row[key.name]: row for row in rows}
            if newest:
                connection.execute(self._upsert(connection, table, key.name), list(newest.values()))

    def _upsert(self, connection: Connection, table: Table, key: str) -> Any:
        statement = _UPSERTS[connection.dialect.name](table)
        others = {column.name: statement.excluded[column.name] for column in table.columns if column.name != key}
        return statement.on_conflict_do_update(index_elements=[key], set_=others)

    def _answers(self, batch: DeliveryBatch) -> Sequence[Answer]:
        """Which deliveries the database does not take, each tried alone; nothing of it stays."""
        answers = [self._answer(each) for each in batch.deliveries]
        if len(answers) >= _SOME and all(answers):
            raise ConfigurationError(
                "the database takes none of the rows: look at the types and constraints of its columns, or give another `prefix`"
            )
        if not any(answers):
            raise ConfigurationError("the database takes each row, and not all of them together")
        return answers

    def _answer(self, delivery: Delivery) -> Answer:
        try:
            with self._transaction(keep=False) as connection:
                self._put(connection, [delivery])
        except UnfitError as error:
            return Never(f"the database does not take its row ({error})")
        return None

    # -- positions -----------------------------------------------------------------------------------------------------------------

    def _stored(self, connection: Connection) -> SinkPositions:
        table = self._tables.positions
        rows = connection.execute(select(table).where(table.c.sink == self._sink)).mappings().all()
        named = {DeliveryPlace(row["topic"], row["partition"]): row for row in rows}
        self._topic_ids = {place: row.get(TOPIC_ID) or "" for place, row in named.items()}
        return {place: row["next_offset"] for place, row in named.items()}

    def _move(self, connection: Connection, batch: DeliveryBatch) -> None:
        """XXX: from where it was to where it is: a process that was taken for dead and still writes moves nothing, and its rows go
        with its transaction."""
        for place, offset in sorted(batch.after.items()):
            named = {"sink": self._sink, "topic": place.topic, "partition": place.partition}
            values = {"next_offset": offset, TOPIC_ID: batch.topic_ids.get(place)}
            if not self._moved(connection, named, self._positions.get(place), values):
                raise TransientError(
                    f"{self.context.name}: another process writes these rows; read anew from where it is"
                )

    def _moved(self, connection: Connection, named: dict[str, Any], before: int | None, values: dict[str, Any]) -> bool:
        table = self._tables.positions
        values = {name: value for name, value in values.items() if name in table.c}
        if before is None:
            try:
                connection.execute(insert(table).values(**named, **values))
            except IntegrityError:
                return False
            return True
        is_it = [table.c[name] == value for name, value in named.items()]
        statement = update(table).where(*is_it, table.c.next_offset == before).values(**values)
        return connection.execute(statement).rowcount == 1

    # -- the database --------------------------------------------------------------------------------------------------------------

    def _there(self, connection: Connection) -> list[Table]:
        inspector = inspect(connection)
        return [each for each in self._tables.all if inspector.has_table(each.name, each.schema)]

    def _require_columns(self, connection: Connection, tables: Sequence[Table]) -> LackingColumns:
        """What tables lack that were made before it. Raises ConfigurationError naming what else is missing."""
        there, inspector = self._there(connection), inspect(connection)
        lacking: set[tuple[str, str]] = set()
        for table in tables:
            if table not in there:
                raise ConfigurationError(f"there is no table {table.name}; make it, or leave `create` on")
            lacking |= require_fitting(inspector, table)
        return frozenset(lacking)

    def _write_without(self, lacking: LackingColumns) -> None:
        for table, name in sorted(lacking):
            log.info("%s: table %s has no column %s, and is written without it", self.context.name, table, name)
        self._tables = self._named(lacking)

    def _named(self, lacking: LackingColumns = frozenset()) -> SinkTables:
        return SinkTables.named(self.context.streams, self.config.prefix, self.config.table_schema, lacking)

    @contextmanager
    def _transaction(self, *, keep: bool = True) -> Iterator[Connection]:
        """Committed at its end, or taken back. Raises UnfitError for a row that cannot be, else what hub.sdk.errors names."""
        if self._engine is None:
            raise ConfigurationError(f"{self.context.name}: written before connect")
        try:
            with self._engine.connect() as connection:
                yield connection
                connection.commit() if keep else connection.rollback()
        except (OverflowError, UnicodeError) as error:  # of a driver, before it asks the database
            raise UnfitError(type(error).__name__) from None
        except SQLAlchemyError as error:
            if is_unfit(error):
                raise UnfitError(type(getattr(error, "orig", error)).__name__) from None
            raise next_step(error, self.context.name) from None

    def _read_only(self) -> URL | None:
        """For looking only: SQLite would make a file where there is none. None if there is none."""
        url: URL = self.config.address
        if url.get_backend_name() != "sqlite" or not url.database:
            return url
        if not Path(url.database).exists():
            if not Path(url.database).parent.is_dir():
                raise ConfigurationError(f"there is no folder {Path(url.database).parent}")
            return None
        read_only: URL = url.set(database=f"file:{url.database}", query={"mode": "ro", "uri": "true"})
        return read_only

    def _made(self, url: URL) -> Engine:
        seconds = self.config.timeout_seconds
        arguments: dict[str, Any] = {"timeout": seconds}
        if url.get_backend_name() == "postgresql":
            options = f"-c statement_timeout={round(seconds * 1000)}"
            arguments = {"connect_timeout": max(1, round(seconds)), "options": options}
        try:
            return create_engine(url, connect_args=arguments, pool_size=1, max_overflow=0, hide_parameters=True)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise ConfigurationError(f"url: such databases cannot be written here ({type(error).__name__})") from error


def _make_file(url: URL) -> None:
    """SQLite would make its file for everybody on the machine. What stands in the way, SQLite says when it opens it.

    A file that is there is not opened: closing it would take away the locks that SQLite holds on it for the whole process, a
    source that reads the same file included, and another program would then put its journal away under what is written.
    """
    if url.database and url.database != ":memory:" and not url.database.startswith("file:"):
        with suppress(OSError):
            open(url.database, "xb", opener=handed_out).close()


def _durable(connection: Any, _record: Any) -> None:
    """A commit is on the disk, and readers do not stop writers."""
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")
