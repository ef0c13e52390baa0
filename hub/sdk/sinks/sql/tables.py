"""The tables that the hub writes to: columns of each stream, and rows made of deliveries. `content` is the whole record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, DateTime, Float, Integer, MetaData, Table, Text
from sqlalchemy.engine.reflection import Inspector

from hub.sdk.errors import ConfigurationError
from hub.sdk.sink_contract import Delivery
from hub.sdk.sinks.rows import LATER_COLUMNS, STREAM_COLUMNS, TIME_COLUMNS, delivery_row
from hub.sdk.streams import Stream

_TYPES: dict[str, Any] = {
    **dict.fromkeys(TIME_COLUMNS, DateTime(timezone=True)),
    **dict.fromkeys(("lat", "lon"), Float()),
    **dict.fromkeys(("priority", "revision", "reports"), Integer()),
    **dict.fromkeys(("over", "corrects"), Boolean()),
    "content": JSON(),
}
_LATER = "later"
TOPIC_ID = "topic_id"
"""Of `positions`: of which topic the offset is."""
LackingColumns = frozenset[tuple[str, str]]
"""By table and column."""


@dataclass(frozen=True)
class SinkTables:
    """Those of one sink; `positions` says how far it has come, by sink and partition."""

    metadata: MetaData
    streams: Mapping[Stream, Table]
    positions: Table

    @classmethod
    def named(
        cls, streams: frozenset[Stream], prefix: str, schema: str | None, lacking: LackingColumns = frozenset()
    ) -> SinkTables:
        """`lacking`: what is not written, by table and column."""
        metadata = MetaData(schema=schema)
        name = f"{prefix}positions"
        positions = Table(
            name, metadata,
            Column("sink", Text, primary_key=True), Column("topic", Text, primary_key=True),
            Column("partition", Integer, primary_key=True, autoincrement=False),
            Column("next_offset", BigInteger, nullable=False),
            *([] if (name, TOPIC_ID) in lacking else [Column(TOPIC_ID, Text(), nullable=True, info={_LATER: True})]),
        )  # fmt: skip
        return cls(metadata, {each: _table(each, metadata, prefix, lacking) for each in sorted(streams)}, positions)

    @property
    def all(self) -> list[Table]:
        return [*self.streams.values(), self.positions]


def require_fitting(inspector: Inspector, table: Table) -> LackingColumns:
    """The columns that a table made before them lacks, and may.

    Raises ConfigurationError if a table that is there cannot hold what is written, by its columns or by what makes a row one.
    """
    there = {each["name"]: each for each in inspector.get_columns(table.name, table.schema)}
    own, key = {each.name for each in table.columns}, {each.name for each in table.primary_key}
    later = {each.name for each in table.columns if each.info.get(_LATER)}
    if missing := sorted(own - later - there.keys()):
        raise ConfigurationError(f"table {table.name} has no column {', '.join(missing)}; add it, or another `prefix`")
    if strange := sorted(name for name, each in there.items() if name not in own and _must_be_given(each)):
        raise ConfigurationError(
            f"table {table.name} wants a value in {', '.join(strange)}, which the hub does not know; give it a default, or another "
            "`prefix`"
        )
    if key not in _unique(inspector, table):
        raise ConfigurationError(
            f"table {table.name}: {', '.join(sorted(key))} is not its primary key, nor unique: a row that comes again would stand "
            "there twice; make it so, or give another `prefix`"
        )
    return frozenset((table.name, name) for name in later - there.keys())


def _must_be_given(column: Mapping[str, Any]) -> bool:
    made = any(column.get(name) for name in ("identity", "computed")) or column.get("autoincrement") is True
    return not column["nullable"] and column.get("default") is None and not made


def _unique(inspector: Inspector, table: Table) -> list[set[str]]:
    where = (table.name, table.schema)
    found: list[Any] = [inspector.get_pk_constraint(*where)["constrained_columns"]]
    found += [each["column_names"] for each in inspector.get_unique_constraints(*where)]
    found += [each["column_names"] for each in inspector.get_indexes(*where) if each["unique"]]
    return [{name for name in each if name} for each in found]


def _table(stream: Stream, metadata: MetaData, prefix: str, lacking: LackingColumns) -> Table:
    name, later = f"{prefix}{stream}", LATER_COLUMNS.get(stream, frozenset())
    key, *others = (*STREAM_COLUMNS[stream], "content")
    return Table(
        name, metadata, Column(key, Text, primary_key=True),
        *(
            Column(each, _TYPES.get(each, Text()), nullable=True, info={_LATER: each in later})
            for each in others if (name, each) not in lacking
        ),
    )  # fmt: skip


def stored_row(delivery: Delivery, table: Table) -> dict[str, Any]:
    """Its row in this table, with the whole record beside the columns."""
    row = delivery_row(delivery) | {"content": dict(delivery.values)}
    return {column.name: row[column.name] for column in table.columns}
