"""From a committed record to a delivery: its stream, id, case and kind. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.model.outputs import WAITING
from hub.sdk.sink_contract import Delivery, DeliveryPlace
from hub.sdk.streams import SUBJECTS, Stream
from hub.topics import source_of

_KIND = {
    Stream.ORDERS: "kind",
    Stream.RECEIPTS: "outcome",
    Stream.REPLIES: "status",
    Stream.CASES: "change",
    Stream.NOTICES: "kind",
}
_ID = {Stream.ORDERS: "order_id", Stream.REPLIES: "reply_id"}


def delivery_of(
    subject: str, record: Mapping[str, Any], place: DeliveryPlace, offset: int, written_ms: int = 0, namespace: str = ""
) -> Delivery | None:
    """Of a decoded record of this Avro subject; None if it is of no stream."""
    stream = SUBJECTS.get(subject)
    if stream is None:
        return None
    name = place.topic.removeprefix(namespace)
    return Delivery(
        stream=stream,
        id=_id(stream, record, name, place.partition, offset),
        case=record["case_id"],
        kind=record[_KIND[stream]].lower(),
        at_ms=record["issued_at" if stream is Stream.ORDERS else "at"],
        party="" if stream in (Stream.CASES, Stream.NOTICES) else source_of(name),
        values=record,
        place=place,
        offset=offset,
        written_ms=written_ms,
    )


def _id(stream: Stream, record: Mapping[str, Any], topic: str, partition: int, offset: int) -> str:
    """Orders and replies bring one; a receipt is of one update; changes of a case and notices are known by where they stand."""
    if stream in _ID:
        return str(record[_ID[stream]])
    if stream is Stream.RECEIPTS:
        origin = record["origin"]
        waits = f"-{WAITING}" if record["outcome"] == WAITING else ""
        return f"receipt-{origin['topic']}-{origin['partition']}-{origin['offset']}{waits}"
    return f"{topic}-{partition}-{offset}"
