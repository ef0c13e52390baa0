"""One SQLite file in the state directory: accounts, sessions, and the trail. Several processes of the web and commands share it."""

from __future__ import annotations

import os
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from hub.errors import FatalError
from hub.settings import Settings

_VERSION = 1
_BUSY_SECONDS = 20.0
_TABLES = """
create table accounts(
    name text primary key, roles text not null, department text, password text not null, must_change integer not null,
    disabled_ms integer, made_ms integer not null) strict;
create table sessions(
    digest text primary key, name text not null, outside text, began_ms integer not null, seen_ms integer not null,
    until_ms integer not null, address text not null) strict;
create index sessions_name on sessions(name);
create table logins(
    state text primary key, nonce text not null, verifier text not null, after text not null, until_ms integer not null) strict;
create table trail(
    number integer primary key, at_ms integer not null, who text not null, act text not null, previous text not null,
    digest text not null) strict;
create trigger trail_stays before delete on trail begin select raise(abort, 'the trail is only added to'); end;
create trigger trail_as_it_was before update on trail begin select raise(abort, 'the trail is only added to'); end;
"""


def access_path(settings: Settings) -> Path:
    """Where the file lies."""
    return settings.state_dir / "web" / "access.sqlite"


def first_password_path(access_path: Path) -> Path:
    """Where the first user's password lies until they have chosen another, for the owner alone to read."""
    return access_path.with_name("first-password")


class AccessFile:
    """Made if it is not there, for its owner alone to read. Raises FatalError where it cannot be, or is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reads, self._writes = threading.Lock(), threading.Lock()
        try:
            _make(path)
            self._reader, self._writer = _connected(path), _connected(path)
            with self.reading() as connection:
                _require_version(connection, path)
        except (OSError, sqlite3.Error) as error:
            raise FatalError(
                f"{path} cannot be used ({error}); put back a copy, or move it away and begin anew"
            ) from None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """What is committed. Raises FatalError if it cannot be read: then nobody is let in."""
        with self._reads, self._errors():
            yield self._reader

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, which no other process writes beside; on disk at its end, or taken back. May wait: not on a loop."""
        with self._writes, self._errors():
            self._writer.execute("begin immediate")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("rollback")
                raise
            self._writer.execute("commit")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise FatalError(f"{self.path} cannot be used: {error}") from error

    def close(self) -> None:
        self._reader.close()
        self._writer.close()


@contextmanager
def opened_file(settings: Settings) -> Iterator[AccessFile]:
    """For a command."""
    with closing(AccessFile(access_path(settings))) as file:
        yield file


def _connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _make(path: Path) -> None:
    """Whole at once, or not at all: several processes may begin together. XXX: SQLite's change to WAL waits for nobody."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"{path.name}.{uuid.uuid4().hex}.new")
    os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        with closing(_connected(fresh)) as connection:
            connection.execute("pragma journal_mode=wal")  # readers do not wait for who writes
            for statement in _statements(_TABLES):
                connection.execute(statement)
            connection.execute(f"pragma user_version = {_VERSION}")
        with suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        fresh.unlink()


def _require_version(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("pragma user_version").fetchone()
    if version != _VERSION:
        raise FatalError(
            f"{path} is of version {version} and this program's is {_VERSION}; use the program that made it"
        )


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines():
        statement += f"{line}\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
