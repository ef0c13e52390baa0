"""The records `track` publishes: what clocks said, reminders, closures and replies."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from hub import metrics, topics
from hub.agents.context import Hub
from hub.agents.due_times import due_times
from hub.core.clockwork import BREACHED, MET, WARNED, Ring
from hub.core.tracking import Effects, Ending, Reply
from hub.model.ids import derived_ids
from hub.stream.outlet import Transaction

_COUNTERS = {WARNED: metrics.WARNINGS, BREACHED: metrics.BREACHES, MET: metrics.MET}


def publish(hub: Hub, tx: Transaction, effects: Effects, now_ms: int) -> None:
    """Everything a chunk caused. `now_ms` is the hub's clock: when it was noticed."""
    _publish_rings(hub, tx, effects.rings, now_ms)
    _publish_reminders(hub, tx, effects.rings, now_ms)
    _publish_endings(hub, tx, effects.endings)
    _publish_replies(hub, tx, effects.replies)
    rung = Counter((ring.kind, ring.case.department, ring.clock.clock) for ring in effects.rings)
    for (kind, department, clock), times in rung.items():
        if kind in _COUNTERS:
            tx.count(_COUNTERS[kind].labels(department, clock), times)


def _publish_endings(hub: Hub, tx: Transaction, endings: list[Ending]) -> None:
    columns: dict[str, list[Any]] = {
        "case_id": [ending.case.case_id for ending in endings],
        "place_key": [ending.case.place_key for ending in endings],
        "outcome": [ending.outcome for ending in endings],
        "department": [ending.department for ending in endings],
        "at": [ending.at_ms for ending in endings],
        "step": ["AS_OUTCOME"] * len(endings), "to": [None] * len(endings), "members": [()] * len(endings),
        "reason": [None] * len(endings),
    }
    tx.publish(topics.CLOSURES, hub.codec.encode_columns("cityhub.Closure", columns), columns["place_key"])


def _publish_replies(hub: Hub, tx: Transaction, told: list[Reply]) -> None:
    by_source: dict[str, list[Reply]] = defaultdict(list)
    for reply in told:
        by_source[reply.source].append(reply)
    for source, replies in by_source.items():
        columns: dict[str, Any] = {
            "reply_id": derived_ids("R", [(r.case.case_id, r.answer.update_id, r.source, r.ref) for r in replies]),
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


def _publish_rings(hub: Hub, tx: Transaction, rings: list[Ring], now_ms: int) -> None:
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
        "duration": [0.0] * len(rings), "unit": [""] * len(rings), "calendar": [""] * len(rings),
        "stretches": [()] * len(rings), "pauses": [()] * len(rings), "extensions": [()] * len(rings),
        "extension": [0.0] * len(rings), "extension_unit": [""] * len(rings), "provisional": [False] * len(rings),
    }
    tx.publish(topics.DEADLINES, hub.codec.encode_columns("cityhub.DeadlineEvent", columns), columns["case_id"])


def _publish_reminders(hub: Hub, tx: Transaction, rings: list[Ring], now_ms: int) -> None:
    reminders: dict[str, list[Ring]] = defaultdict(list)
    for ring in rings:
        if ring.kind in (WARNED, BREACHED):
            reminders[ring.case.department].append(ring)
    for department, told in reminders.items():
        columns: dict[str, Any] = {
            "order_id": derived_ids(
                "O", [(r.case.case_id, department, r.kind, r.clock.clock, r.clock.policy) for r in told]
            ),
            "kind": ["REMIND"] * len(told),
            "case_id": [ring.case.case_id for ring in told],
            "department": [department] * len(told),
            "issued_at": [now_ms] * len(told),
            "area": [ring.case.area for ring in told],
            "rule": [ring.clock.policy for ring in told],
            "reason": [f"{ring.clock.clock} {ring.kind.lower()}" for ring in told],
            "queue": [None] * len(told),
            "lead": [None] * len(told),
            "priority": [None] * len(told),
            "deadlines": due_times(
                [ring.clock.clock for ring in told],
                [ring.clock.policy for ring in told],
                [ring.clock.due_ms for ring in told],
                range(len(told) + 1),
            ),
        }
        values = hub.codec.encode_before("cityhub.Order", columns, [None] * len(told))
        tx.publish(topics.dept_orders(department), values, columns["case_id"])
        tx.count(metrics.ORDERS.labels(department, "REMIND"), len(told))
