"""The agent that makes cases: links reports of one incident, finds the responsible department and sends it orders."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from functools import partial
from typing import Any

import pyarrow as pa

from hub import metrics, topics
from hub.agents.context import Hub
from hub.agents.forgetting import forgotten_at_most
from hub.agents.grouping import rows_by
from hub.agents.intake import take_in_own
from hub.agents.renewing import renew
from hub.agents.route.clocks import decided, with_starts
from hub.agents.route.desks import RuleSets
from hub.agents.route.erasing import take_erasures, without_erased
from hub.agents.route.homes import say_homes
from hub.agents.route.records import publish_cases, publish_exit_replies, publish_orders
from hub.agents.route.unlinking import unlink
from hub.agents.view import AgentView
from hub.clock import Clock, ClockKind, DataClock
from hub.core.cases.changes.closures import ClosureRow, closures_of, unlinking_of
from hub.core.cases.changes.erasing import forgotten
from hub.core.cases.statements import RouteBook, RouteJournal, RouteRecord, keep, route_misfit
from hub.core.cases.steps import LINKED, OPENED, Step
from hub.core.cases.touched import Touched, touched
from hub.core.deadlines.rules import DeadlineRules
from hub.core.deadlines.versions import RuleVersions
from hub.core.dedup.validation import faults_of_admitted_events, faults_of_closures
from hub.core.linking import Incidents
from hub.core.report import Sighting, sightings_of
from hub.millis import DAY_MS
from hub.model.outputs import ClosureStep, Outcome
from hub.policy import City
from hub.stream.changelog.state import JournaledState
from hub.stream.chunk import Chunk
from hub.stream.inlet import Inlet
from hub.stream.outlet import Outlet, Transaction

NAME = "route"
_AS_OUTCOME, _UNLINKED, _RESOLVED = ClosureStep.AS_OUTCOME, ClosureStep.UNLINKED, Outcome.RESOLVED


def attach(app: Any, hub: Hub) -> AgentView:
    """Add the agent and its inlet to a Faust app, and give what may be seen of it."""
    state = JournaledState(
        topics.ROUTE_CHANGELOG,
        RouteRecord,
        lambda _: RouteBook(Incidents(hub.city)),
        route_misfit,
        partial(renew, hub.codec),
    )
    reads = topics.agent_topics(hub.sources, hub.departments)[NAME]
    inlet = Inlet(app, hub.settings, NAME, reads, state, gate=hub.gate)
    outlet = Outlet(hub.settings, NAME, hub.codec, state, hub.topics)
    desks = RuleSets(hub.policy)
    clock = hub.clock()

    @app.agent(inlet.channel, name=NAME)
    async def route(chunks: AsyncIterator[Chunk]) -> None:
        indexed = hub.city
        async for chunk in chunks:
            if indexed is not hub.city:
                state.remake()  # its index of incidents follows the linking rules
                indexed = hub.city
            async with outlet.transaction(chunk) as tx:
                _decide(hub, chunk, tx, state, desks, clock)

    app.service(inlet)
    return AgentView(inlet, partial(_open_cases, state), touched=partial(_touched, hub, state))


def _decide(
    hub: Hub, chunk: Chunk, tx: Transaction, state: JournaledState[RouteBook], desks: RuleSets, clock: Clock
) -> None:
    say_homes(hub, tx, state)  # before the chunk's own: nobody has forgotten them
    steps = take_erasures(hub, chunk, tx, state)
    sighted, sightings, origins = _sightings(hub, chunk, tx, state, words=desks.ask_words)
    partitions = [chunk.partitions[row] for row in sighted]
    for partition, rows in sorted(rows_by(partitions).items()):
        mine = [sightings[row] for row in rows]
        journal = state.journal(partition)
        taken = desks.take_all(journal.of(journal.book.cases), mine)
        keep(journal, taken, sightings)
        steps += taken
    _follow(tx, steps, sighted)
    for outcome, records in Counter(step.change for step in steps if step.row is not None).items():
        tx.account(outcome.lower(), records)
    if isinstance(clock, DataClock):
        for seen in sightings:
            clock.advance(seen.at_ms, seen.ref)
    for partition, closures in _closures(hub, chunk, tx).items():
        steps += _end(hub, tx, desks, state.journal(partition), closures)
        tx.account("closure", len(closures))
    if steps:
        steps = [with_starts(desks.rules, step) if step.history else step for step in steps]
        clocks = decided(desks.rules, steps)
        publish_cases(hub, tx, steps, clocks, origins)
        publish_orders(hub, tx, steps, clocks, clock)
        publish_exit_replies(hub, tx, steps)
    _forget(hub, state, clock, forgotten_at_most(chunk))
    _count(hub, tx, steps)


def _sightings(
    hub: Hub, chunk: Chunk, tx: Transaction, state: JournaledState[RouteBook], *, words: bool
) -> tuple[list[int], list[Sighting], pa.StructArray]:
    """The chunk's events with their rows in it; a sighting's own row is its position among the origins, given third."""
    intake = take_in_own(hub, chunk, tx, topics.EVENTS, faults_of_admitted_events)
    batch = intake.decoded.batch
    origins = batch.column("origin")
    arrived_ms = origins.field("ingested_at").cast("int64").to_numpy()
    tx.arrived(arrived_ms)
    if not intake.rows:
        return [], [], origins
    sightings = sightings_of(batch, hub.codec.nested_bodies("cityhub.AdmittedEvent", intake.decoded), words=words)
    partitions = [chunk.partitions[row] for row in intake.rows]
    return intake.rows, without_erased(hub, state, partitions, sightings, arrived_ms), origins


def _follow(tx: Transaction, steps: Iterable[Step], rows: Sequence[int]) -> None:
    """What comes of a sampled report bears its trace. `rows`: of the chunk, by those of sightings."""
    if tx.trail is not None:
        for step in steps:
            if step.row is not None:
                tx.trail.follow(rows[step.row], step.case.case_id, step.report.ref)


def _closures(hub: Hub, chunk: Chunk, tx: Transaction) -> dict[int, list[ClosureRow]]:
    """By partition, in the order they came in."""
    intake = take_in_own(hub, chunk, tx, topics.CLOSURES, faults_of_closures)
    if not intake.rows:
        return {}
    closures = closures_of(intake.decoded.batch)
    partitions = rows_by([chunk.partitions[row] for row in intake.rows])
    if tx.trail is not None:
        for row, closure in zip(intake.rows, closures, strict=True):
            tx.trail.follow(row, closure.case_id)
    return {partition: [closures[at] for at in mine] for partition, mine in partitions.items()}


def _end(
    hub: Hub, tx: Transaction, desks: RuleSets, journal: RouteJournal, closures: Sequence[ClosureRow]
) -> list[Step]:
    moves, cases = desks.latest.casework.moves, journal.of(journal.book.cases)
    steps: list[Step] = []
    for closure in closures:
        if closure.step is _UNLINKED:
            parted = unlink(hub.codec, desks, journal, unlinking_of(closure))
            if tx.trail is not None:
                (row,) = tx.trail.rows_of([closure.case_id])
                for step in parted:  # one of them is of a case that nobody has named yet
                    tx.trail.follow(row, step.case.case_id)
            steps += parted
            continue
        taken = moves.take(cases, closure)
        if closure.step is _AS_OUTCOME and closure.outcome is _RESOLVED:
            keep(journal, taken, ())
        steps += taken
    return steps


def _forget(hub: Hub, state: JournaledState[RouteBook], clock: Clock, at_most: int) -> None:
    """Live only: a replay's clock runs ahead of the partitions it has read less of, and would forget what they still need."""
    if hub.settings.clock is ClockKind.DATA:
        return
    limit_ms = clock.now_ms() - int(hub.settings.closed_case_days * DAY_MS)
    for partition in state.partitions():
        journal = state.journal(partition)
        for key in (*journal.book.cases.closed_before(limit_ms, at_most), *forgotten(journal.book, limit_ms)):
            journal.put(key, None)


