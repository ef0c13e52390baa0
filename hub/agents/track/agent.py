"""The agent that keeps time: runs every case's clocks, warns, says what was breached and when, and passes answers back."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from hub import topics
from hub.agents.context import Hub
from hub.agents.forgetting import forgotten_at_most
from hub.agents.grouping import rows_by
from hub.agents.intake import UsableRecords, take_in_own
from hub.agents.receipts import LateDecision, acknowledge
from hub.agents.track.rates import begin
from hub.agents.track.records import publish
from hub.agents.track.waiting import give_up, hold, refuse, release, why_waiting
from hub.agents.view import AgentView
from hub.clock import Clock, ClockKind, DataClock, Reading, read_clock
from hub.core.deadlines.versions import RuleVersions
from hub.core.dedup.validation import faults_of_admitted_updates, faults_of_changes, not_of_departments
from hub.core.limits import LimitVerdict
from hub.core.tracking.clockwork import Clockwork
from hub.core.tracking.columns.changes import changes_of
from hub.core.tracking.columns.updates import in_order_of_time, updates_of
from hub.core.tracking.consequences import Change, Effects, UpdateRow
from hub.core.tracking.state import NOW_KEY, Now, TrackBook, TrackJournal, TrackRecord, track_misfit
from hub.core.tracking.tracker import Tracking
from hub.millis import DAY_MS
from hub.stream.avro.codec import Decoded
from hub.stream.changelog.state import JournaledState
from hub.stream.chunk import Chunk
from hub.stream.inlet import Inlet
from hub.stream.outlet import Outlet, Transaction
from hub.topics import Topic

log = logging.getLogger(__name__)
NAME = "track"
TICK_SECONDS = 0.5


def attach(app: Any, hub: Hub) -> AgentView:
    """Add the agent and its inlet to a Faust app, and give what may be seen of it."""
    state = JournaledState(topics.TRACK_CHANGELOG, TrackRecord, lambda _: TrackBook(), track_misfit)
    reads = topics.agent_topics(hub.sources, hub.departments)[NAME]
    inlet = Inlet(app, hub.settings, NAME, reads, state, tick_seconds=TICK_SECONDS, gate=hub.gate)
    outlet = Outlet(hub.settings, NAME, hub.codec, state, hub.topics)
    rules = ClockRules(hub)
    tracking = Tracking(rules.clockwork)
    revised: dict[int, TrackBook] = {}
    begin(hub.departments)
    hub.policy.listeners.append(lambda: begin(hub.departments))

    @app.agent(inlet.channel, name=NAME)
    async def track(chunks: AsyncIterator[Chunk]) -> None:
        async for chunk in chunks:
            async with outlet.transaction(chunk) as tx:
                _decide(hub, chunk, tx, state, rules, tracking, revised)

    app.service(inlet)
    return AgentView(inlet, overdue_cases=partial(_overdue_cases, state))


def _decide(
    hub: Hub,
    chunk: Chunk,
    tx: Transaction,
    state: JournaledState[TrackBook],
    rules: ClockRules,
    tracking: Tracking,
    revised: dict[int, TrackBook],
) -> None:
    """`revised`: by partition, the book whose provisional due times were last reckoned anew."""
    effects = Effects()
    if rules.renewed():
        tracking.use(rules.clockwork)
        revised.clear()
    records, told = _records(hub, chunk, tx)
    waited: list[LateDecision] = []
    put_off: dict[int, list[UpdateRow]] = {}
    # a chunk whose partitions were taken away meanwhile is decided all the same, and then not committed
    held = sorted({*chunk.own_numbers, *records})
    wall = read_clock(hub.wall)
    clocks = {partition: _clock(hub, state[partition], wall) for partition in held}
    journals = {partition: state.journal(partition) for partition in held}
    for partition, mine in records.items():
        journal, clock = journals[partition], clocks[partition]
        certain = clock.doubt is None  # else nothing may run out: a breach cannot be taken back
        for record in mine:
            if isinstance(record, Change):
                now_ms = clock.advance(record.at_ms, record.case_id)
                if certain:
                    tracking.pass_time(journal, now_ms, effects)
                tracking.change(journal, record, effects)
            elif not tracking.update(journal, record, effects):
                if hold(journal, record, wall.now_ms()):
                    put_off.setdefault(partition, []).append(record)
                else:
                    waited += refuse(hub, tracking, tx, journal.book, record.case_id, record.body)
                continue
            if journal.book.waiting:
                waited += release(hub, tracking, journal, record.case_id, effects)
    at_most = forgotten_at_most(chunk)
    for partition, clock in clocks.items():
        journal = journals[partition]
        if clock.doubt is None:
            tracking.pass_time(journal, clock.now_ms(), effects)
            if revised.get(partition) is not journal.book:
                revised[partition] = journal.book
                tracking.revise(journal, clock.now_ms(), effects)
        if isinstance(clock, DataClock):
            tracking.keep_time(journal, Now(clock.now_ms(), clock.ahead))
        else:
            _forget(hub, journal, clock, at_most)
        waited += give_up(hub, tracking, tx, journal, wall.now_ms(), caught_up=chunk.caught_up)
    now_ms = max((clock.now_ms() for clock in clocks.values()), default=0)
    if effects.left_out:
        log.error("%s: %s changes are left out: a case may have no more of them", NAME, effects.left_out)
    publish(hub, tx, effects, now_ms, rules.deadlines, rules.clockwork.lives)
    waiting = {
        row: why
        for partition, updates in put_off.items()
        for row, why in why_waiting(journals[partition].book, updates).items()
    }
    acknowledge(hub, tx, told, effects.applied, waited, waiting)


class ClockRules:
    """What clocks are kept by: each case's own rules, and the latest for who may speak of it."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._city = hub.city
        self.deadlines = RuleVersions(hub.policy)
        self.clockwork = Clockwork(self.deadlines.latest, self.deadlines)

    def renewed(self) -> bool:
        """Take the latest; whether they are others than before."""
        if self._hub.city is self._city:
            return False
        self._city = self._hub.city
        self.clockwork = Clockwork(self.deadlines.latest, self.deadlines)
        return True


