"""A delivery as a CloudEvent 1.0 in JSON (structured mode). Pure."""

from __future__ import annotations

from hub.escaping import to_json
from hub.millis import datetime_of
from hub.sdk.sink_contract import Delivery
from hub.sdk.streams import Stream

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
_TYPES = {
    Stream.ORDERS: "order",
    Stream.RECEIPTS: "receipt",
    Stream.REPLIES: "reply",
    Stream.CASES: "case",
    Stream.NOTICES: "notice",
}
_SIDES = {Stream.ORDERS: "dept", Stream.RECEIPTS: "dept", Stream.REPLIES: "city"}


def cloud_event(delivery: Delivery, namespace: str = "") -> bytes:
    """Its `source` says which hub tells whom, its `id` is the same each time."""
    side = _SIDES.get(delivery.stream)
    event = {
        "specversion": "1.0",
        "id": delivery.id,
        "source": f"/cityhub/{namespace}{side}/{delivery.party}" if side else f"/cityhub/{namespace}hub",
        "type": f"cityhub.{_TYPES[delivery.stream]}.{delivery.kind}",
        **({"subject": delivery.case} if delivery.case else {}),
        "time": datetime_of(delivery.at_ms).isoformat(timespec="milliseconds"),
        "datacontenttype": "application/json",
        "data": delivery.values,
    }
    return to_json(event).encode()
