"""The orders by which `track` reminds: who holds a case of its clocks, and who stands above it of the rungs of supervision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from hub import metrics
from hub.agents.context import Hub
from hub.agents.due_times import due_times
from hub.core.columns import any_said
from hub.core.deadlines.rules import Due
from hub.core.tracking.consequences import Notice
from hub.core.tracking.ladder import Climb
from hub.core.tracking.lives.lives import Lives
from hub.core.tracking.rings import BREACHED, WARNED, Ring
from hub.core.tracking.state import TrackedCase
from hub.model.ids import derived_id, derived_ids, of_revision, reminder_of
from hub.model.outputs import OrderKind
from hub.model.personal import Personal
from hub.stream.outlet import Transaction


def noticed_ms(ring: Ring, now_ms: int) -> int:
    """When the hub saw what a clock says: never before that is true."""
    return max(now_ms, ring.at_ms, ring.clock.started_ms)


def publish_reminders(hub: Hub, tx: Transaction, rings: Sequence[Ring], now_ms: int, lives: Lives) -> None:
    """To who holds each case now, for it can still act; and to whom the rungs that cases came to by themselves go."""
    reminders: dict[str, list[Ring]] = defaultdict(list)
    climbs: dict[int, Climb] = {}
    for ring in rings:
        if ring.kind in (WARNED, BREACHED):
            reminders[ring.clock.department or ring.case.department].append(ring)
        if ring.kind == BREACHED and (climb := lives.climb(ring.case, ring.clock)) is not None:
            climbs[id(ring)] = climb
    for department, told in reminders.items():
        due = due_times(
            [ring.name for ring in told],
            [ring.clock.policy for ring in told],
            [ring.clock.due_ms for ring in told],
            range(len(told) + 1),
        )
        reasons = [_reason(ring, climbs.get(id(ring)), lives) for ring in told]
        rows = [ring.clock.policy for ring in told]
        issued = [noticed_ms(ring, now_ms) for ring in told]
        units = [_unit_of_party(hub, ring, department) for ring in told]
        ids = derived_ids("O", list(map(_cause, told)))
        _remind(hub, tx, department, ids, [ring.case for ring in told], rows, reasons, issued, due, units)
    for ring in rings:
        if (climb := climbs.get(id(ring))) is not None:
            holder = ring.clock.department or ring.case.department
            cause = derived_id("O", *_cause(ring))
            _tell_above(
                hub, tx, ring.case, holder, climb, _reason(ring, climb, lives), cause, noticed_ms(ring, now_ms), lives
            )


def _cause(ring: Ring) -> tuple[str, ...]:
    clock = ring.clock
    return reminder_of(ring.case.case_id, ring.department, ring.kind, ring.name, clock.policy, clock.due_ms)


def publish_supervision(hub: Hub, tx: Transaction, notices: Sequence[Notice], now_ms: int, lives: Lives) -> None:
    """Rungs that somebody said: to who holds the case, and to whom they go. One by one: it is rare."""
    for notice in notices:
        answer, case = notice.answer, notice.case
        issued_ms = max(now_ms, answer.at_ms, case.opened_ms)
        rule = lives.ladder.name_of(answer.event)
        note = "" if Personal.WORDS in hub.withheld(notice.department) else answer.note
        reason = f"{rule} by {answer.department}" + (f": {note}" if note else "")
        said = of_revision(answer.update_id, answer.revision)
        order = derived_id("O", case.case_id, answer.status, answer.department, said)
        unit = _unit_of_holder(case, notice.department)
        climb = lives.climb_of(case, answer)
        _remind(
            hub,
            tx,
            notice.department,
            [order],
            [case],
            [answer.event],
            [reason],
            [issued_ms],
            _dues(climb.dues),
            [unit],
        )
        told = f"{rule} by {answer.department}"
        _tell_above(hub, tx, case, notice.department, climb, told, order, issued_ms, lives)


def _reason(ring: Ring, climb: Climb | None, lives: Lives) -> str:
    """What rang; and the rung of supervision, where the clock's row climbs by itself."""
    said = f"{ring.clock.clock} {ring.kind.lower()}"
    return f"{lives.ladder.name_of(climb.rung)} by row {ring.clock.policy}: {said}" if climb else said


def _tell_above(
    hub: Hub,
    tx: Transaction,
    case: TrackedCase,
    holder: str,
    climb: Climb,
    reason: str,
    cause: str,
    issued_ms: int,
    lives: Lives,
) -> None:
    """Tell who stands above the holder of a rung that goes there; who stands above a unit may be one of its own department.
    `cause`: id of the order by which the holder is told: an audit finds this one by it."""
    seat = _unit_of_holder(case, holder)
    who = lives.ladder.addressee(climb.rung, holder, seat)
    if who is None:
        return
    department = hub.city.department_of(who) or who
    order = derived_id("O", cause, climb.rung, department)
    reason = f"{reason}; held by 主办 {seat or holder}"
    unit = None if department == who else who
    _remind(hub, tx, department, [order], [case], [climb.rung], [reason], [issued_ms], _dues(climb.dues), [unit])


def _unit_of_holder(case: TrackedCase, department: str) -> str | None:
    return case.unit if department == case.department else None


def _unit_of_party(hub: Hub, ring: Ring, department: str) -> str | None:
    """Who below the department whose clock it is; below one that was called, whom its order named."""
    called = ring.clock.department is not None and department != ring.case.department
    return hub.city.unit_for(department, ring.case.area) if called else _unit_of_holder(ring.case, department)


def _dues(dues: Sequence[Due]) -> pa.ListArray:
    clocks, policies, instants = ([getattr(due, name) for due in dues] for name in ("clock", "policy", "due_ms"))
    return due_times(clocks, policies, instants, [0, len(dues)])


def _remind(
    hub: Hub,
    tx: Transaction,
    department: str,
    order_ids: list[str],
    cases: list[TrackedCase],
    rules: list[str],
    reasons: list[str],
    issued: list[int],
    deadlines: pa.ListArray,
    units: list[str | None],
) -> None:
    columns: dict[str, Any] = {
        "order_id": order_ids,
        "kind": [OrderKind.REMIND] * len(cases),
        "case_id": [case.case_id for case in cases],
        "department": [department] * len(cases),
        "issued_at": issued,
        "area": [case.area for case in cases],
        "rule": rules,
        "reason": reasons,
        "queue": [None] * len(cases),
        "lead": [None] * len(cases),
        "priority": [None] * len(cases),
        "deadlines": deadlines,
        **any_said(unit=units),
    }
    values = hub.codec.encode_before("cityhub.Order", columns, [None] * len(cases))
    tx.publish(hub.orders(department), values, columns["case_id"])
    tx.count(metrics.ORDERS.labels(hub.label(department), OrderKind.REMIND), len(cases))