def _overdue_cases(state: JournaledState[TrackBook]) -> Counter[str]:
    """By department that holds them."""
    return Counter([case.department for book in state.books() for case in book.overdue()])


def _clock(hub: Hub, book: TrackBook, wall: Reading) -> Clock:
    """What a partition's cases are timed by in one chunk; `wall`: the time of day."""
    if hub.settings.clock is ClockKind.WALL:
        return wall
    known = book.get(NOW_KEY)
    now = known if isinstance(known, Now) else Now(0)
    lateness_ms = int(hub.settings.lateness_seconds * 1000)
    return DataClock(lateness_ms, now.now_ms, now.ahead)


def _forget(hub: Hub, journal: TrackJournal, clock: Clock, at_most: int) -> None:
    """Live only: a replay's clock runs ahead of what other partitions have yet to say of these cases."""
    for case_id in list(
        journal.book.over_before(clock.now_ms() - int(hub.settings.closed_case_days * DAY_MS), at_most)
    ):
        journal.put(case_id, None)


def _records(hub: Hub, chunk: Chunk, tx: Transaction) -> tuple[dict[int, list[Change | UpdateRow]], UsableRecords]:
    """By partition, in the order they came in; and the updates as they came."""
    found: list[Change | UpdateRow | None] = [None] * len(chunk)
    arrived: list[Any] = [np.zeros(0, np.int64)]
    kinds: tuple[tuple[Topic, Any, Callable[[Decoded], Iterable[Change | UpdateRow]], str], ...] = (
        (topics.CASES, faults_of_changes, lambda decoded: changes_of(decoded.batch), "case"),
        (topics.UPDATES, partial(_faults_of_updates, hub), partial(_updates, hub), "update"),
    )
    for topic, faults, read, outcome in kinds:
        intake = take_in_own(hub, chunk, tx, topic, faults)
        if not intake.rows:
            continue
        for row, record in zip(intake.rows, read(intake.decoded), strict=True):
            found[row] = record
        origins = intake.decoded.batch.column("origin")
        arrived.append(origins.field("ingested_at").drop_null().cast("int64").to_numpy())
        tx.account(outcome, len(intake.rows))
    tx.arrived(np.concatenate(arrived))
    by_partition = {
        partition: [each for row in mine if (each := found[row]) is not None]
        for partition, mine in rows_by(chunk.partitions).items()
    }
    return by_partition, intake


def _faults_of_updates(hub: Hub, batch: pa.RecordBatch) -> Iterator[LimitVerdict]:
    yield from faults_of_admitted_updates(batch)
    yield from not_of_departments(batch, hub.knows)


def _updates(hub: Hub, decoded: Decoded) -> Iterable[UpdateRow]:
    arrived = hub.settings.clock is ClockKind.WALL  # in a replay it means nothing
    found = updates_of(decoded.batch, decoded.bodies.to_pylist(), arrived=arrived)
    return in_order_of_time(list(found), decoded.batch)
