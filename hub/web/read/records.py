"""What each record of a topic changes in the read model. Topics may be read in any order: what was written later counts.

What the hub decided is projected by the ledger (hub/ledger); here stands what the web hands on in somebody's own words, which the
ledger has not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from hub.errors import RejectedRecordError
from hub.escaping import to_json
from hub.ledger.feed import topics_in
from hub.ledger.reading import FactReader
from hub.ledger.upkeep import delete_older
from hub.model.event import CaseEvent
from hub.model.outputs import Erasure, Order, Receipt, Reply
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
    subject_of,
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


def put_records(model: SqliteModel, facts: FactReader, codec: Codec, records: Sequence[KafkaRecord]) -> set[str]:
    """Put records into the model, in one transaction: the topics that have something new. What is not the hub's own is left out,
    as the hub left it out.

    Raises UnfitError for what SQLite does not take, else what hub.sdk.errors names.
    """
    changed: set[str] = set()

    def put_words(sql: Connection) -> None:
        for each in records:
            subject = subject_of(each.topic)
            if (put := _PUTS.get(subject or "")) is None:
                continue
            try:
                schema, record = codec.decode_one(each.value or b"")
            except RejectedRecordError:
                continue
            if schema.subject == subject:
                put(sql, each, record)
                changed.add(each.topic)

    projected = set(topics_in({each.topic for each in records}))
    model.put(facts.read([each for each in records if each.topic in projected]), records, put_words)
    return changed


def forget(model: SqliteModel, now_ms: int, topics: Iterable[Topic]) -> None:
    """Leave out what the topics that it was read from keep no longer."""
    for topic in topics:
        if topic.kept_ms is not None:
            _forget(model, topic, now_ms - topic.kept_ms)


def _forget(model: SqliteModel, topic: Topic, before_ms: int) -> None:
    if topic.name == CASES.name:
        delete_older(model.database, before_ms)
        return
    with model.database.transaction(writes=True) as sql:
        sql.exec_driver_sql("delete from told where topic = ? and at < ?", (topic.name, before_ms))
        if topic.subject == Reply.subject():
            where = "delete from answers where source = ? and written_at < ?"
            sql.exec_driver_sql(where, (source_of(topic.name), before_ms))
        elif topic.subject == CaseEvent.subject():
            sql.exec_driver_sql("delete from statements where changed_at < ?", (before_ms,))


def _order(sql: Connection, message: KafkaRecord, record: Mapping[str, Any]) -> None:
    if event := record["event"]:
        record = {**record, "event": spared(sql, event, message.written_ms)}
    _told(sql, message, record)


def _told(sql: Connection, message: KafkaRecord, record: Mapping[str, Any]) -> None:
    sql.exec_driver_sql(
        "insert or replace into told values (?, ?, ?, ?, ?)",
        (message.topic, message.partition, message.offset, message.written_ms, to_json(record)),
    )


def _reply(sql: Connection, message: KafkaRecord, record: Mapping[str, Any]) -> None:
    names = ("reply_id", "source", "source_ref", "department", "status", "at")
    gone = is_erased(sql, record["source"], record["source_ref"], message.written_ms)
    text = "" if gone else record.get("text", "")
    sql.exec_driver_sql(
        "insert or replace into answers values (?, ?, ?, ?, ?, ?, ?, ?)",
        (*[record[name] for name in names], text, message.written_ms),
    )


def _statement(sql: Connection, message: KafkaRecord, record: Mapping[str, Any]) -> None:
    """The first that is said of a reference is what was reported; what follows changes when it changed."""
    record = spared(sql, record, message.written_ms)
    place = record["place"]
    sql.exec_driver_sql(
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


def _erasure(sql: Connection, message: KafkaRecord, record: Mapping[str, Any]) -> None:
    erase_report(sql, record["source"], record["source_ref"], message.written_ms)


_PUTS: dict[str, Callable[[Connection, KafkaRecord, Mapping[str, Any]], None]] = {
    Order.subject(): _order,
    Receipt.subject(): _told,
    Erasure.subject(): _erasure,
    Reply.subject(): _reply,
    CaseEvent.subject(): _statement,
}
