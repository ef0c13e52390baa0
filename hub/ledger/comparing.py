"""Compares the ledger with the topics: what the last record of each case and clock says, and what the ledger has of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from confluent_kafka import Message
from sqlalchemy import Connection, select

from hub.clock import wall_ms
from hub.inspect.narrow import NarrowDecoder, column
from hub.inspect.reading import OffsetSpan, OnRead, read_messages, spans
from hub.ledger.database import Database
from hub.ledger.queries import records_gone
from hub.ledger.tables import CASES_TABLE, CLOCKS_TABLE, POSITIONS_TABLE
from hub.millis import DAY_MS
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import make_registry
from hub.topics import CASES, DEADLINES

_CASE = ("case_id", "department", "category", "opened_at", "reports", "over", "at")
_CLOCK = ("case_id", "clock", "policy", "started_at", "kind", "due_at")
_SHOWN = 5


class LedgerComparison(NamedTuple):
    """Of so many cases, how many differ, and the first of them by name."""

    cases: int
    differing: int
    names: tuple[str, ...]
    gone: int = 0
    """How many records, at most, were gone before the ledger had read them."""

    def line(self) -> str:
        """For people."""
        return self._agreement() + (
            f"; at most {self.gone:,} records were gone before it read them 未读已删" if self.gone else ""
        )

    def _agreement(self) -> str:
        if not self.differing:
            return f"ledger 台账 agrees with the topics: {self.cases:,} cases"
        names = ", ".join(self.names) + (", ..." if self.differing > len(self.names) else "")
        return f"ledger 台账 differs by {self.differing:,} of {self.cases:,} cases: {names}; `cityhub ledger rebuild` makes it anew"


def compare_ledger(settings: Settings, database: Database, on_progress: OnRead | None = None) -> LedgerComparison:
    """Up to where the ledger has come: what it has not read yet is not held against it, nor what it was told to forget.

    Raises FatalError for a missing topic, RetriableError without a broker, and what hub.sdk.errors names.
    """
    with database.transaction() as connection:
        if database.kind == "postgresql":
            connection.exec_driver_sql("set transaction isolation level repeatable read")
        positions, cases, clocks = _rows(connection)
        gone = records_gone(connection)
    there = spans(settings, [CASES.name, DEADLINES.name])
    read = {place: OffsetSpan(span.begin, max(span.begin, positions.get(place, 0))) for place, span in there.items()}
    said_cases, said_clocks = _said(settings, read, on_progress)
    limit_ms = wall_ms() - int(settings.ledger_days * DAY_MS)
    kept = {case_id: row for case_id, row in said_cases.items() if not (row[4] and row[5] < limit_ms)}
    wrong = {case_id for case_id, row in kept.items() if cases.get(case_id) != row[:5]}
    wrong |= {key[0] for key, row in said_clocks.items() if key[0] in kept and clocks.get(key) != row}
    return LedgerComparison(len(kept), len(wrong), tuple(sorted(wrong)[:_SHOWN]), gone)


def _rows(connection: Connection) -> tuple[dict[tuple[str, int], int], dict[str, Any], dict[Any, Any]]:
    p = POSITIONS_TABLE.c
    positions = {
        (row[0], row[1]): row[2] for row in connection.execute(select(p.topic, p.kafka_partition, p.next_offset))
    }
    c, k = CASES_TABLE.c, CLOCKS_TABLE.c
    cases = {
        row[0]: (row[1], row[2], row[3], row[4], row[5] == "over")
        for row in connection.execute(select(c.case_id, c.department, c.category, c.opened_at, c.reports, c.state))
    }
    asked = select(k.case_id, k.clock, k.policy, k.started_at, k.notice, k.notice_due_at)
    clocks = {tuple(row[:4]): tuple(row[4:]) for row in connection.execute(asked)}
    return positions, cases, clocks


def _said(
    settings: Settings, read: dict[tuple[str, int], OffsetSpan], on_progress: OnRead | None
) -> tuple[dict[str, tuple[Any, ...]], dict[tuple[Any, ...], tuple[Any, ...]]]:
    """By case, and by clock: what the last record says."""
    registry = make_registry(settings)
    codec = Codec(registry)
    change = NarrowDecoder(registry, codec, CASES.subject or "", ("over",))
    notice = NarrowDecoder(registry, codec, DEADLINES.subject or "", ("due_at",))
    cases: dict[str, tuple[Any, ...]] = {}
    clocks: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for messages in read_messages(settings, read, on_progress):
        for row in _columns(change, _CASE, messages, settings.topic(CASES.name)):
            cases[row[0]] = row[1:]
        for row in _columns(notice, _CLOCK, messages, settings.topic(DEADLINES.name)):
            clocks[row[:4]] = (row[4].lower(), row[5])
    return cases, clocks


def _columns(
    decoder: NarrowDecoder, names: tuple[str, ...], messages: list[Message], topic: str
) -> Iterable[tuple[Any, ...]]:
    values = [message.value() for message in messages if message.topic() == topic]
    batch = decoder.decode(values).batch
    return zip(*(column(batch, (name,)).to_pylist() for name in names), strict=True)
