"""What each record of a topic changes in the read model. Topics may be read in any order: what was written later counts.

What the hub decided is projected by the ledger (hub/ledger); what the web hands on in somebody's own words, which the ledger has
not, comes first and in a transaction of its own (hub/web/read/words.py): who waits for an order does not wait for the projection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from hub.errors import RejectedRecordError
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
from hub.web.read.sqlite import SqliteModel
from hub.web.read.words import WordsBatch, is_told


def topics_read(sources: Iterable[str], departments: Iterable[str]) -> list[Topic]:
    """What the read model of a hub with these sources and departments is made from."""
    found = [CASES, DEADLINES, ERASURES, city_events(OWN_SOURCE)]
    found += [city_replies(source) for source in dict.fromkeys([*sources, OWN_SOURCE])]
    for department in departments:
        found += [dept_orders(department), dept_receipts(department)]
    return found


def put_words(model: SqliteModel, codec: Codec, records: Sequence[KafkaRecord]) -> set[str]:
    """Put what these records say in somebody's own words into the model, in one transaction: the topics that have something new,
    which whoever waits for it may be told at once. What is not the hub's own is left out, as the hub left it out.

    Raises UnfitError for what SQLite does not take, else what hub.sdk.errors names.
    """
    changed: set[str] = set()
    with model.words(records) as batch:
        for each in records:
            subject = subject_of(each.topic)
            if (put := _PUTS.get(subject or "")) is None:
                continue
            try:
                schema, record = codec.decode_one(each.value or b"")
            except RejectedRecordError:
                continue
            if schema.subject == subject:
                put(batch, each, record)
                changed.add(each.topic)
    return changed


def put_facts(model: SqliteModel, facts: FactReader, records: Sequence[KafkaRecord]) -> None:
    """Put what the hub decided by these records into the model, in one transaction. Raises as `put_words` does."""
    projected = set(topics_in({each.topic for each in records}))
    model.put_facts(facts.read([each for each in records if each.topic in projected]), records)


def forget(model: SqliteModel, now_ms: int, topics: Iterable[Topic]) -> None:
    """Leave out what the topics that it was read from keep no longer."""
    for topic in topics:
        if topic.kept_ms is not None:
            _forget(model, topic, now_ms - topic.kept_ms)


def _forget(model: SqliteModel, topic: Topic, before_ms: int) -> None:
    if topic.name == CASES.name:
        delete_older(model.database, before_ms)
        return
    if is_told(topic.name):
        model.forget_lines(topic.name, before_ms)
        return
    with model.database.transaction(writes=True) as sql:
        if topic.subject == Reply.subject():
            where = "delete from answers where source = ? and written_at < ?"
            sql.exec_driver_sql(where, (source_of(topic.name), before_ms))
        elif topic.subject == CaseEvent.subject():
            sql.exec_driver_sql("delete from statements where changed_at < ?", (before_ms,))


_PUTS: dict[str, Callable[[WordsBatch, KafkaRecord, Mapping[str, Any]], None]] = {
    Order.subject(): WordsBatch.order,
    Receipt.subject(): WordsBatch.receipt,
    Erasure.subject(): WordsBatch.erasure,
    Reply.subject(): WordsBatch.reply,
    CaseEvent.subject(): WordsBatch.statement,
}
