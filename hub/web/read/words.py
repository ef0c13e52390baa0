"""What the web hands on in somebody's own words, which the ledger has not: a batch of it, within one transaction.

What was erased is in it no longer, whatever order the topics are read in: also not what is read later of before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from hub.core.withholding import erased_event
from hub.escaping import to_json
from hub.model.outputs import Order, Receipt
from hub.stream.kafka.record import KafkaRecord
from hub.topics import OWN_SOURCE, subject_of
from hub.web.read.tail import ToldLine

ErasedWords = dict[tuple[str, str], int]
"""By source and reference, until when what was written is gone, in ms."""
_TOLD = frozenset((Order.subject(), Receipt.subject()))


def is_told(topic: str) -> bool:
    """Whether departments are told what is in it, line by line."""
    return subject_of(topic) in _TOLD


class WordsBatch:
    """Puts records as they come. All of it may be put again: after a transaction that failed."""

    def __init__(self, sql: Connection, erased: ErasedWords) -> None:
        """`erased` is added to."""
        self._sql, self._erased = sql, erased
        self.lines: list[ToldLine] = []
        self._written = 0
        self.takes_back = False
        """Whether something that was there before is other words now."""

    def receipt(self, message: KafkaRecord, record: Mapping[str, Any]) -> None:
        self._line(message, record)

    def _line(self, message: KafkaRecord, record: Mapping[str, Any]) -> None:
        """What a department is told, as it lies in its topic."""
        self.lines.append(ToldLine(*message[:3], message.written_ms, to_json(record)))

    def order(self, message: KafkaRecord, record: Mapping[str, Any]) -> None:
        if event := record["event"]:
            record = {**record, "event": self._spared(event, message.written_ms)}
        self._line(message, record)

    def reply(self, message: KafkaRecord, record: Mapping[str, Any]) -> None:
        names = ("reply_id", "source", "source_ref", "department", "status", "at")
        gone = self._is_erased(record["source"], record["source_ref"], message.written_ms)
        text = "" if gone else record.get("text", "")
        self._sql.exec_driver_sql(
            "insert or replace into answers values (?, ?, ?, ?, ?, ?, ?, ?)",
            (*[record[name] for name in names], text, message.written_ms),
        )

    def statement(self, message: KafkaRecord, record: Mapping[str, Any]) -> None:
        """The first that is said of a reference is what was reported; what follows changes when it changed."""
        record = self._spared(record, message.written_ms)
        place = record["place"]
        self._sql.exec_driver_sql(
            "insert into statements values (?, ?, ?, ?, ?, ?, ?) "
            "on conflict do update set changed_at = excluded.changed_at",
            (
                record["source_ref"],
                record["reported_at"],
                message.written_ms,
                record["category"],
                place["lat"],
                place["lon"],
                to_json(record),
            ),
        )

    def erasure(self, message: KafkaRecord, record: Mapping[str, Any]) -> None:
        """What a report said until then is taken out of all that is there, and what departments wrote to who reported with it."""
        source, ref, until_ms = record["source"], record["source_ref"], message.written_ms
        self._erased[source, ref] = max(until_ms, self._erased.get((source, ref), 0))
        self.takes_back = True
        self.write_lines()
        self._erase_orders(source, ref, until_ms)
        where = "where source = ? and ref = ? and written_at <= ?"
        self._sql.exec_driver_sql(f"update answers set text = '' {where}", (source, ref, until_ms))
        if source == OWN_SOURCE:
            for (body,) in self._sql.exec_driver_sql("select body from statements where ref = ?", (ref,)).fetchall():
                bare = to_json(erased_event(json.loads(body)))
                self._sql.exec_driver_sql("update statements set body = ? where ref = ?", (bare, ref))

    def write_lines(self) -> None:
        """Those that are not in the database yet."""
        if fresh := self.lines[self._written :]:
            self._sql.exec_driver_sql("insert or replace into told values (?, ?, ?, ?, ?)", fresh)
        self._written = len(self.lines)

    def _erase_orders(self, source: str, ref: str, until_ms: int) -> None:
        orders = "select topic, part, off, body from told where at <= ? and instr(body, ?)"
        for topic, part, offset, body in self._sql.exec_driver_sql(orders, (until_ms, to_json(ref))).fetchall():
            order = json.loads(body)
            event = order.get("event")
            if event and (event["source"], event["source_ref"]) == (source, ref):
                told = (to_json(order | {"event": erased_event(event)}), topic, part, offset)
                self._sql.exec_driver_sql("update told set body = ? where topic = ? and part = ? and off = ?", told)

    def _is_erased(self, source: str, ref: str, written_ms: int) -> bool:
        """True if what was written then about this report was erased later."""
        return written_ms <= self._erased.get((source, ref), -1)

    def _spared(self, event: Mapping[str, Any], written_ms: int) -> Mapping[str, Any]:
        """A `cityhub.CaseEvent` as it may be kept."""
        return erased_event(event) if self._is_erased(event["source"], event["source_ref"], written_ms) else event
