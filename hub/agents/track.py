"""The agent that keeps time: runs every case's clocks, warns, says what was breached and when, and passes answers back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow.compute as pc

from hub import topics
from hub.agents.clock_records import publish
from hub.agents.context import Hub
from hub.agents.forgetting import forgotten_at_most
from hub.agents.waiting import give_up, hold, release
from hub.clock import Clock, ClockKind, make_clock
from hub.core.clockwork import Clockwork
from hub.core.deadlines import DeadlineRules
from hub.core.tracked import NOW_KEY, More, Now, TrackBook, TrackRecord
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
    rules = Rules(hub)
    tracking = Tracking(rules.clockwork)
    revised: dict[int, TrackBook] = {}

    @app.agent(inlet.channel, name=NAME)
    async def track(chunks: AsyncIterator[Chunk]) -> None:
        async for chunk in chunks:
            async with outlet.transaction(chunk) as tx:
                effects = Effects()
                if rules.renewed():
                    tracking.use(rules.clockwork)
                    revised.clear()
                clocks = {partition: _clock(hub, state[partition]) for partition in chunk.held}
                records = _records(hub, chunk, tx)
                tracking.prepare([record for _, record in records if isinstance(record, Change)])
                puts = {partition: state.journal(partition).put for partition in chunk.held}
                for partition, record in records:
                    book, put = state[partition], puts[partition]
                    if isinstance(record, Change):
                        tracking.pass_time(book, put, clocks[partition].advance(record.at_ms), effects)
                        tracking.change(book, put, record, effects)
                        release(hub, tracking, book, put, record.case_id, effects)
                    elif tracking.update(book, put, record, effects):
                        release(hub, tracking, book, put, record.case_id, effects)
                    else:
                        hold(book, put, record)
                at_most = forgotten_at_most(chunk)
                for partition, clock in clocks.items():
                    book, put = state[partition], puts[partition]
                    tracking.pass_time(book, put, clock.now_ms(), effects)
                    if revised.get(partition) is not book:
                        revised[partition] = book
                        tracking.revise(book, put, clock.now_ms(), effects)
                    if hub.settings.clock is ClockKind.DATA:
                        tracking.keep_time(book, put, clock.now_ms())
                    else:
                        _forget(hub, book, put, clock, at_most)
                    give_up(hub, tracking, tx, book, put, effects, caught_up=chunk.caught_up)
                now_ms = max((clock.now_ms() for clock in clocks.values()), default=0)
                publish(hub, tx, effects, now_ms, rules.deadlines)

    app.service(inlet)
    return inlet


class Rules:
    """The latest rules of the city, as clocks are kept by."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._city = hub.city
        self.deadlines = DeadlineRules(self._city)
        self.clockwork = Clockwork(self.deadlines)

    def renewed(self) -> bool:
        """Take the latest; whether they are others than before."""
        if self._hub.city is self._city:
            return False
        self._city = self._hub.city
        self.deadlines = DeadlineRules(self._city)
        self.clockwork = Clockwork(self.deadlines)
        return True


def _clock(hub: Hub, book: TrackBook) -> Clock:
    known = book.get(NOW_KEY)
    start_ms = known.now_ms if isinstance(known, Now) else 0
    return make_clock(hub.settings.clock, lateness_ms=int(hub.settings.lateness_seconds * 1000), start_ms=start_ms)


def _forget(hub: Hub, book: TrackBook, put: Put, clock: Clock, at_most: int) -> None:
    """Live only: a replay's clock runs ahead of what other partitions have yet to say of these cases."""
    for case_id in list(book.over_before(clock.now_ms() - int(hub.settings.closed_case_days * _DAY_MS), at_most)):
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
    reopens, *lists = (decoded.batch.column(name) for name in ("reopens", "co_handlers", "conditions"))
    if not pc.any(reopens).as_py() and not any(len(pc.list_flatten(column)) for column in lists):
        return map(Change, *columns, *times)
    return map(Change, *columns, *times, reopens.to_pylist(), *(column.to_pylist() for column in lists))


def _updates(decoded: Decoded) -> Iterable[Update]:
    update = decoded.batch.column("update")
    columns = [update.field(name).to_pylist() for name in ("update_id", "department", "case_id", "status", "note")]
    times = update.field("at").cast("int64").to_pylist()
    steps = update.field("step")
    if pc.all(pc.equal(steps, "AS_STATUS")).as_py() is not False:
        more: Iterable[More | None] = [None] * len(times)
    else:
        columns[3] = pc.if_else(pc.equal(steps, "AS_STATUS"), update.field("status"), steps).to_pylist()
        names = ("reason", "clock", "to", "members", "score", "solved")
        rows = zip(*(update.field(name).to_pylist() for name in names), strict=True)
        more = [
            More(reason, clock, to, tuple(members), score, solved) for reason, clock, to, members, score, solved in rows
        ]
    return map(Update, *columns, times, decoded.bodies, more)
