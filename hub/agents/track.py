"""The agent that keeps time: runs every case's clocks, warns, says what was breached and when, and passes answers back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from hub import topics
from hub.agents.clock_records import publish
from hub.agents.context import Hub
from hub.agents.waiting import give_up, hold, release
from hub.clock import Clock, ClockKind, make_clock
from hub.core.clockwork import NOW_KEY, Clockwork, Now, TrackBook, TrackRecord
from hub.core.deadlines import DeadlineRules
from hub.core.tracking import Effects, Put, Tracking
from hub.stream.chunk import Chunk
from hub.stream.inlet import Inlet
from hub.stream.outlet import Outlet, Transaction
from hub.stream.state import JournaledState

NAME = "track"
TICK_SECONDS = 0.5
_DAY_MS = 86_400_000


def attach(app: Any, hub: Hub) -> Inlet:
    """Add the agent and its inlet to a Faust app."""
    state = JournaledState(topics.TRACK_CHANGELOG, TrackRecord, lambda _: TrackBook())
    reads = [topics.CASES.name, topics.UPDATES.name]
    inlet = Inlet(app, hub.settings, NAME, reads, state, tick_seconds=TICK_SECONDS)
    outlet = Outlet(hub.settings, NAME, hub.codec, state)
    tracking = Tracking(Clockwork(DeadlineRules(hub.city)))

    @app.agent(inlet.channel, name=NAME)
    async def track(chunks: AsyncIterator[Chunk]) -> None:
        async for chunk in chunks:
            async with outlet.transaction(chunk) as tx:
                effects = Effects()
                clocks = {partition: _clock(hub, state[partition]) for partition in chunk.held}
                records = _records(hub, chunk, tx)
                tracking.prepare([record for _, subject, record in records if subject == "case"])
                for partition, subject, record in records:
                    book, put = state[partition], partial(state.put, partition)
                    if subject == "case":
                        tracking.pass_time(book, put, clocks[partition].advance(record["at"]), effects)
                        tracking.change(book, put, record, effects)
                        release(hub, tracking, book, put, record["case_id"], effects)
                    elif not tracking.update(book, put, record, effects):
                        hold(book, put, record)
                    tx.account(subject)
                for partition, clock in clocks.items():
                    book, put = state[partition], partial(state.put, partition)
                    tracking.pass_time(book, put, clock.now_ms(), effects)
                    if hub.settings.clock is ClockKind.DATA:
                        tracking.keep_time(book, put, clock.now_ms())
                    else:
                        _forget(hub, book, put, clock)
                    give_up(hub, tx, book, put, caught_up=chunk.caught_up)
                publish(hub, tx, effects, max((clock.now_ms() for clock in clocks.values()), default=0))

    app.service(inlet)
    return inlet


def _clock(hub: Hub, book: TrackBook) -> Clock:
    known = book.get(NOW_KEY)
    start_ms = known.now_ms if isinstance(known, Now) else 0
    return make_clock(hub.settings.clock, lateness_ms=int(hub.settings.lateness_seconds * 1000), start_ms=start_ms)


def _forget(hub: Hub, book: TrackBook, put: Put, clock: Clock) -> None:
    """Live only: a replay's clock runs ahead of what other partitions have yet to say of these cases."""
    for case_id in list(book.over_before(clock.now_ms() - int(hub.settings.closed_case_days * _DAY_MS))):
        put(case_id, None)


def _records(hub: Hub, chunk: Chunk, tx: Transaction) -> list[tuple[int, str, dict[str, Any]]]:
    """Partition, "case" or "update", and the decoded record, times in ms, in the order they came in."""
    found: list[tuple[int, int, str, dict[str, Any]]] = []
    arrived: list[int] = []
    for topic, subject, kind in (
        (topics.CASES.name, "cityhub.CaseChange", "case"),
        (topics.UPDATES.name, "cityhub.AdmittedUpdate", "update"),
    ):
        rows = [row for row, name in enumerate(chunk.topics) if name == topic]
        decoded = hub.codec.decode_many(subject, [chunk.values[row] for row in rows], trusted=True)
        for reject in decoded.rejects:
            tx.reject(rows[reject.index], reject.reason, reject.detail)
        rows = [rows[index] for index in decoded.rows.tolist()]
        records = _case_records(decoded.batch) if kind == "case" else _update_records(decoded.batch, decoded.bodies)
        found += [(row, chunk.partitions[row], kind, record) for row, record in zip(rows, records, strict=True)]
        arrived += [record["arrived_ms"] for record in records if record["arrived_ms"] is not None]
    tx.arrived(arrived)
    return [item[1:] for item in sorted(found, key=lambda item: item[0])]


def _case_records(batch: Any) -> list[dict[str, Any]]:
    names = (
        "case_id", "change", "source", "source_ref", "lead_source", "lead_ref", "category", "urgency", "area", "place_key",
        "department", "over", "ends",
    )  # fmt: skip
    columns = {name: batch.column(name).to_pylist() for name in names}
    columns |= {name: batch.column(name).cast("int64").to_pylist() for name in ("at", "opened_at", "due_at")}
    columns["arrived_ms"] = batch.column("origin").field("ingested_at").cast("int64").to_pylist()
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _update_records(batch: Any, bodies: list[bytes]) -> list[dict[str, Any]]:
    update = batch.column("update")
    columns = {
        name: update.field(name).to_pylist() for name in ("update_id", "department", "case_id", "status", "note")
    }
    columns["at"] = update.field("at").cast("int64").to_pylist()
    columns["arrived_ms"] = batch.column("origin").field("ingested_at").cast("int64").to_pylist()
    columns["bytes"] = bodies
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
