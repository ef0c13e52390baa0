"""Where the ledger lies: its tables by steps, its views for people, PostgreSQL as SQLite."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import URL

from hub.errors import FatalError
from hub.ledger.database import Database, address_of, opened_ledger
from hub.ledger.store import LedgerStore
from hub.ledger.tables import METADATA, PROJECTED
from hub.settings import Settings
from tests.unit.ledger.conftest import sqlite_ledger
from tests.unit.ledger.made_up import Tables, put, records, tables_of


def differences(database: Database) -> list[object]:
    with database.transaction() as connection, warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*expression-based index")
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [change for change in compare_metadata(context, METADATA) if "alembic_version" not in repr(change)]


def test_the_steps_lead_to_the_tables_of_the_program_and_twice_changes_nothing(tmp_path: Path) -> None:
    database = sqlite_ledger(tmp_path / "made" / "ledger.sqlite")
    assert differences(database) == []
    put(LedgerStore(database), records())
    before = tables_of(database)
    database.migrate()
    assert tables_of(database) == before
    assert (tmp_path / "made" / "ledger.sqlite").stat().st_mode & 0o077 == 0, "for the owner alone"
    database.close()


def test_a_ledger_of_a_newer_program_is_not_touched(tmp_path: Path) -> None:
    database = sqlite_ledger(tmp_path / "ledger.sqlite")
    with database.transaction(writes=True) as connection:
        connection.exec_driver_sql("update alembic_version set version_num = '9999'")
    with pytest.raises(FatalError, match="newer program"):
        database.migrate()
    database.close()


@pytest.fixture
def database(server: URL) -> Iterator[Database]:
    """Of PostgreSQL."""
    made = Database(server)
    made.migrate()
    yield made
    made.close()


def test_postgres_has_the_same_rows_after_batches_and_stops(database: Database, expected: Tables) -> None:
    store, stored = LedgerStore(database), records()
    for start in range(0, len(stored), 37):
        put(store, stored[start : start + 37])
        put(LedgerStore(database), stored[: start + 37])  # and once more, by another that keeps it
    assert tables_of(database) == expected
    assert differences(database) == []
    with database.transaction() as connection:
        for table in PROJECTED:
            rows = connection.exec_driver_sql(f'select count(*) from "台账_{table.comment}"').scalar_one()
            assert rows == len(expected[table.name])
        shown = connection.exec_driver_sql('select "立案时间" from "台账_案件" order by 1 limit 1').scalar_one()
    assert shown.isoformat().startswith("2026-03-02T")
    store.empty()
    assert tables_of(database) == {table.name: [] for table in PROJECTED}


def test_views_show_times_and_chinese_names(whole: Database) -> None:
    with whole.transaction() as connection:
        found = connection.exec_driver_sql('select "案件编号", "立案时间", "主办部门" from "台账_案件"').all()
        assert all(row[1].startswith("2026-03-02 ") for row in found)
        assert connection.exec_driver_sql("select count(opened_at) from bi_cases").scalar_one() == len(found)


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "postgresql+psycopg://user:secret@host/x"])
def test_an_address_that_cannot_be_used_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(FatalError, match="CITYHUB_LEDGER_") as caught:
        address_of(Settings(ledger_url=url))
    assert "secret" not in str(caught.value)


def test_a_ledger_that_nobody_keeps_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="ledger run"), opened_ledger(Settings(state_dir=tmp_path)):
        pass
    assert not list(tmp_path.iterdir()), "looking makes nothing"
