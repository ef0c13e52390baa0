"""The read model in SQLite: the ledger's tables, those of words beside them. One writer (who reads the topics) and many readers
(who answer), in a file for this process alone."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

from hub.ledger.database import Database
from hub.ledger.facts import Facts
from hub.ledger.store import LedgerPositions, LedgerStore
from hub.stream.kafka.record import KafkaRecord
from hub.stream.kafka.standpoint import Standpoint
from hub.topics import OWN_SOURCE
from hub.web.read.cursor import PageCursor, position_of
from hub.web.read.model import CaseState, DepartmentRecord, OwnStatement, ShownClock, SourceReply, StatementQuery
from hub.web.read.tail import LineTail, page_of
from hub.web.read.words import ErasedWords, WordsBatch, is_told

_WORDS = """
create table told(topic text, part integer, off integer, at integer, body text, primary key(topic, part, off));
create table answers(
    reply_id text primary key, source text, ref text, department text, status text, at integer, text text,
    written_at integer);
create index answers_ref on answers(source, ref);
create index answers_at on answers(source, written_at);
create table statements(
    ref text primary key, first_at integer, changed_at integer, category text, lat real, lon real, body text);
create index statements_at on statements(first_at);
"""
_CASE = "case_id, category, urgency, area, department, opened_at, changed_at, reports, written_at, state = 'over', unit"
_CASE_ID = "select case_id from reports where source = ? and ref = ? and not has_left order by written_at desc limit 1"
_RUNS = (
    "select clock, due_at, state from clocks where case_id = ? and due_at is not null "
    "order by state <> 'cancelled', started_at, due_at"
)
"""Of each clock the run that counts comes last: what started last, unless it was taken back."""
_LINES = "select off, body from told where topic = ? and part = ? and off >= ? order by off limit ?"
_ANSWER = "reply_id, source, ref, department, status, at, text, written_at"


class SqliteModel:
    """A `ReadModel`. What puts belongs to the thread that feeds it; each thread that asks has a connection of its own."""

    def __init__(self, path: Path) -> None:
        """Makes the file, which must not be there. Nothing in it outlives the process: the topics are the truth."""
        self.database = Database(URL.create("sqlite", database=str(path)), lasts=False)
        self.database.make()
        with self.database.transaction(writes=True) as sql:
            for statement in filter(str.strip, _WORDS.split(";")):
                sql.exec_driver_sql(statement)
        self._ledger, self._positions = LedgerStore(self.database), LedgerPositions()
        self._tail = LineTail()
        self._erased: ErasedWords = {}
        self._path, self._own = path, threading.local()
        self._readers: list[sqlite3.Connection] = []
        self.topic_ids: dict[str, str] = {}
        """Of what is read, put by who reads."""
        self.is_ready = False

    def close(self) -> None:
        """Once nobody asks any more."""
        for reader in self._readers:
            reader.close()
        self.database.close()

    @contextmanager
    def words(self, records: Sequence[KafkaRecord]) -> Iterator[WordsBatch]:
        """One transaction of the words of these records. What is told is at hand once it has committed; all that is done may be
        done again."""
        with self.database.transaction(writes=True) as sql:
            batch = WordsBatch(sql, self._erased)
            yield batch
            batch.write_lines()
        self._tail.put([each for each in records if is_told(each.topic)], batch.lines)
        if batch.takes_back:
            self._tail.forget()

    def put_facts(self, facts: Facts, records: Sequence[KafkaRecord]) -> None:
        """What these records, in order of each partition, make of the ledger."""
        after = {(each.topic, each.partition): Standpoint(each.offset + 1) for each in records}
        written = {(each.topic, each.partition): each.written_ms for each in records}
        self._ledger.write(facts, self._positions, after, written)
        self._positions.update(after)

    def forget_lines(self, topic: str, before_ms: int) -> None:
        """Of a topic of orders or receipts, what was written before."""
        with self.database.transaction(writes=True) as sql:
            removed = sql.exec_driver_sql("delete from told where topic = ? and at < ?", (topic, before_ms)).rowcount
        if removed:
            self._tail.forget()

    @property
    def _reader(self) -> sqlite3.Connection:
        if not hasattr(self._own, "reader"):
            self._own.reader = _connected(self._path)
            self._readers.append(self._own.reader)
        reader: sqlite3.Connection = self._own.reader
        return reader

    # -- asked -------------------------------------------------------------------------------------------------------------

    def newest_records(self, topic: str, after: PageCursor, limit: int) -> list[DepartmentRecord] | None:
        return self._tail.behind(topic, after, limit)

    def department_records(self, topic: str, after: PageCursor, limit: int) -> list[DepartmentRecord]:
        rows = (
            (part, off, body)
            for part in range(len(self.end(topic)))
            for off, body in self._reader.execute(_LINES, (topic, part, position_of(after, part), limit))
        )
        return page_of(rows, after, limit)

    def end(self, topic: str) -> PageCursor:
        return self._tail.end(topic)

    def topic_id(self, topic: str) -> str:
        return self.topic_ids.get(topic, "")

    def open_cases(self, department: str, after: str, limit: int, units: Sequence[str] = ()) -> list[CaseState]:
        if units:
            rows = self._reader.execute(
                f"select {_CASE} from cases where state = 'open' and case_id > ? and department = ? and unit in ({_marks(units)}) "
                "order by case_id limit ?",
                (after, department, *units, limit),
            )
            return [_case(row) for row in rows]
        rows = self._reader.execute(
            f"select {_CASE} from cases where state = 'open' and case_id > ? and case_id in ("
            "select case_id from cases where state = 'open' and department = ? union all "
            "select case_id from helpers where department = ?) order by case_id limit ?",
            (after, department, department, limit),
        )
        return [_case(row) for row in rows]

    def case(self, case_id: str) -> CaseState | None:
        found = f"select {_CASE} from cases where case_id = ? and state is not null"
        row = self._reader.execute(found, (case_id,)).fetchone()
        return _case(row) if row else None

    def case_of(self, source: str, ref: str) -> CaseState | None:
        row = self._reader.execute(_CASE_ID, (source, ref)).fetchone()
        return self.case(row[0]) if row else None

    def reported_ms(self, source: str, ref: str) -> int | None:
        first = "select min(first_at) from reports where source = ? and ref = ?"  # one that was taken out has two rows
        row = self._reader.execute(first, (source, ref)).fetchone()
        return None if row[0] is None else int(row[0])

    def clocks(self, case_id: str) -> list[ShownClock]:
        rows = self._reader.execute(_RUNS, (case_id,))
        newest = {clock: ShownClock(clock, due_ms, state) for clock, due_ms, state in rows}
        return sorted(newest.values(), key=lambda each: each.due_ms)

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
    *told, is_over, unit = row
    return CaseState._make((*told, bool(is_over), unit))


_CASE_OF = (
    f"(select c.{{}} from reports r join cases c using (case_id) where r.source = '{OWN_SOURCE}' and r.ref = statements.ref "
    "and not r.has_left order by r.written_at desc limit 1)"
)
_ANSWERED = f"(select max(written_at) from answers where source = '{OWN_SOURCE}' and ref = statements.ref)"
_CHANGED = f"max(changed_at, coalesce({_CASE_OF.format('written_at')}, 0), coalesce({_ANSWERED}, 0))"
_OVER = f"coalesce({_CASE_OF.format('ended_at')} is not null, 0)"


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
