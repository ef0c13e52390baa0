"""The source of a table or view: sweep after sweep, rows in order of (cursor, key), behind the horizon or with an overlap."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar, NoReturn
from zoneinfo import ZoneInfo

import xxhash
from pydantic import Field, ValidationError
from sqlalchemy import TextClause, bindparam, column, create_engine, func, literal_column, select, table, text, tuple_
from sqlalchemy.engine import Engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.sql import ColumnElement, Select

from hub.errors import FatalError
from hub.sdk.access.databases import next_step
from hub.sdk.contract import Batch, Context, Item, KeptPosition, Position, Source, json_values
from hub.sdk.errors import ConfigurationError, PositionLostError, TransientError
from hub.sdk.sources.sql.config import SqlConfig
from hub.sdk.sources.sql.values import Kept, at_time, kept_value, less, not_ahead, readable, value_of

_MOST_REMEMBERED = 200_000


class QueryPosition(KeptPosition):
    """The position. `since`: the newest cursor of the sweep before; `at`: cursor and key of the last row of the sweep at work."""

    since: Kept | None = None
    at: list[Kept] | None = None
    sweeps: int = Field(0, ge=0)


class SqlSource(Source):
    """Updates are seen where the cursor grows with them; a row that was deleted is not."""

    Config: ClassVar[type[SqlConfig]] = SqlConfig
    version = 1

    def __init__(self, config: SqlConfig, context: Context) -> None:
        super().__init__(config, context)
        self._engine: Engine | None = None
        self._columns: list[str] = []
        self._place = QueryPosition()
        self._before: set[bytes] = set()
        self._now: set[bytes] = set()
        self._zone = ZoneInfo(config.time_zone)
        self._row = 0

    @property
    def system(self) -> str:
        return f"{self.config.url}#{self.config.table}"

    @property
    def reads(self) -> frozenset[str]:
        return frozenset((self.config.cursor, *self.config.key))

    def check(self) -> str:
        """Raises ConfigurationError also for columns that the mapping reads and the table lacks."""
        self.connect(None)
        try:
            cursor: ColumnElement[Any] = column(self.config.cursor)
            without = select(func.count()).select_from(self._table).where(cursor.is_(None))
            count = self._all(without)[0][0]
            said = f"table {self.config.table} has the columns {', '.join(self._columns)}"
            return f"{said}; {count:,} rows without {self.config.cursor} are never read" if count else said
        finally:
            self.close()

    def connect(self, position: Position | None) -> None:
        try:
            place = QueryPosition() if position is None else QueryPosition.model_validate(position)
        except ValidationError as error:
            raise PositionLostError(f"{self.context.domain}: the position is none of a table") from error
        self.close()
        if place != self._place:  # else it is where it was left, and what was read till then is acknowledged
            self._before, self._now = set(), set()
        self._place = place
        self._engine = self._made()
        try:
            self._columns = self._require_columns()
        except (FatalError, TransientError):
            self.close()
            raise

    def read(self, timeout_seconds: float) -> Batch:
        rows = self._all(self._page())
        config, size = self.config, len(self.config.key)
        items = [item for row in rows if (item := self._item(row)) is not None]
        over = len(rows) < config.page_rows
        at = [kept_value(value) for value in rows[-1][: size + 1]] if rows else self._place.at
        if config.behind_horizon or not over:
            self._place = self._place.model_copy(update={"at": at})
        else:
            self._place = QueryPosition(since=self._swept(at), sweeps=self._place.sweeps + 1)
            self._before, self._now = self._now, set()
        after = self._place.model_dump(exclude_defaults=True)
        last = over and config.once
        return Batch(items, after or None, last, 0.0 if last or not over else config.every_seconds)

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def position_at(self, at_ms: int) -> Position | None:
        self.connect(None)
        try:
            example = self._all(select(func.max(column(self.config.cursor))).select_from(self._table))[0][0]
        finally:
            self.close()
        at = at_time(example, at_ms, self._zone)
        if at is None or self.config.behind_horizon:
            return super().position_at(at_ms)
        return QueryPosition(since=kept_value(at)).model_dump(exclude_defaults=True)

    # -- one page ------------------------------------------------------------------------------------------------------------------

    def _page(self) -> Select[Any]:
        config, place = self.config, self._place
        order: list[ColumnElement[Any]] = [column(name) for name in (config.cursor, *config.key)]
        # first what the position is made of, then the row
        statement = select(*order, *(column(name) for name in self._columns)).select_from(self._table)
        if place.at is not None:
            bound = [self._bound(name, value) for name, value in zip(("c", *config.key), place.at, strict=True)]
            statement = statement.where(tuple_(*order) > tuple_(*bound))
        elif place.since is not None:
            since = less(value_of(place.since), config.overlap_minutes, config.overlap_numbers)
            statement = statement.where(order[0] >= bindparam("since", since))
        else:
            statement = statement.where(order[0].is_not(None))
        if config.behind_horizon:
            statement = statement.where(order[0] < literal_column("pg_snapshot_xmin(pg_current_snapshot())"))
        return statement.order_by(*order).limit(config.page_rows)

    def _bound(self, name: str, value: Kept) -> ColumnElement[Any]:
        if name == "c" and self.config.behind_horizon:
            return literal_column(f"CAST('{int(str(value))}' AS xid8)")
        return bindparam(f"at_{name}", value_of(value))

    def _swept(self, last_row: list[Kept] | None) -> Kept | None:
        """From what the next sweep asks, less the overlap."""
        if last_row is None:
            return self._place.since
        return kept_value(not_ahead(value_of(last_row[0]), datetime.now(UTC), self._zone))

    def _item(self, row: Any) -> Item | None:
        """None if it is just as it was in this sweep or the one before."""
        self._row += 1
        values = dict(zip(self._columns, map(readable, row[len(self.config.key) + 1 :]), strict=True))
        digest = xxhash.xxh3_128_digest(repr(values).encode(errors="surrogatepass"))
        known = digest in self._before or digest in self._now
        if len(self._now) < _MOST_REMEMBERED:
            self._now.add(digest)
        return None if known else Item(json_values(values), f"table {self.config.table}", self._row, unit="row")

    # -- the database --------------------------------------------------------------------------------------------------------------

    @property
    def _table(self) -> Any:
        schema, _, name = self.config.table.rpartition(".")
        return table(name, schema=schema or None)

    def _require_columns(self) -> list[str]:
        """Those to read. Raises ConfigurationError naming what is missing, and who reads it."""
        there = self._keys(select(text("*")).select_from(self._table).limit(0))
        wanted = list(self.config.columns) or there
        mapped = self.context.mapping(None)
        read_by = dict.fromkeys((*self.config.columns, self.config.cursor, *self.config.key), "the settings")
        read_by |= {name: "the mapping" for name in (mapped.file_columns() if mapped else ()) if "." not in name}
        missing = [f"{name} (read by {who})" for name, who in read_by.items() if name not in there]
        if missing:
            raise ConfigurationError(
                f"table {self.config.table} has no column {', '.join(sorted(missing))}; it has {', '.join(there)}"
            )
        return wanted

    def _keys(self, statement: Select[Any]) -> list[str]:
        try:
            with self._connected.connect() as connection:
                return list(connection.execute(statement).keys())
        except SQLAlchemyError as error:
            self._raise(error)

    def _all(self, statement: Select[Any] | TextClause) -> list[Any]:
        try:
            with self._connected.connect() as connection:
                return list(connection.execute(statement).all())
        except SQLAlchemyError as error:
            self._raise(error)

    @property
    def _connected(self) -> Engine:
        if self._engine is None:
            raise ConfigurationError(f"{self.context.domain}: read before connect")
        return self._engine

    def _made(self) -> Engine:
        config, url = self.config, self.config.address
        arguments: dict[str, Any] = {}
        if url.get_backend_name() == "postgresql":
            milliseconds = round(config.timeout_seconds * 1000)
            options = f"-c statement_timeout={milliseconds} -c default_transaction_read_only=on"
            arguments = {"connect_timeout": max(1, round(config.timeout_seconds)), "options": options}
        try:
            return create_engine(url, connect_args=arguments, pool_size=1, max_overflow=0, hide_parameters=True)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise ConfigurationError(
                f"url: databases of this kind cannot be read here ({type(error).__name__})"
            ) from error

    def _raise(self, error: SQLAlchemyError) -> NoReturn:
        raise next_step(error, f"table {self.config.table}") from None
