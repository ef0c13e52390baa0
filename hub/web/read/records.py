"""What each record of a topic changes in the read model. Topics may be read in any order: what was written later counts."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hub.errors import RejectedRecordError
from hub.escaping import to_json
from hub.model.event import CaseEvent
from hub.model.outputs import CaseChange, DeadlineEvent, Erasure, Order, Receipt, Reply
from hub.stream.avro.codec import Codec
from hub.stream.kafka.record import KafkaRecord
from hub.topics import (
    CASES,
    DEADLINES,
    ERASURES,
    OWN_SOURCE,
    Topic,
    city_events,
    city_replies,
    dept_orders,
    dept_receipts,
    source_of,
)
from hub.web.read.erasing import erase_report, is_erased, spared
from hub.web.read.sqlite import SqliteModel


def topics_read(sources: Iterable[str], departments: Iterable[str]) -> list[Topic]:
    """What the read model of a hub with these sources and departments is made from."""
    found = [CASES, DEADLINES, ERASURES, city_events(OWN_SOURCE)]
    found += [city_replies(source) for source in dict.fromkeys([*sources, OWN_SOURCE])]
    for department in departments:
        found += [dept_orders(department), dept_receipts(department)]
    return found


def put_records(model: SqliteModel, codec: Codec, records: Iterable[KafkaRecord]) -> set[str]:
    """Put records into the model, in one transaction: the topics that have something new. What is not the hub's own is left out,
    as the hub left it out."""
    changed: set[str] = set()
    with model.writing() as sql:
        for each in records:
            sql.execute(
                "insert into ends values (?, ?, ?) on conflict do update set off = excluded.off",
                (each.topic, each.partition, each.offset + 1),
            )
            try:
                schema, record = codec.decode_one(each.value or b"")
            except RejectedRecordError:
                continue
            if (put := _PUTS.get(schema.subject)) is not None:
                put(sql, each, record)
                changed.add(each.topic)
    return changed


def forget(model: SqliteModel, now_ms: int, topics: Iterable[Topic]) -> None:
    """Leave out what the topics that it was read from keep no longer."""
    with model.writing() as sql:
        for topic in topics:
            if topic.kept_ms is None:
                continue
            before = now_ms - topic.kept_ms
            sql.execute("delete from told where topic = ? and at < ?", (topic.name, before))
            if topic.name == CASES.name:
                _forget_cases(sql, before)
            elif topic.subject == Reply.subject():
                sql.execute("delete from answers where source = ? and written_at < ?", (source_of(topic.name), before))
            elif topic.subject == CaseEvent.subject():
                sql.execute("delete from statements where changed_at < ?", (before,))


def _forget_cases(sql: sqlite3.Connection, before_ms: int) -> None:
    sql.execute("delete from cases where is_over and written_at < ?", (before_ms,))
    for table in ("clocks", "reports"):
        sql.execute(
            f"delete from {table} where written_at < ? and case_id not in (select case_id from cases)", (before_ms,)
        )


def _change(sql: sqlite3.Connection, message: KafkaRecord, record: Mapping[str, Any]) -> None:
    case = record["case_id"]
    row = [record[name] for name in ("category", "urgency", "area", "department", "opened_at", "at", "reports")]
    sql.execute(
        f"insert or replace into cases values ({', '.join('?' * 10)})",
        (case, *row, bool(record["over"]), message.written_ms),
    )
    sql.execute("delete from handlers where case_id = ?", (case,))
    if not record["over"]:
        handlers = {record["department"], *record.get("co_handlers", ())}
        sql.executemany("insert into handlers values (?, ?)", [(each, case) for each in handlers])
    if not record.get("unlinks"):  # a report that leaves has a case of its own, which says so itself
        sql.execute(
            "insert into reports values (?, ?, ?, ?) on conflict do update set case_id = excluded.case_id, "
            "written_at = excluded.written_at where excluded.written_at >= written_at",
            (record["source"], record["source_ref"], case, message.written_ms),
        )
    for clock in record.get("clocks", ()):
        _clock(sql, case, clock["clock"], clock["due_at"], "running", message.written_ms)


def _order(sql: sqlite3.Connection, message: KafkaRecord, record: Mapping[str, Any]) -> None:
    if event := record["event"]:
        record = {**record, "event": spared(sql, event, message.written_ms)}
    _told(sql, message, record)
    for due in record["deadlines"]:
        _clock(sql, record["case_id"], due["clock"], due["due_at"], "running", message.written_ms)


def _deadline(sql: sqlite3.Connection, message: KafkaRecord, record: Mapping[str, Any]) -> None:
    state = record["kind"].lower()
    if state == "cancelled":  # what runs instead is said elsewhere, perhaps already
        sql.execute(
            "update clocks set state = ? where case_id = ? and clock = ? and due_at = ?",
            (state, record["case_id"], record["clock"], record["due_at"]),
        )
    else:
        _clock(sql, record["case_id"], record["clock"], record["due_at"], state, message.written_ms)


def _clock(sql: sqlite3.Connection, case: str, clock: str, due_ms: int, state: str, written_ms: int) -> None:
    """`running` says again what is known already: it takes no word back about the same due time."""
    again = "and (excluded.state <> 'running' or excluded.due_at <> due_at)"
    sql.execute(
        "insert into clocks values (?, ?, ?, ?, ?) on conflict do update set due_at = excluded.due_at, state = excluded.state, "
        f"written_at = excluded.written_at where excluded.written_at >= written_at {again}",
        (case, clock, due_ms, state, written_ms),
    )


def _told(sql: sqlite3.Connection, message: KafkaRecord, record: Mapping[str, Any]) -> None:
    sql.execute(
        "insert or replace into told values (?, ?, ?, ?, ?)",
        (message.topic, message.partition, message.offset, message.written_ms, to_json(record)),
    )


def _reply(sql: sqlite3.Connection, message: KafkaRecord, record: Mapping[str, Any]) -> None:
    names = ("reply_id", "source", "source_ref", "department", "status", "at")
    gone = is_erased(sql, record["source"], record["source_ref"], message.written_ms)
    text = "" if gone else record.get("text", "")
    sql.execute(
        "insert or replace into answers values (?, ?, ?, ?, ?, ?, ?, ?)",
        (*[record[name] for name in names], text, message.written_ms),
    )


def _statement(sql: sqlite3.Connection, message: KafkaRecord, record: Mapping[str, Any]) -> None:
    """The first that is said of a reference is what was reported; what follows changes when it changed."""
    record = spared(sql, record, message.written_ms)
    place = record["place"]
    sql.execute(
        "insert into statements values (?, ?, ?, ?, ?, ?, ?) on conflict do update set changed_at = excluded.changed_at",
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


def _erasure(sql: sqlite3.Connection, message: KafkaRecord, record: Mapping[str, Any]) -> None:
    erase_report(sql, record["source"], record["source_ref"], message.written_ms)


_PUTS: dict[str, Callable[[sqlite3.Connection, KafkaRecord, Mapping[str, Any]], None]] = {
    CaseChange.subject(): _change,
    Order.subject(): _order,
    Receipt.subject(): _told,
    DeadlineEvent.subject(): _deadline,
    Erasure.subject(): _erasure,
    Reply.subject(): _reply,
    CaseEvent.subject(): _statement,
}
