"""The trail 审计链 where it is kept: added to by whoever acts, in the web and by commands."""

from __future__ import annotations

import getpass
import json
import socket
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from hub.clock import wall_ms
from hub.settings import Settings
from hub.web.access.chain import AuditedAct, Head, TrailEntry, appended
from hub.web.access.file import AccessFile, opened_file

_PAGE = 1_000
LAST_ENTRIES = 50_000
"""So far back is looked for what was said a moment ago."""


def note_acts(connection: sqlite3.Connection, who: str, acts: Sequence[AuditedAct]) -> Head:
    """Add acts within a transaction of `AccessFile.writing`: they are in the trail with all else that it writes, or not at all."""
    head = _head(connection)
    for act in acts:
        entry = appended(head, wall_ms(), who, act)
        head = Head(entry.number, entry.digest)
        connection.execute(
            "insert into trail(number, at_ms, who, act, previous, digest) values(?, ?, ?, ?, ?, ?)",
            (entry.number, entry.at_ms, who, json.dumps(act, ensure_ascii=True), entry.previous, entry.digest),
        )
    return head


def trail_entries(file: AccessFile) -> Iterator[TrailEntry]:
    """All of them in order, as they lie there: whether they hold is for `chain.verified` to say."""
    after = 0
    while True:
        with file.reading() as connection:
            rows = connection.execute(
                "select number, at_ms, who, act, previous, digest from trail where number > ? order by number limit ?",
                (after, _PAGE),
            ).fetchall()
        for row in rows:
            after = row[0]
            yield _entry(row)
        if len(rows) < _PAGE:
            return


def acts_named(file: AccessFile, prefix: str, after: int = 0) -> Iterator[TrailEntry]:
    """Those behind entry `after` whose name begins so, in order."""
    with file.reading() as connection:
        rows = connection.execute(
            "select number, at_ms, who, act, previous, digest from trail where number > ? and substr(act, 1, ?) = ? "
            "order by number",
            (after, len(prefix) + 2, f'["{prefix}'),
        ).fetchall()
    yield from map(_entry, rows)


def last_entries(file: AccessFile, text: str) -> list[TrailEntry]:
    """Those of the last `LAST_ENTRIES` whose act has this text in it, in order."""
    with file.reading() as connection:
        rows = connection.execute(
            "select number, at_ms, who, act, previous, digest from trail "
            "where number > (select max(number) from trail) - ? and instr(act, ?) order by number", (LAST_ENTRIES, text),
        ).fetchall()  # fmt: skip
    return [_entry(row) for row in rows]


def _entry(row: tuple[Any, ...]) -> TrailEntry:
    number, at_ms, who, act, previous, digest = row
    return TrailEntry(number, at_ms, who, AuditedAct(*json.loads(act)), previous, digest)


def note_command(settings: Settings, *acts: AuditedAct) -> None:
    """What an operator does by a command, noted before it is done, under who they are to this machine."""
    with opened_file(settings) as file, file.writing() as connection:
        note_acts(connection, operator_name(), acts)


def operator_name() -> str:
    """Who types a command: their user and machine."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def _head(connection: sqlite3.Connection) -> Head:
    row = connection.execute("select number, digest from trail order by number desc limit 1").fetchone()
    return Head(*row) if row else Head()
