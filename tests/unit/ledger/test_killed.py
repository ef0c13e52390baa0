"""Killed in the middle of its work: each record counts once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from hub.ledger.database import Database
from hub.ledger.store import LedgerStore
from hub.settings import ROOT
from tests.processes import line_with, started
from tests.unit.ledger.conftest import sqlite_ledger
from tests.unit.ledger.made_up import Tables, put, records, tables_of

pytestmark = pytest.mark.crash
_PROGRAM = """
import sys
from sqlalchemy.engine import make_url
from hub.ledger.database import Database
from hub.ledger.store import LedgerStore
from tests.unit.ledger.made_up import put, records

store, stored = LedgerStore(Database(make_url(sys.argv[1]))), records()
for start in range(0, len(stored), 3):
    put(store, stored[start : start + 3])
    print(f"put {start}", flush=True)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if request.param == "sqlite":
        return sqlite_ledger(tmp_path / "ledger.sqlite")
    url: URL = request.getfixturevalue("server")
    made = Database(url)
    made.migrate()
    LedgerStore(made).empty()
    return made


def test_killed_in_the_middle_and_gone_on_with_it_has_each_record_once(database: Database, expected: Tables) -> None:
    url = database.url.render_as_string(hide_password=False)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with started([sys.executable, "-c", _PROGRAM, url], env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line_with(process.stdout, "put 60\n", 120)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(60)
    assert tables_of(database) != expected
    put(LedgerStore(database), records())
    assert tables_of(database) == expected
    database.close()
