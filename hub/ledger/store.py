"""Writes what a batch changed, and how far the topics were read, in one transaction: so each record counts exactly once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, delete, select

from hub.errors import RetriableError
from hub.ledger.database import Database
from hub.ledger.erasing import erase_within, without_address
from hub.ledger.facts import Facts
from hub.ledger.projection import CaseRow, CaseRows, LedgerClock, project, tuples_of
from hub.ledger.tables import (
    CASES_TABLE,
    CLOCKS_TABLE,
    ERASED_TABLE,
    GONE,
    HEARD_TABLE,
    HELPERS_TABLE,
    METADATA,
    POSITIONS_TABLE,
    PROJECTED,
    REPORTS_TABLE,
    STANDING_TABLE,
)
from hub.stream.kafka.standpoint import Standpoint
from hub.stream.numbers import PartitionPlace

_AT_ONCE = 5000
"""Ids in one question."""
LedgerPositions = dict[PartitionPlace, Standpoint]
"""By topic without the namespace and partition."""


class FencedError(RetriableError):
    """Another process has moved the positions meanwhile: nothing was written, and reading goes on from where they are."""


class LedgerStore:
    """One ledger, for whoever keeps it. Any number may: what one of them has written counts, and the others go on from there."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = _Statements("?" if database.kind == "sqlite" else "%s")

    def positions(self) -> LedgerPositions:
        with self._database.transaction() as connection:
            c = POSITIONS_TABLE.c
            rows = connection.execute(select(c.topic, c.kafka_partition, c.next_offset, c.topic_id))
            return {(topic, partition): Standpoint(offset, log or "") for topic, partition, offset, log in rows}

    def write(
        self,
        facts: Facts,
        before: LedgerPositions,
        after: Mapping[PartitionPlace, Standpoint],
        written: Mapping[PartitionPlace, int],
    ) -> None:
        """`before`: the positions as this process knows them. `written`: the newest record's timestamp, by place.

        Raises FencedError, or what hub.sdk.errors names.
        """
        with self._database.transaction(writes=True) as connection:
            self._move(connection, before, after, written)
            if facts.records:
                self._put(connection, facts)

    def stand(self, name: str, level_ms: int, behind: int) -> None:
        """Note when the ledger was level with the topics last, and how many records it lacks."""
        with self._database.transaction(writes=True) as connection:
            self._run(connection, self._sql.upsert(STANDING_TABLE), [(name, level_ms, behind)])

    def pass_over(
        self, before: LedgerPositions, after: Mapping[PartitionPlace, Standpoint], records: int, at_ms: int
    ) -> None:
        """Go on at `after`, without so many records at most that were gone before they were read. Raises as `write`."""
        with self._database.transaction(writes=True) as connection:
            self._move(connection, before, after, {})
            asked = select(STANDING_TABLE.c.behind).where(STANDING_TABLE.c.name == GONE)
            so_far = connection.execute(asked).scalar() or 0
            self._run(connection, self._sql.upsert(STANDING_TABLE), [(GONE, at_ms, so_far + records)])

    def hear(self, heard: Mapping[str, int]) -> None:
        """Note when each source's topic took a record last, in ms."""
        with self._database.transaction(writes=True) as connection:
            self._run(connection, self._sql.upsert(HEARD_TABLE), sorted(heard.items()))

    def empty(self) -> None:
        """Take away all that comes from the topics; what was erased stays erased, and what was done stays noted."""
        with self._database.transaction(writes=True) as connection:
            for table in (*PROJECTED, POSITIONS_TABLE, STANDING_TABLE, HEARD_TABLE):
                truncate = "delete from" if connection.dialect.name == "sqlite" else "truncate"
                connection.exec_driver_sql(f"{truncate} {table.name}")

    # -- one batch ---------------------------------------------------------------------------------------------------

    def _move(
        self,
        connection: Connection,
        before: LedgerPositions,
        after: Mapping[PartitionPlace, Standpoint],
        written: Mapping[PartitionPlace, int],
    ) -> None:
        for place, (offset, log) in sorted(after.items()):
            at_ms = written.get(place)
            values: tuple[Any, ...]
            if place in before:
                statement, values = self._sql.moved, (offset, log, at_ms, *place, before[place].offset)
            else:
                statement, values = self._sql.first, (*place, offset, log, at_ms)
            if connection.exec_driver_sql(statement, values).rowcount != 1:
                raise FencedError("another process keeps this ledger too; reading goes on from where it is")

    def _put(self, connection: Connection, facts: Facts) -> None:
        self._leave_out_erased(connection, facts)
        changed = project(_rows_of(connection, facts.cases), facts)
        self._run(connection, self._sql.upsert(CASES_TABLE), list(tuples_of(changed.cases.values())))
        self._run(connection, self._sql.upsert(CLOCKS_TABLE), list(tuples_of(changed.clocks.values())))
        self._run(connection, self._sql.reports, facts.reports)
        self._put_helpers(connection, facts.helpers())
        for name, rows in facts.rows.items():
            self._run(connection, self._sql.insert(METADATA.tables[name]), rows)
        for (source, ref), by in facts.erasures.items():
            erase_within(connection, source, ref, by)
        self._erase_again(connection, facts)

    def _put_helpers(self, connection: Connection, helpers: Mapping[str, Sequence[str]]) -> None:
        self._run(connection, self._sql.no_helpers, [(case_id,) for case_id in helpers])
        rows = [(department, case_id) for case_id, departments in helpers.items() for department in departments]
        self._run(connection, self._sql.insert(HELPERS_TABLE), rows)

    def _erase_again(self, connection: Connection, facts: Facts) -> None:
        """Reports of which it is only now known in which case they are: their orders may have come before the erasure."""
        if facts.reports and _has_erased(connection):
            reports = {(row[0], row[1]) for row in facts.reports}
            for source, ref in set(_erased(connection, {ref for _, ref in reports})) & reports:
                without_address(connection, source, ref)

    def _leave_out_erased(self, connection: Connection, facts: Facts) -> None:
        if facts.placed_orders and _has_erased(connection):
            refs = {row[5] for row in facts.placed_orders}
            facts.without_words_of(set(_erased(connection, refs)))

    def _run(self, connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            connection.exec_driver_sql(statement, list(rows))


def _rows_of(connection: Connection, case_ids: Collection[str]) -> CaseRows:
    """As they stand, of all these cases."""
    rows = CaseRows({}, {})
    for ids in _pieces(sorted(case_ids)):
        for case in connection.execute(select(CASES_TABLE).where(CASES_TABLE.c.case_id.in_(ids))):
            rows.cases[case[0]] = CaseRow(*case)
        for clock in connection.execute(select(CLOCKS_TABLE).where(CLOCKS_TABLE.c.case_id.in_(ids))):
            rows.clocks[clock[0], clock[1], clock[2], clock[3]] = LedgerClock(*clock)
    return rows


def _has_erased(connection: Connection) -> bool:
    return connection.execute(select(ERASED_TABLE.c.ref).limit(1)).first() is not None


def _erased(connection: Connection, refs: Collection[str]) -> Iterable[tuple[str, str]]:
    for some in _pieces(sorted(refs)):
        for row in connection.execute(
            select(ERASED_TABLE.c.source, ERASED_TABLE.c.ref).where(ERASED_TABLE.c.ref.in_(some))
        ):
            yield row[0], row[1]


def _pieces(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return (names[start : start + _AT_ONCE] for start in range(0, len(names), _AT_ONCE))


class _Statements:
    """For a driver whose parameters are written `mark`: many rows at a time, as tuples."""

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self.moved = (
            f"update positions set next_offset = {mark}, topic_id = {mark}, written_at = coalesce({mark}, written_at) "
            f"where topic = {mark} and kafka_partition = {mark} and next_offset = {mark}"
        )
        self.first = (
            f"insert into positions (topic, kafka_partition, next_offset, topic_id, written_at) values ({', '.join([mark] * 5)}) "
            "on conflict do nothing"
        )
        self.no_helpers = f"delete from helpers where case_id = {mark}"
        # what was said first may be read last
        first = "case when excluded.first_at < reports.first_at then excluded.first_at else reports.first_at end"
        kept = {"first_at": first} | {
            name: f"coalesce(excluded.{name}, reports.{name})"
            for name in ("link_score", "link_distance_m", "link_apart_s", "link_reasons")
        }
        self.reports = self.upsert(REPORTS_TABLE, kept)

    def insert(self, table: Table) -> str:
        columns = [f'"{column.name}"' for column in table.columns]
        marks = ", ".join([self._mark] * len(columns))
        return f"insert into {table.name} ({', '.join(columns)}) values ({marks})"

    def upsert(self, table: Table, kept: Mapping[str, str] | None = None) -> str:
        """`kept`: what columns are to be that are not simply overwritten."""
        keys = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
        names = [column.name for column in table.columns if not column.primary_key]
        news = ", ".join(f'"{name}" = {(kept or {}).get(name, f"excluded.{chr(34)}{name}{chr(34)}")}' for name in names)
        return f"{self.insert(table)} on conflict ({keys}) do update set {news}"


def remove_cases(connection: Connection, case_ids: Sequence[str]) -> int:
    """All rows of these cases: how many."""
    removed = 0
    for table in PROJECTED:
        if "case_id" in table.c:
            for ids in _pieces(case_ids):
                removed += connection.execute(delete(table).where(table.c.case_id.in_(ids))).rowcount
    return removed
