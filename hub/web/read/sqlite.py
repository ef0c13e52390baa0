"""The read model in SQLite: one writer (who reads the topics) and many readers (who answer), in a file for this process alone."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hub.topics import OWN_SOURCE
from hub.web.read.cursor import PageCursor, cursor_behind, position_of
from hub.web.read.model import CaseState, DepartmentRecord, OwnStatement, ShownClock, SourceReply, StatementQuery

_MOST_BYTES = 4 * 2**20
"""Of one page of orders."""
_TABLES = """
create table told(topic text, part integer, off integer, at integer, body text, primary key(topic, part, off));
create table ends(topic text, part integer, off integer, primary key(topic, part));
create table cases(
    case_id text primary key, category text, urgency text, area text, department text, opened_at integer, changed_at integer,
    reports integer, is_over integer, written_at integer);
create table handlers(department text, case_id text, primary key(department, case_id));
create index handlers_case on handlers(case_id);
create table reports(source text, ref text, case_id text, written_at integer, primary key(source, ref));
create table clocks(
    case_id text, clock text, due_at integer, state text, written_at integer, primary key(case_id, clock));
create table answers(
    reply_id text primary key, source text, ref text, department text, status text, at integer, text text,
    written_at integer);
create index answers_ref on answers(source, ref);
create index answers_at on answers(source, written_at);
create table statements(
    ref text primary key, first_at integer, changed_at integer, category text, lat real, lon real, body text);
create table erased(source text, ref text, until_ms integer, primary key(source, ref));
create index statements_at on statements(first_at);
"""
_CASE = "case_id, category, urgency, area, department, opened_at, changed_at, reports, written_at, is_over"
_ANSWER = "reply_id, source, ref, department, status, at, text, written_at"


class SqliteModel:
    """A `ReadModel`. `writing` belongs to the thread that feeds it; each thread that asks has a connection of its own."""

    def __init__(self, path: Path) -> None:
        """Makes the file, which must not be there. Nothing in it outlives the process: the topics are the truth."""
        self._writer = _connected(path)
        self._writer.executescript("pragma journal_mode=wal; pragma synchronous=off;" + _TABLES)
        self._path, self._own = path, threading.local()
        self._readers: list[sqlite3.Connection] = []
        self.is_ready = False

    def close(self) -> None:
        """Once nobody asks any more."""
        for reader in self._readers:
            reader.close()
        self._writer.close()

    @property
    def _reader(self) -> sqlite3.Connection:
        if not hasattr(self._own, "reader"):
            self._own.reader = _connected(self._path)
            self._readers.append(self._own.reader)
        reader: sqlite3.Connection = self._own.reader
        return reader

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """All that is written in the block is seen together, or not at all."""
        with self._writer:
            yield self._writer

    # -- asked -------------------------------------------------------------------------------------------------------------

    def department_records(self, topic: str, after: PageCursor, limit: int) -> list[DepartmentRecord]:
        found: list[DepartmentRecord] = []
        size, cursor = 0, after
        for (part,) in self._reader.execute("select part from ends where topic = ? order by part", (topic,)).fetchall():
            rows = self._reader.execute(
                "select off, body from told where topic = ? and part = ? and off >= ? order by off limit ?",
                (topic, part, position_of(after, part), limit - len(found)),
            )
            for off, body in rows:
                cursor, size = cursor_behind(cursor, part, off), size + len(body)
                found.append(DepartmentRecord(cursor, body))
                if len(found) >= limit or size >= _MOST_BYTES:
                    return found
        return found

    def end(self, topic: str) -> PageCursor:
        cursor: PageCursor = ()
        for part, off in self._reader.execute("select part, off from ends where topic = ? order by part", (topic,)):
            cursor = cursor_behind(cursor, part, off - 1)
        return cursor

    def open_cases(self, department: str, after: str, limit: int) -> list[CaseState]:
        rows = self._reader.execute(
            f"select {_CASE} from cases where case_id in (select case_id from handlers where department = ? and case_id > ? "
            "order by case_id limit ?) order by case_id",
            (department, after, limit),
        )
        return [_case(row) for row in rows]

    def case(self, case_id: str) -> CaseState | None:
        row = self._reader.execute(f"select {_CASE} from cases where case_id = ?", (case_id,)).fetchone()
        return _case(row) if row else None

    def case_of(self, source: str, ref: str) -> CaseState | None:
        row = self._reader.execute("select case_id from reports where source = ? and ref = ?", (source, ref)).fetchone()
        return self.case(row[0]) if row else None

    def clocks(self, case_id: str) -> list[ShownClock]:
        rows = self._reader.execute(
            "select clock, due_at, state from clocks where case_id = ? order by due_at", (case_id,)
        )
        return [ShownClock(*row) for row in rows]

    def answers(self, source: str, ref: str) -> list[SourceReply]:
        rows = self._reader.execute(
            f"select {_ANSWER} from answers where source = ? and ref = ? order by at, reply_id", (source, ref)
        )
        return [SourceReply(*row) for row in rows]

    def answers_between(self, source: str, from_ms: int, until_ms: int, limit: int) -> list[SourceReply]:
        rows = self._reader.execute(
            f"select {_ANSWER} from answers where source = ? and written_at between ? and ? order by written_at, reply_id limit ?",
            (source, from_ms, until_ms, limit),
        )
        return [SourceReply(*row) for row in rows]

    def statements(self, query: StatementQuery, offset: int, limit: int) -> list[OwnStatement]:
        wheres, values = _wheres(query)
        rows = self._reader.execute(
            f"select ref, first_at, changed_at, body from statements where {' and '.join(wheres) or 'true'} "
            "order by first_at desc, ref limit ? offset ?",
            (*values, limit, offset),
        )
        return [OwnStatement(*row) for row in rows]


def _case(row: Sequence[Any]) -> CaseState:
    *told, is_over = row
    return CaseState._make((*told, bool(is_over)))


_CASE_OF = f"(select c.{{}} from reports r join cases c using (case_id) where r.source = '{OWN_SOURCE}' and r.ref = statements.ref)"
_ANSWERED = f"(select max(written_at) from answers where source = '{OWN_SOURCE}' and ref = statements.ref)"
_CHANGED = f"max(changed_at, coalesce({_CASE_OF.format('written_at')}, 0), coalesce({_ANSWERED}, 0))"
_OVER = f"coalesce({_CASE_OF.format('is_over')}, 0)"


def _wheres(query: StatementQuery) -> tuple[list[str], list[object]]:
    if query.refs:
        return [f"ref in ({_marks(query.refs)})"], list(query.refs)
    found: list[tuple[str, Iterable[object]]] = []
    if query.categories:
        found.append((f"category in ({_marks(query.categories)})", query.categories))
    bounds = [
        ("first_at >= ?", query.from_ms), ("first_at <= ?", query.until_ms), (f"{_CHANGED} >= ?", query.changed_from_ms),
        (f"{_CHANGED} <= ?", query.changed_until_ms), (f"{_OVER} = ?", query.is_over),
    ]  # fmt: skip
    found += [(text, (value,)) for text, value in bounds if value is not None]
    if query.box is not None:
        west, south, east, north = query.box
        found.append(("lon between ? and ? and lat between ? and ?", (west, east, south, north)))
    return [text for text, _ in found], [value for _, values in found for value in values]


def _marks(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values)


def _connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, check_same_thread=False, isolation_level="DEFERRED", timeout=30)
