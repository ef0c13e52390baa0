"""A database whose disk is full says so: whoever reads the log is to make room, and not to look at the network."""

from __future__ import annotations

import sqlite3

from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from hub.sdk.access.databases import next_step


def test_a_full_disk_is_called_that_and_nothing_of_a_row_is_quoted() -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        connection.execute(text("create table t (a text)"))
        connection.execute(text("pragma max_page_count = 3"))
        try:
            connection.execute(text("insert into t values (:a)"), {"a": "what somebody wrote " * 5000})
        except OperationalError as error:
            said = str(next_step(error, "ledger"))
    engine.dispose()
    assert said == "ledger: the disk of the database is full (OperationalError, SQLITE_FULL); make room there"


def test_another_failure_names_its_code() -> None:
    original = sqlite3.OperationalError("what somebody wrote")
    original.sqlite_errorname = "SQLITE_IOERR_WRITE"
    said = str(next_step(OperationalError("insert", {}, original), "ledger"))
    assert said == "ledger: the database does not answer (OperationalError, SQLITE_IOERR_WRITE)"
