"""The records `route` publishes: changes of cases, and orders to departments."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from hub import topics
from hub.agents.context import Hub
from hub.clock import Clock
from hub.core.cases import Case
from hub.core.casework import OrderDraft, Step
from hub.core.deadlines import DeadlineRules
from hub.model.ids import derived_id
from hub.stream.outlet import Transaction


def publish_cases(hub: Hub, tx: Transaction, steps: list[Step], origins: dict[int, Any]) -> None:
    """One `cityhub.CaseChange` a step, keyed by case. `origins`: by row, the input each accounts for."""
    columns: dict[str, list[Any]] = defaultdict(list)
    for step in steps:
        case = step.case
        row = {
            "case_id": case.case_id,
            "change": step.change,
            "at": step.at_ms,
            "origin": None if step.row is None else origins[step.row],
            "source": step.report.source,
            "source_ref": step.report.ref,
            "revision": step.report.revision,
            "lead_source": case.lead.source,
            "lead_ref": case.lead.ref,
            "category": case.category,
            "urgency": case.urgency,
            "channel": case.channel,
            "place_key": case.place_key,
            "area": case.area,
            "lat": case.lat,
            "lon": case.lon,
            "department": case.department,
            "rule": case.rule,
            "desk_reason": case.desk_reason,
            "opened_at": case.opened_ms,
            "due_at": case.due_ms,
            "reports": len(case.reports),
            "ends": step.ends,
            "over": case.over,
            "link": _link(step),
        }
        for name, value in row.items():
            columns[name].append(value)
    if steps:
        tx.publish(topics.CASES, hub.codec.encode_columns("cityhub.CaseChange", columns), columns["case_id"])


def _link(step: Step) -> dict[str, Any] | None:
    if step.link is None:
        return None
    return {
        "score": step.link.score,
        "distance_m": step.link.distance_m,
        "apart_seconds": (step.at_ms - step.case.opened_ms) / 1000,
        "reasons": step.link.reasons,
    }


def publish_orders(hub: Hub, tx: Transaction, steps: list[Step], rules: DeadlineRules, clock: Clock) -> None:
    """The steps' orders, to each department's own topic, with the clocks that run and the report behind them."""
    drafts = [(step, order) for step in steps for order in step.orders]
    cases = [step.case for step, _ in drafts]
    dues = rules.due(
        [case.category for case in cases],
        [case.lead.source for case in cases],
        [case.urgency for case in cases],
        [case.area for case in cases],
        [case.opened_ms for case in cases],
    )
    by_department: dict[str, list[int]] = defaultdict(list)
    for index, (_, order) in enumerate(drafts):
        by_department[order.department].append(index)
    now_ms = clock.now_ms()
    for department, indexes in by_department.items():
        chosen = [(*drafts[index], dues[index]) for index in indexes]
        columns: dict[str, Any] = {
            "order_id": [_order_id(step, order) for step, order, _ in chosen],
            "kind": [order.kind for _, order, _ in chosen],
            "case_id": [step.case.case_id for step, _, _ in chosen],
            "department": [department] * len(chosen),
            "issued_at": [now_ms] * len(chosen),
            "area": [step.case.area for step, _, _ in chosen],
            "rule": [step.case.rule for step, _, _ in chosen],
            "reason": [order.reason for _, order, _ in chosen],
            "deadlines": [_deadlines(step.case, order.kind, due) for step, order, due in chosen],
        }
        values = hub.codec.encode_before("cityhub.Order", columns, [order.body for _, order, _ in chosen])
        tx.publish(topics.dept_orders(department), values, columns["case_id"])


def _order_id(step: Step, order: OrderDraft) -> str:
    report = step.report
    cause = (step.change, report.source, report.ref, str(report.revision), str(step.at_ms))
    return derived_id("O", step.case.case_id, order.department, order.kind, *cause)


def _deadlines(case: Case, kind: str, dues: Any) -> list[dict[str, Any]]:
    if kind == "WITHDRAW":
        return []
    own = [] if case.due_ms is None else [{"clock": "resolve", "policy": "source", "due_at": case.due_ms}]
    return [
        {"clock": due.clock, "policy": due.policy, "due_at": due.due_ms}
        for due in dues
        if not own or due.clock != "resolve"
    ] + own