def _count(hub: Hub, tx: Transaction, steps: list[Step]) -> None:
    linked = Counter([step.case.category for step in steps if step.change == LINKED])
    parted = Counter([step.case.category for step in steps if step.unlinks])
    for metric, counted in ((metrics.LINKS, linked), (metrics.UNLINKS, parted)):
        for category, records in counted.items():
            known = hub.city.category_of(category)
            tx.count(metric.labels(known.code if known else "unknown"), records)
    opened = [step.case for step in steps if step.change == OPENED]
    for reason, records in Counter([case.desk_reason for case in opened if case.desk_reason]).items():
        tx.count(metrics.DESK_CASES.labels(reason), records)
    unknown = {category for category in {case.category for case in opened} if hub.city.category_of(category) is None}
    for source, records in Counter([case.source for case in opened if case.category in unknown]).items():
        tx.count(metrics.UNKNOWN_CATEGORIES.labels(hub.source_label(source)), records)
    ordered = Counter([(order.department, order.kind) for step in steps for order in step.orders])
    for (department, kind), records in ordered.items():
        tx.count(metrics.ORDERS.labels(hub.label(department), kind), records)


def _open_cases(state: JournaledState[RouteBook]) -> Counter[str]:
    """By department that holds them. Asked from other threads while cases open and close: what is counted is a copy."""
    held: Counter[str] = Counter()
    for book in state.books():
        held.update(book.cases.open_by_department.copy())
    return +held


def _touched(hub: Hub, state: JournaledState[RouteBook], before: City) -> Touched:
    """Asked from other threads while cases open and close: what is compared is a copy, by rules of its own."""
    rules = RuleVersions(hub.policy)
    cases = [case for book in state.books() for case in book.cases.all() if not case.over]
    return touched(rules, DeadlineRules(before), cases)
