"""The agent that keeps time: runs every case's clocks, warns, says what was breached and when, and passes answers back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from hub import metrics, topics
from hub.agents.context import Hub
from hub.agents.waiting import give_up, hold, release
from hub.clock import Clock, ClockKind, make_clock
from hub.core.clockwork import BREACHED, MET, NOW_KEY, WARNED, Clockwork, Now, TrackBook, TrackRecord
from hub.core.deadlines import DeadlineRules
from hub.core.tracking import Effects, Reply, Tracking
from hub.model.ids import derived_id
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
                    give_up(hub, tx, book, put, caught_up=chunk.caught_up)
                    for case_id in list(
                        book.over_before(clock.now_ms() - int(hub.settings.closed_case_days * _DAY_MS))
                    ):
                        put(case_id, None)
                _publish(hub, tx, effects, max((clock.now_ms() for clock in clocks.values()), default=0))

    app.service(inlet)
    return inlet


def _clock(hub: Hub, book: TrackBook) -> Clock:
    known = book.get(NOW_KEY)
    start_ms = known.now_ms if isinstance(known, Now) else 0
    return make_clock(hub.settings.clock, lateness_ms=int(hub.settings.lateness_seconds * 1000), start_ms=start_ms)


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


def _publish(hub: Hub, tx: Transaction, effects: Effects, now_ms: int) -> None:
    _publish_rings(hub, tx, effects, now_ms)
    endings = effects.endings
    columns: dict[str, list[Any]] = {
        "case_id": [ending.case.case_id for ending in endings],
        "place_key": [ending.case.place_key for ending in endings],
        "outcome": [ending.outcome for ending in endings],
        "department": [ending.department for ending in endings],
        "at": [ending.at_ms for ending in endings],
    }
    tx.publish(topics.CLOSURES, hub.codec.encode_columns("cityhub.Closure", columns), columns["place_key"])
    by_source: dict[str, list[Reply]] = defaultdict(list)
    for reply in effects.replies:
        by_source[reply.source].append(reply)
    for source, replies in by_source.items():
        columns = {
            "reply_id": [derived_id("R", r.case.case_id, r.answer.update_id, r.source, r.ref) for r in replies],
            "source": [source] * len(replies),
            "source_ref": [reply.ref for reply in replies],
            "case_id": [reply.case.case_id for reply in replies],
            "department": [reply.answer.department for reply in replies],
            "status": [reply.answer.status for reply in replies],
            "at": [reply.answer.at_ms for reply in replies],
            "text": [reply.answer.note for reply in replies],
        }
        values = hub.codec.encode_columns("cityhub.Reply", columns)
        tx.publish(topics.city_replies(source), values, columns["source_ref"])


def _publish_rings(hub: Hub, tx: Transaction, effects: Effects, now_ms: int) -> None:
    rings = effects.rings
    columns: dict[str, list[Any]] = {
        "case_id": [ring.case.case_id for ring in rings],
        "clock": [ring.clock.clock for ring in rings],
        "kind": [ring.kind for ring in rings],
        "department": [ring.case.department for ring in rings],
        "category": [ring.case.category for ring in rings],
        "policy": [ring.clock.policy for ring in rings],
        "started_at": [ring.clock.started_ms for ring in rings],
        "due_at": [ring.clock.due_ms for ring in rings],
        "at": [ring.at_ms for ring in rings],
        "noticed_at": [now_ms] * len(rings),
        "corrects": [ring.corrects for ring in rings],
    }
    tx.publish(topics.DEADLINES, hub.codec.encode_columns("cityhub.DeadlineEvent", columns), columns["case_id"])
    counters = {WARNED: metrics.WARNINGS, BREACHED: metrics.BREACHES, MET: metrics.MET}
    reminders: dict[str, list[Any]] = defaultdict(list)
    for ring in rings:
        if ring.kind in counters:
            tx.count(counters[ring.kind].labels(ring.case.department, ring.clock.clock))
        if ring.kind in (WARNED, BREACHED):
            reminders[ring.case.department].append(ring)
    for department, told in reminders.items():
        columns = {
            "order_id": [
                derived_id("O", r.case.case_id, department, r.kind, r.clock.clock, r.clock.policy) for r in told
            ],
            "kind": ["REMIND"] * len(told),
            "case_id": [ring.case.case_id for ring in told],
            "department": [department] * len(told),
            "issued_at": [now_ms] * len(told),
            "area": [ring.case.area for ring in told],
            "rule": [ring.clock.policy for ring in told],
            "reason": [f"{ring.clock.clock} {ring.kind.lower()}" for ring in told],
            "deadlines": [
                [{"clock": ring.clock.clock, "policy": ring.clock.policy, "due_at": ring.clock.due_ms}] for ring in told
            ],
        }
        values = hub.codec.encode_before("cityhub.Order", columns, [None] * len(told))
        tx.publish(topics.dept_orders(department), values, columns["case_id"])
        tx.count(metrics.ORDERS.labels(department, "REMIND"), len(told))
