"""The tables that the hub writes to: columns of each stream, and rows made of deliveries. `content` is the whole record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, DateTime, Float, Integer, MetaData, Table, Text

from hub.millis import datetime_of
from hub.sdk.sink_contract import Delivery
from hub.sdk.streams import Stream

_TIMES = (
    "issued_at", "reported_at", "due_at", "at", "counts_from", "opened_at", "started_at", "noticed_at",
)  # fmt: skip
_TYPES: dict[str, Any] = {
    **dict.fromkeys(_TIMES, DateTime(timezone=True)),
    **dict.fromkeys(("lat", "lon"), Float()),
    **dict.fromkeys(("priority", "revision", "reports"), Integer()),
    **dict.fromkeys(("over", "corrects"), Boolean()),
    "content": JSON(),
}
_REPORT = ("source", "source_ref", "category", "urgency", "reported_at", "title", "text", "address", "lat", "lon")
_COLUMNS: dict[Stream, tuple[str, ...]] = {
    Stream.ORDERS: (
        "order_id", "case_id", "department", "kind", "issued_at", "due_at", "area", "rule", "reason", "queue", "priority",
        *_REPORT,
    ),
    Stream.RECEIPTS: (
        "update_at", "case_id", "department", "update_id", "revision", "said", "outcome", "at", "counts_from", "detail",
    ),
    Stream.REPLIES: ("reply_id", "source", "source_ref", "case_id", "department", "status", "at", "text"),
    Stream.CASES: (
        "case_id", "change", "at", "source", "source_ref", "category", "urgency", "area", "lat", "lon", "department", "queue",
        "opened_at", "due_at", "reports", "over", "rule",
    ),
    Stream.NOTICES: (
        "notice_id", "case_id", "clock", "kind", "department", "category", "policy", "started_at", "due_at", "at", "noticed_at",
        "corrects",
    ),
}  # fmt: skip
"""The first is the key: what comes again under it takes the place of what was there."""


@dataclass(frozen=True)
class Tables:
    """Those of one sink; `positions` says how far it has come, by sink and partition."""

    metadata: MetaData
    streams: Mapping[Stream, Table]
    positions: Table

    @classmethod
    def named(cls, streams: frozenset[Stream], prefix: str, schema: str | None) -> Tables:
        metadata = MetaData(schema=schema)
        positions = Table(
            f"{prefix}positions", metadata,
            Column("sink", Text, primary_key=True), Column("topic", Text, primary_key=True),
            Column("partition", Integer, primary_key=True, autoincrement=False),
            Column("next_offset", BigInteger, nullable=False),
        )  # fmt: skip
        return cls(metadata, {each: _table(each, metadata, prefix) for each in sorted(streams)}, positions)

    @property
    def all(self) -> list[Table]:
        return [*self.streams.values(), self.positions]


def _table(stream: Stream, metadata: MetaData, prefix: str) -> Table:
    key, *others = (*_COLUMNS[stream], "content")
    return Table(
        f"{prefix}{stream}", metadata, Column(key, Text, primary_key=True),
        *(Column(name, _TYPES.get(name, Text()), nullable=True) for name in others),
    )  # fmt: skip


def row_of(delivery: Delivery) -> dict[str, Any]:
    """By column, with times in UTC."""
    record = dict(delivery.values)
    values = record | _MORE[delivery.stream](delivery, record)
    row = {name: _value(name, values.get(name)) for name in _COLUMNS[delivery.stream]}
    return row | {"content": record}


def _value(name: str, value: Any) -> Any:
    return datetime_of(value) if name in _TIMES and value is not None else value


def _order(_: Delivery, record: Mapping[str, Any]) -> dict[str, Any]:
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
