"""The ledger alone: what a record of the topics costs it, in SQLite, without Kafka."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

from hub.errors import FatalError
from hub.ledger import queries
from hub.ledger.database import Database
from hub.ledger.feed import AT_ONCE, topics_in
from hub.ledger.reading import FactReader
from hub.ledger.store import LedgerPositions, LedgerStore
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.stream.kafka.record import KafkaRecord
from hub.stream.kafka.standpoint import Standpoint
from hub.topics import CASES
from loadtests.agents import Round
from loadtests.job.city import write_city
from loadtests.job.rules import make_rules
from loadtests.scenario import Ledger

_LISTS = 20


def ledger(scenario: Ledger, say: Callable[[str], None]) -> dict[str, Any]:
    """Rows: all at once and as they come, with records a second by the clock and by CPU time. Raises FatalError if a case lacks."""
    with tempfile.TemporaryDirectory(prefix="cityhub-load-") as folder:
        records, cases = _records(scenario, Path(folder))
        say(f"{len(records):,} records of {cases:,} cases")
        rows = [
            _row(
                label,
                size,
                len(records),
                [_Filling(Path(folder), records, size, cases) for _ in range(scenario.rounds)],
            )
            for label, size in (("rebuild", AT_ONCE), ("as they come", scenario.live_records))
        ]
    for row in rows:
        say(f"{row['run']}: {row['records/s']:,.0f} records a second, {row['µs a record']:.0f} µs each")
    return {
        "rows": rows,
        "note": f"{len(records):,} records of all topics that the ledger reads, of {cases:,} cases with their whole life, into "
        f"SQLite by one process; median of {scenario.rounds} rounds. `µs a record` is CPU time; `list ms` the fifty open cases of "
        "the whole city that are due first. A transaction has the records and the positions.",
    }


def _records(scenario: Ledger, folder: Path) -> tuple[list[KafkaRecord], int]:
    """In the order in which partitions are read live: a stretch of each in turn."""
    rules = make_rules(scenario.seed)
    made = Round(scenario, rules, write_city(rules, folder / "city"), scenario.chunk_records[0], keep=True)
    made.all()
    stored = [
        KafkaRecord(record.topic, record.partition, record.offset, record.arrived_ms, record.value)
        for topic in topics_in(made.broker.names)
        for record in made.broker.records(topic)
    ]
    stored.sort(key=lambda record: (record.written_ms, record.topic, record.partition, record.offset))
    registry = FileRegistry()
    opened = FactReader(registry, Codec(registry)).read([each for each in stored if each.topic == CASES.name]).changes
    return stored, sum(change.change == "opened" for change in opened)


class _Filling:
    """One empty ledger, filled."""

    def __init__(self, folder: Path, records: Sequence[KafkaRecord], size: int, cases: int) -> None:
        path = Path(tempfile.mkdtemp(dir=folder)) / "ledger.sqlite"
        database = Database(URL.create("sqlite", database=str(path)))
        database.migrate()
        registry = FileRegistry()
        store, reader, positions = LedgerStore(database), FactReader(registry, Codec(registry)), LedgerPositions()
        began, spent = time.monotonic(), time.process_time()
        for batch in _batches(records, size):
            after = {(record.topic, record.partition): Standpoint(record.offset + 1) for record in batch}
            store.write(reader.read(batch), positions, after, {})
            positions |= after
        self.cpu_seconds, self.seconds = time.process_time() - spent, time.monotonic() - began
        self.list_seconds = self._listed(database, cases)
        self.megabytes = path.stat().st_size / 2**20
        database.close()

    def _listed(self, database: Database, cases: int) -> float:
        with database.transaction() as connection:
            there, _ = queries.count(connection, queries.CaseQuery())
            if there != cases:
                raise FatalError(f"the ledger has {there:,} cases, and there should be {cases:,}")
            began = time.monotonic()
            for _ in range(_LISTS):
                list(queries.cases(connection, queries.CaseQuery(state="open"), 50))
            return (time.monotonic() - began) / _LISTS


def _batches(records: Sequence[KafkaRecord], size: int) -> Iterator[Sequence[KafkaRecord]]:
    return (records[start : start + size] for start in range(0, len(records), size))


def _row(label: str, size: int, records: int, rounds: Sequence[_Filling]) -> dict[str, Any]:
    seconds, cpu = (statistics.median(getattr(one, name) for one in rounds) for name in ("seconds", "cpu_seconds"))
    return {
        "run": label, "records in a transaction": size, "records/s": records / seconds, "records/CPU s": records / cpu,
        "µs a record": cpu / records * 1e6, "list ms": statistics.median(one.list_seconds for one in rounds) * 1e3,
        "MB": rounds[0].megabytes,
    }  # fmt: skip
