"""The agent that makes cases: links reports of one incident, finds the responsible department and sends it orders."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

from hub import metrics, topics
from hub.agents.case_records import publish_cases, publish_orders
from hub.agents.context import Hub
from hub.clock import Clock, ClockKind, make_clock
from hub.core.cases import Case, CaseBook
from hub.core.casework import LINKED, OPENED, Casework, Step
from hub.core.deadlines import DeadlineRules
from hub.core.linking import OpenIncidents
from hub.core.sightings import Sighting
from hub.stream.chunk import Chunk
from hub.stream.inlet import Inlet
from hub.stream.outlet import Outlet, Transaction
from hub.stream.state import JournaledState

NAME = "route"
_DAY_MS = 86_400_000


def attach(app: Any, hub: Hub) -> Inlet:
    """Add the agent and its inlet to a Faust app."""
    state = JournaledState(topics.ROUTE_CHANGELOG, Case, lambda _: CaseBook(OpenIncidents(hub.city)))
    inlet = Inlet(app, hub.settings, NAME, [topics.EVENTS.name, topics.CLOSURES.name], state)
    outlet = Outlet(hub.settings, NAME, hub.codec, state)
    casework, rules = Casework(hub.city), DeadlineRules(hub.city)
    clock = make_clock(hub.settings.clock)

    @app.agent(inlet.channel, name=NAME)
    async def route(chunks: AsyncIterator[Chunk]) -> None:
        async for chunk in chunks:
            async with outlet.transaction(chunk) as tx:
                steps: list[Step] = []
                origins: dict[int, Any] = {}
                for partition, sighting in _sightings(hub, chunk, tx, origins):
                    clock.advance(sighting.at_ms)
                    taken = casework.take(state[partition], partial(state.put, partition), sighting)
                    tx.account(taken[0].change.lower())
                    steps += taken
                for partition, closure in _closures(hub, chunk, tx):
                    steps += _end(casework, state[partition], partial(state.put, partition), closure)
                    tx.account("closure")
                publish_cases(hub, tx, steps, origins)
                publish_orders(hub, tx, steps, rules, clock)
                _forget(hub, state, clock)
                _count(hub, tx, steps)
            _show_open_cases(hub, state)

    app.service(inlet)
    return inlet


def _sightings(hub: Hub, chunk: Chunk, tx: Transaction, origins: dict[int, Any]) -> Iterator[tuple[int, Sighting]]:
    """The chunk's events with their partitions; fills `origins` by row."""
    rows = [row for row, topic in enumerate(chunk.topics) if topic == topics.EVENTS.name]
    decoded = hub.codec.decode_many("cityhub.AdmittedEvent", [chunk.values[row] for row in rows], trusted=True)
    for reject in decoded.rejects:
        tx.reject(rows[reject.index], reject.reason, reject.detail)
    rows = [rows[index] for index in decoded.rows.tolist()]
    batch = decoded.batch
    event = batch.column("event")
    bodies = hub.codec.nested_bodies("cityhub.AdmittedEvent", batch, decoded.bodies)
    text = {
        name: event.field(name).to_pylist()
        for name in ("source", "source_ref", "kind", "category", "urgency", "channel")
    }
    number = {name: event.field(name).cast("int64").to_pylist() for name in ("revision", "reported_at", "due_at")}
    tx.arrived(batch.column("origin").field("ingested_at").cast("int64").to_pylist())
    columns = zip(
        rows, text["source"], text["source_ref"], number["revision"], text["kind"], number["reported_at"], text["category"],
        text["urgency"], text["channel"], number["due_at"], batch.column("place_key").to_pylist(),
        batch.column("area").to_pylist(), batch.column("lat").to_pylist(), batch.column("lon").to_pylist(), bodies, strict=True,
    )  # fmt: skip
    origins.update(zip(rows, batch.column("origin").to_pylist(), strict=True))
    for fields in columns:
        yield chunk.partitions[fields[0]], Sighting(*fields)


def _closures(hub: Hub, chunk: Chunk, tx: Transaction) -> Iterator[tuple[int, dict[str, Any]]]:
    rows = [row for row, topic in enumerate(chunk.topics) if topic == topics.CLOSURES.name]
    decoded = hub.codec.decode_many("cityhub.Closure", [chunk.values[row] for row in rows], trusted=True)
    for reject in decoded.rejects:
        tx.reject(rows[reject.index], reject.reason, reject.detail)
    millis = decoded.batch.column("at").cast("int64").to_pylist()
    for index, closure, at_ms in zip(decoded.rows.tolist(), decoded.batch.to_pylist(), millis, strict=True):
        yield chunk.partitions[rows[index]], closure | {"at": at_ms}


def _end(casework: Casework, book: CaseBook, put: Any, closure: dict[str, Any]) -> list[Step]:
    if closure["outcome"] == "REFUSED":
        return casework.refuse(book, put, closure["case_id"], closure["department"], closure["at"])
    return casework.close(book, put, closure["case_id"], closure["at"])


def _forget(hub: Hub, state: JournaledState[CaseBook], clock: Clock) -> None:
    """Live only: a replay's clock runs ahead of the partitions it has read less of, and would forget what they still need."""
    if hub.settings.clock is ClockKind.DATA:
        return
    limit_ms = clock.now_ms() - int(hub.settings.closed_case_days * _DAY_MS)
    for partition in state.partitions():
        for case_id in list(state[partition].closed_before(limit_ms)):
            state.put(partition, case_id, None)


def _count(hub: Hub, tx: Transaction, steps: list[Step]) -> None:
    for step in steps:
        if step.change == LINKED:
            known = hub.city.category_of(step.case.category)
            tx.count(metrics.LINKS.labels(known.code if known else "unknown"))
        if step.change == OPENED and step.case.desk_reason:
            tx.count(metrics.DESK.labels(step.case.desk_reason))
        for order in step.orders:
            tx.count(metrics.ORDERS.labels(order.department, order.kind))


def _show_open_cases(hub: Hub, state: JournaledState[CaseBook]) -> None:
    held: Counter[str] = Counter()
    for partition in state.partitions():
        held.update(state[partition].open_by_department)
    for department in hub.departments:
        metrics.OPEN_CASES.labels(department).set(held[department])
