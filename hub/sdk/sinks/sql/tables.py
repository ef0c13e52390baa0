"""The tables that the hub writes to: columns of each stream, and rows made of deliveries. `content` is the whole record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, DateTime, Float, Integer, MetaData, Table, Text

from hub.sdk.sink_contract import Delivery
from hub.sdk.sinks.rows import STREAM_COLUMNS, TIME_COLUMNS, delivery_row
from hub.sdk.streams import Stream

_TYPES: dict[str, Any] = {
    **dict.fromkeys(TIME_COLUMNS, DateTime(timezone=True)),
    **dict.fromkeys(("lat", "lon"), Float()),
    **dict.fromkeys(("priority", "revision", "reports"), Integer()),
    **dict.fromkeys(("over", "corrects"), Boolean()),
    "content": JSON(),
}


@dataclass(frozen=True)
class SinkTables:
    """Those of one sink; `positions` says how far it has come, by sink and partition."""

    metadata: MetaData
    streams: Mapping[Stream, Table]
    positions: Table

    @classmethod
    def named(cls, streams: frozenset[Stream], prefix: str, schema: str | None) -> SinkTables:
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
    key, *others = (*STREAM_COLUMNS[stream], "content")
    return Table(
        f"{prefix}{stream}", metadata, Column(key, Text, primary_key=True),
        *(Column(name, _TYPES.get(name, Text()), nullable=True) for name in others),
    )  # fmt: skip


def stored_row(delivery: Delivery) -> dict[str, Any]:
    """Its row, with the whole record beside the columns."""
    return delivery_row(delivery) | {"content": dict(delivery.values)}
