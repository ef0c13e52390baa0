"""A day of a hub in memory, whose topics the ledger's tests read: in any order, in any batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import select

from hub.ledger.database import Database
from hub.ledger.feed import topics_in
from hub.ledger.reading import FactReader
from hub.ledger.store import LedgerStore
from hub.ledger.tables import PROJECTED
from hub.millis import HOUR_MS
from hub.model.event import CaseEvent, EventKind, Place, Urgency
from hub.model.update import Update, UpdateStatus, UpdateStep, status_and_step
from hub.policy import load_city
from hub.settings import ROOT
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.stream.kafka.record import KafkaRecord
from hub.stream.kafka.standpoint import Standpoint
from hub.testing.memory import MemoryHub

CITY = load_city(ROOT / "ops" / "cities" / "demo")
NOON = 1_772_424_000_000
"""2026-03-02 12:00 in the demo city, in ms."""
REGISTRY = FileRegistry()
READER = FactReader(REGISTRY, Codec(REGISTRY))
Tables = dict[str, list[tuple[Any, ...]]]


def report(ref: str, area: str = "LT01", **changes: Any) -> CaseEvent:
    fields: dict[str, Any] = {
        "source": "hotline", "source_ref": ref, "revision": 0, "kind": EventKind.OPENED, "reported_at": NOON,
        "category": "water.burst", "urgency": Urgency.URGENT, "place": Place(code=area, address=f"Lantern Street {ref}"),
        "title": "a main has burst", "text": "Ms Example says that it floods her cellar", "channel": "phone",
    } | changes  # fmt: skip
    return CaseEvent.model_validate(fields)


def update(hub: MemoryHub, case: str, event: str, number: int, **changes: Any) -> None:
    order = hub.orders(case_id=case)[-1]
    status, step = status_and_step(event)
    hub.publish(Update.model_validate({
        "update_id": f"U-{number}-{case}", "department": order["department"], "case_id": case, "status": status, "step": step,
        "at": hub.clock.now_ms, "note": "Mr Sample was not at home",
    } | changes))  # fmt: skip


def wait(hub: MemoryHub, hours: float) -> None:
    hub.settle(hub.clock.now_ms + int(hours * HOUR_MS))


def a_day(hub: MemoryHub) -> None:
    """Cases that are linked and parted, resolved, refused, withdrawn, amended, late, brought back, and what is set aside."""
    for number in range(6):
        hub.publish(report(f"H-{number}", f"LT0{number % 3 + 1}", category=("water.burst", "road.pothole")[number % 2]))
    for number in range(3):
        place = Place(code="LT01", lat=34.02, lon=114.515, address=f"Pump Lane {number}")
        hub.publish(report(f"P-{number}", source="police", reported_at=NOON + number * 60_000, place=place))
    hub.publish(report("H-6", "LT03", category="road.pothole", urgency=Urgency.ROUTINE, reported_at=NOON - HOUR_MS))
    hub.send("city.hotline.events", b"x", b"rubbish")
    hub.run()
    cases = {
        ref: hub.records("hub.cases", lead_ref=ref)[0]["case_id"] for ref in ("H-0", "H-1", "H-2", "H-5", "P-0", "H-6")
    }
    wait(hub, 0.1)
    for number, case in enumerate(cases.values()):
        update(hub, case, UpdateStatus.ACCEPTED, number)
    update(hub, cases["H-1"], UpdateStatus.RESOLVED, 20)
    update(hub, cases["H-2"], UpdateStatus.REFUSED, 21)
    update(hub, cases["P-0"], UpdateStep.UNLINKED, 22, department=CITY.dispatch_desk, report="police:P-2")
    hub.publish(report("H-0", revision=1, category="road.pothole", reported_at=NOON))
    hub.publish(report("H-3", "LT01", revision=1, kind=EventKind.WITHDRAWN, category="road.pothole"))
    wait(hub, 4)
    update(hub, cases["H-1"], UpdateStep.REOPENED, 23, department=CITY.dispatch_desk)
    update(hub, cases["H-5"], UpdateStatus.RESOLVED, 24, outcome="mediated")
    update(hub, cases["H-6"], UpdateStep.PAUSED, 26, outcome="hung_up", until=hub.clock.now_ms + 48 * HOUR_MS)
    update(hub, cases["H-0"], UpdateStep.PAUSED, 25)
    wait(hub, 300)


@cache
def records(partitions: int = 3) -> tuple[KafkaRecord, ...]:
    """All that the ledger reads of it, in the order of its writing as far as that is known."""
    with MemoryHub(CITY, NOON, partitions=partitions) as hub:
        a_day(hub)
        return tuple(stored(hub))


def stored(hub: MemoryHub) -> list[KafkaRecord]:
    return [
        KafkaRecord(record.topic, record.partition, record.offset, record.arrived_ms, record.value)
        for topic in topics_in(hub.broker.names)
        for record in hub.broker.records(topic)
    ]


def put(store: LedgerStore, batch: Sequence[KafkaRecord]) -> None:
    """As the feed does, from where the ledger is: what it has already is left out."""
    before = store.positions()
    nowhere = Standpoint(0)
    fresh = [each for each in batch if each.offset >= before.get((each.topic, each.partition), nowhere).offset]
    after = {(each.topic, each.partition): Standpoint(each.offset + 1) for each in fresh}
    written = {(each.topic, each.partition): each.written_ms for each in fresh}
    store.write(READER.read(fresh), before, after, written)


def tables_of(database: Database) -> Tables:
    with database.transaction() as connection:
        return {table.name: sorted(map(tuple, connection.execute(select(table))), key=repr) for table in PROJECTED}


def rows_of(database: Database, name: str) -> list[dict[str, Any]]:
    with database.transaction() as connection:
        table = next(each for each in PROJECTED if each.name == name)
        return [dict(row) for row in connection.execute(select(table)).mappings()]


def refs_of(rows: Iterable[dict[str, Any]]) -> set[str]:
    return {row["lead_ref"] for row in rows}
