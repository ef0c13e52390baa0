"""Views for people and their tools: English and Chinese columns, times as times. Whoever keeps the ledger makes them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Connection, Table

from hub.ledger.tables import PROJECTED

_INNER = frozenset((
    "kafka_partition", "kafka_offset", "address_at", "address_order", "progress_update", "result_update",
    "given_due_at", "notice", "notice_due_at",
))  # fmt: skip
"""How a row came about, which is of no use to people."""


def make_views(connection: Connection) -> None:
    """`bi_cases` and `台账_案件`, and so for each table; times are in UTC."""
    quote = connection.dialect.identifier_preparer.quote
    times = _TIMES[connection.dialect.name]
    for table in PROJECTED:
        for name, is_zh in ((f"bi_{table.name}", False), (f"台账_{table.comment}", True)):
            columns = ", ".join(
                f"{_shown(column, times)} as {quote(column.comment if is_zh and column.comment else column.name)}"
                for column in _columns(table)
            )
            connection.exec_driver_sql(f"create view {quote(name)} as select {columns} from {quote(table.name)}")


def drop_views(connection: Connection) -> None:
    """So that tables may change."""
    quote = connection.dialect.identifier_preparer.quote
    for table in PROJECTED:
        for name in (f"bi_{table.name}", f"台账_{table.comment}"):
            connection.exec_driver_sql(f"drop view if exists {quote(name)}")


_TIMES = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f', {} / 1000.0, 'unixepoch')",
    "postgresql": "to_timestamp({} / 1000.0)",
}


def _columns(table: Table) -> list[Column[object]]:
    return [column for column in table.columns if column.name not in _INNER]


def _shown(column: Column[object], times: str) -> str:
    is_time = isinstance(column.type, BigInteger) and column.name.endswith(("_at", "counts_from"))
    return times.format(f'"{column.name}"') if is_time else f'"{column.name}"'
