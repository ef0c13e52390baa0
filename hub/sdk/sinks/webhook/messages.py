"""An order or a receipt as a CloudEvent 1.0 in JSON (structured mode). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from hub.escaping import to_json
from hub.millis import datetime_of
from hub.model.outputs import Order, Receipt

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


class Message(NamedTuple):
    """`id` is the same each time the record is sent. What is of one `case` is to arrive in order."""

    id: str
    case: str
    body: bytes


def message_of(subject: str, record: Mapping[str, Any], source: str) -> Message | None:
    """Of a decoded record of this Avro subject; None if no receiver is told of it. `source`: who tells, a URI reference."""
    if subject == Order.subject():
        return _event(
            record["order_id"], f"cityhub.order.{record['kind'].lower()}", record["issued_at"], record, source
        )
    if subject == Receipt.subject():
        origin = record["origin"]
        place = f"{origin['topic']}-{origin['partition']}-{origin['offset']}"
        return _event(f"receipt-{place}", f"cityhub.receipt.{record['outcome']}", record["at"], record, source)
    return None


def _event(event_id: str, kind: str, at_ms: int, record: Mapping[str, Any], source: str) -> Message:
    case = record["case_id"]
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": kind,
        **({"subject": case} if case else {}),
        "time": datetime_of(at_ms).isoformat(timespec="milliseconds"),
        "datacontenttype": "application/json",
        "data": record,
    }
    return Message(event_id, case, to_json(event).encode())
