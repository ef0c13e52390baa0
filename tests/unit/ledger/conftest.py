"""Ledgers that the tests of this folder share: of each kind one that all records were put into."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import URL, make_url

from hub.ledger.database import Database
from hub.ledger.store import LedgerStore
from tests.postgres import postgres
from tests.unit.ledger.made_up import Tables, put, records, tables_of


def sqlite_ledger(path: Path) -> Database:
    database = Database(URL.create("sqlite", database=str(path)))
    database.migrate()
    return database


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """All in one pass; not to be changed."""
    database = sqlite_ledger(tmp_path_factory.mktemp("whole") / "ledger.sqlite")
    put(LedgerStore(database), records())
    yield database
    database.close()


@pytest.fixture(scope="session")
def expected(whole: Database) -> Tables:
    return tables_of(whole)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Database]:
    """One with all records, to be changed."""
    database = sqlite_ledger(tmp_path / "ledger" / "ledger.sqlite")
    put(LedgerStore(database), records())
    yield database
    database.close()


@pytest.fixture(scope="session")
def server() -> Iterator[URL]:
    """A PostgreSQL, for the tests that need one."""
    with postgres() as address:
        yield make_url(address.replace("postgresql:", "postgresql+psycopg:"))
