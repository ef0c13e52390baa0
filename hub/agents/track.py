"""The agent that keeps time: runs every case's clocks, warns, says what was breached and when, and passes answers back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np

from hub import topics
from hub.agents.clock_records import publish
from hub.agents.context import Hub
from hub.agents.waiting import give_up, hold, release
from hub.clock import Clock, ClockKind, make_clock
from hub.core.clockwork import NOW_KEY, Clockwork, Now, TrackBook, TrackRecord
from hub.core.deadlines import DeadlineRules
from hub.core.tracking import Change, Effects, Put, Tracking, Update
from hub.stream.chunk import Chunk
from hub.stream.codec import Decoded
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
                tracking.prepare([record for _, record in records if isinstance(record, Change)])
                puts = {partition: partial(state.put, partition) for partition in {place for place, _ in records}}
                for partition, record in records:
                    book, put = state[partition], puts[partition]
                    if isinstance(record, Change):
                        tracking.pass_time(book, put, clocks[partition].advance(record.at_ms), effects)
                        tracking.change(book, put, record, effects)
                        release(hub, tracking, book, put, record.case_id, effects)
                    elif not tracking.update(book, put, record, effects):
                        hold(book, put, record)
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


def _records(hub: Hub, chunk: Chunk, tx: Transaction) -> list[tuple[int, Change | Update]]:
    """Partition and record, in the order they came in."""
    found: list[tuple[int, int, Change | Update]] = []
    arrived: list[Any] = []
    for topic, subject, read, outcome in (
        (topics.CASES.name, "cityhub.CaseChange", _changes, "case"),
        (topics.UPDATES.name, "cityhub.AdmittedUpdate", _updates, "update"),
    ):
        rows = chunk.rows(topic.__eq__)
        decoded = hub.codec.decode_many(subject, [chunk.values[row] for row in rows], trusted=True)
        for reject in decoded.rejects:
            tx.reject(rows[reject.index], reject.reason, reject.detail)
        rows = [rows[index] for index in decoded.rows.tolist()]
        found += zip(rows, [chunk.partitions[row] for row in rows], read(decoded), strict=True)
        arrived.append(decoded.batch.column("origin").field("ingested_at").drop_null().cast("int64").to_numpy())
        tx.account(outcome, len(rows))
    tx.arrived(np.concatenate(arrived))
    found.sort(key=itemgetter(0))
    return [(partition, record) for _, partition, record in found]


def _changes(decoded: Decoded) -> Iterable[Change]:
    names = (
        "case_id", "change", "source", "source_ref", "lead_source", "lead_ref", "category", "urgency", "area", "place_key",
        "department", "over", "ends",
    )  # fmt: skip
    columns = [decoded.batch.column(name).to_pylist() for name in names]
    times = [decoded.batch.column(name).cast("int64").to_pylist() for name in ("at", "opened_at", "due_at")]
    return map(Change, *columns, *times)


def _updates(decoded: Decoded) -> Iterable[Update]:
    update = decoded.batch.column("update")
    columns = [update.field(name).to_pylist() for name in ("update_id", "department", "case_id", "status", "note")]
    return map(Update, *columns, update.field("at").cast("int64").to_pylist(), decoded.bodies)
