"""Where the ledger lies: SQLite in the state directory, or PostgreSQL by setting; brought to this program's tables when opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event, inspect
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from hub.errors import FatalError
from hub.ledger.tables import METADATA
from hub.ledger.views import drop_views, make_views
from hub.sdk.access.databases import UnfitError, is_unfit, next_step
from hub.settings import Settings, variable

_MIGRATIONS = Path(__file__).with_name("migrations")
_KINDS = ("sqlite", "postgresql")
_BUSY_SECONDS = 30
_WRITES = "cityhub_writes"
_CACHE_KB = 16_384
"""Of SQLite's pages, for each connection: a process that serves pages has several, and what they keep is counted once for each."""
_ONE_WRITER = 0x6369_7479_6875_62
"""Of all databases' locks, the one that writers of a ledger take."""


def address_of(settings: Settings) -> URL:
    """The setting's, or a file in the state directory. Raises FatalError for what is no address, or of another database."""
    if settings.ledger_url is None:
        return URL.create("sqlite", database=str(settings.state_dir / "ledger" / "ledger.sqlite"))
    try:
        url = make_url(settings.ledger_url)
    except ArgumentError:
        url = None
    if url is None or url.get_backend_name() not in _KINDS:
        raise FatalError(
            f"{variable('ledger_url')}: write it as postgresql+psycopg://user@host/database or sqlite:///path"
        )
    if url.password is not None:
        raise FatalError(f"{variable('ledger_url')} holds a password; give it by {variable('ledger_password')}")
    password = settings.ledger_password
    return url.set(password=password.get_secret_value()) if password is not None else url


class Database:
    """One ledger's. Every error of SQLAlchemy leaves as one of the hub's that says what happens next (hub.sdk.errors)."""

    def __init__(self, url: URL, *, lasts: bool = True) -> None:
        """`lasts`: whether it has to outlive this process, and so reaches the disk; of SQLite."""
        self.url = url
        self._engine = _made(url, lasts=lasts)

    @property
    def kind(self) -> str:
        """sqlite or postgresql."""
        return self._engine.dialect.name

    @property
    def shown(self) -> str:
        """Where it is, without the password."""
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def transaction(self, *, writes: bool = False) -> Iterator[Connection]:
        """Committed at its end, or taken back. One that writes says so: SQLite has it wait for others that do.

        Raises UnfitError for a row that the database does not take, else what hub.sdk.errors names.
        """
        with _hub_errors(self.shown), self._engine.connect() as connection:
            connection.execution_options(**{_WRITES: writes})
            with connection.begin():
                yield connection

    def migrate(self) -> None:
        """Have the tables of this program, making or changing them. Raises FatalError for those of a newer one."""
        if self.kind == "sqlite" and self.url.database:
            _make_folder(Path(self.url.database))
        with self.transaction(writes=True) as connection:
            config = Config()
            config.set_main_option("script_location", str(_MIGRATIONS))
            config.attributes["connection"] = connection
            drop_views(connection)
            _upgrade(config)
            make_views(connection)

    def make(self) -> None:
        """Make the tables in a file that no other program has had or will have: without the steps of those before it."""
        with self.transaction(writes=True) as connection:
            METADATA.create_all(connection)

    def require_there(self) -> None:
        """Raises FatalError where nobody has made the ledger yet."""
        path = Path(self.url.database or "")
        if self.kind == "sqlite" and not path.exists():
            raise FatalError(f"there is no ledger at {path} yet; `cityhub ledger run` keeps one, and `cityhub up` does")
        with self.transaction() as connection:
            if not inspect(connection).has_table("cases"):
                raise FatalError(f"{self.shown} has no ledger yet; `cityhub ledger run` makes it")

    def close(self) -> None:
        self._engine.dispose()


def has_ledger(settings: Settings) -> bool:
    """Whether one is to be had: a file that is there, or a database that somebody has named."""
    url = address_of(settings)
    return url.get_backend_name() != "sqlite" or Path(url.database or "").exists()


@contextmanager
def opened_ledger(settings: Settings) -> Iterator[Database]:
    """The ledger of these settings, which must be there, for whoever reads it."""
    database = Database(address_of(settings))
    try:
        database.require_there()
        yield database
    finally:
        database.close()


@contextmanager
def _hub_errors(where: str) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        if is_unfit(error):
            raise UnfitError(type(getattr(error, "orig", error)).__name__) from None
        raise next_step(error, f"ledger {where}") from None


def _upgrade(config: Config) -> None:
    from alembic.util import CommandError

    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise FatalError(
            f"the ledger was made by a newer program, or is none: {error}; use that program, or name another place"
        ) from None


def _make_folder(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _made(url: URL, *, lasts: bool) -> Engine:
    arguments: dict[str, Any] = {"connect_timeout": _BUSY_SECONDS}
    if url.get_backend_name() == "sqlite":
        arguments = {"timeout": _BUSY_SECONDS, "check_same_thread": False}
    try:
        engine = create_engine(url, connect_args=arguments, hide_parameters=True)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise FatalError(
            f"{variable('ledger_url')}: such databases cannot be opened here ({type(error).__name__}); "
            "pip install 'cityhub[sql]' brings the driver of PostgreSQL"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepared if lasts else _prepared_for_now)
    event.listen(engine, "begin", _begun if engine.dialect.name == "sqlite" else _begun_alone)
    return engine


def _prepared(connection: Any, _record: Any) -> None:
    """Readers do not stop the writer. After a power cut the last commits may be gone, rows and positions together: they are read
    again. XXX: the driver begins no transaction before DDL by itself, so `_begun` does."""
    connection.isolation_level = None
    for pragma in ("journal_mode=wal", "synchronous=normal", f"cache_size=-{_CACHE_KB}", "temp_store=memory"):
        connection.execute(f"pragma {pragma}")


def _prepared_for_now(connection: Any, record: Any) -> None:
    """Nothing waits for the disk: what is written by then is nobody's once this process is gone."""
    _prepared(connection, record)
    connection.execute("pragma synchronous=off")


def _begun(connection: Connection) -> None:
    connection.exec_driver_sql("begin immediate" if connection.get_execution_options().get(_WRITES) else "begin")


def _begun_alone(connection: Connection) -> None:
    """XXX: a row that one has read must not be written back over what another has taken out of it meanwhile."""
    if connection.get_execution_options().get(_WRITES):
        connection.exec_driver_sql(f"select pg_advisory_xact_lock({_ONE_WRITER})")
