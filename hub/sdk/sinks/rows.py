"""Deliveries as rows of columns, for databases and files. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hub.millis import datetime_of
from hub.sdk.sink_contract import Delivery
from hub.sdk.streams import Stream

TIME_COLUMNS = (
    "issued_at", "reported_at", "due_at", "at", "counts_from", "opened_at", "started_at", "noticed_at", "said_until",
)  # fmt: skip
_REPORT = ("source", "source_ref", "category", "urgency", "reported_at", "title", "text", "address", "lat", "lon")
STREAM_COLUMNS: dict[Stream, tuple[str, ...]] = {
    Stream.ORDERS: (
        "order_id", "case_id", "department", "kind", "issued_at", "due_at", "area", "rule", "reason", "queue", "priority",
        *_REPORT,
    ),
    Stream.RECEIPTS: (
        "update_at", "case_id", "department", "update_id", "revision", "said", "outcome", "at", "counts_from", "detail",
        "said_outcome", "said_until",
    ),
    Stream.REPLIES: ("reply_id", "source", "source_ref", "case_id", "department", "status", "at", "text", "outcome"),
    Stream.CASES: (
        "case_id", "change", "at", "source", "source_ref", "category", "urgency", "area", "lat", "lon", "department", "queue",
        "opened_at", "due_at", "reports", "over", "rule",
    ),
    Stream.NOTICES: (
        "notice_id", "case_id", "clock", "kind", "department", "category", "policy", "started_at", "due_at", "at", "noticed_at",
        "corrects",
    ),
}  # fmt: skip
"""The first makes a row one. What comes anew comes last, and stands in `LATER_COLUMNS`."""
LATER_COLUMNS: dict[Stream, frozenset[str]] = {
    Stream.RECEIPTS: frozenset(("said_outcome", "said_until")), Stream.REPLIES: frozenset(("outcome",)),
}  # fmt: skip
"""Which a table that was made before lacks, and is written without."""


def delivery_row(delivery: Delivery) -> dict[str, Any]:
    """By column, with times in UTC."""
    record = delivery.values
    values = {**record, **_MORE[delivery.stream](delivery, record)}
    return {name: _value(name, values.get(name)) for name in STREAM_COLUMNS[delivery.stream]}


def _value(name: str, value: Any) -> Any:
    return datetime_of(value) if name in TIME_COLUMNS and value is not None else value


def _order(_: Delivery, record: Mapping[str, Any]) -> dict[str, Any]:
    """With what was reported, and the time by which the first of its clocks runs out."""
    event = record["event"] or {}
    place = event.get("place") or {}
    due = min((each["due_at"] for each in record["deadlines"]), default=None)
    return {name: event.get(name, place.get(name)) for name in _REPORT} | {"due_at": due}


def _receipt(_: Delivery, record: Mapping[str, Any]) -> dict[str, Any]:
    origin = record["origin"]
    return {"update_at": f"{origin['topic']}-{origin['partition']}-{origin['offset']}"}


def _case(_: Delivery, record: Mapping[str, Any]) -> dict[str, Any]:
    return {"source": record["lead_source"], "source_ref": record["lead_ref"]}


_MORE: Mapping[Stream, Callable[[Delivery, Mapping[str, Any]], dict[str, Any]]] = {
    Stream.ORDERS: _order,
    Stream.RECEIPTS: _receipt,
    Stream.REPLIES: lambda _, record: {},
    Stream.CASES: _case,
    Stream.NOTICES: lambda delivery, _: {"notice_id": delivery.id},
}
