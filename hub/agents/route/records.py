"""The records `route` publishes: changes of cases, and orders to departments."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pyarrow as pa

from hub import topics
from hub.agents.context import Hub
from hub.agents.grouping import rows_by
from hub.agents.route.clocks import NOBODY, DecidedClocks
from hub.agents.route.purposes import withhold
from hub.clock import Clock
from hub.core.cases.steps import WITHDRAW, OrderDraft, Step
from hub.core.columns import any_said, latest
from hub.core.linking import Match
from hub.core.tracking.columns.history import held_value, history_value
from hub.model.ids import derived_ids
from hub.policy.city import City
from hub.stream.outlet import Transaction


def publish_cases(hub: Hub, tx: Transaction, steps: list[Step], clocks: DecidedClocks, origins: pa.StructArray) -> None:
    """One `cityhub.CaseChange` a step, keyed by case. `origins`: by row, the input each accounts for."""
    cases = [step.case for step in steps]
    reports = [step.report for step in steps]
    leads = [case.reports[0] for case in cases]
    columns: dict[str, Any] = {
        "case_id": [case.case_id for case in cases],
        "change": [step.change for step in steps],
        "at": [step.at_ms for step in steps],
        "origin": origins.take(pa.array([step.row for step in steps], pa.int64())),  # without a row: null
        "source": [report.source for report in reports],
        "source_ref": [report.ref for report in reports],
        "revision": [report.revision for report in reports],
        "lead_source": [lead.source for lead in leads],
        "lead_ref": [lead.ref for lead in leads],
        "category": [case.category for case in cases],
        "urgency": [case.urgency for case in cases],
        "channel": [case.channel for case in cases],
        "place_key": [case.place_key for case in cases],
        "area": [case.area for case in cases],
        "lat": [case.lat for case in cases],
        "lon": [case.lon for case in cases],
        "department": [case.department for case in cases],
        "rule": [case.rule for case in cases],
        "desk_reason": [case.desk_reason for case in cases],
        "queue": [case.queue for case in cases],
        "priority": [case.priority for case in cases],
        "opened_at": [case.opened_ms for case in cases],
        "due_at": [case.due_ms for case in cases],
        "reports": [len(case.reports) for case in cases],
        "ends": [step.ends for step in steps],
        "over": [case.closed_ms is not None for case in cases],
        "rules": clocks.rules,
        "clocks": clocks.clocks_told(),
        **any_said(
            co_handlers=[case.co_handlers for case in cases],
            called=[case.called and [who for who, _ in case.called] for case in cases],
            conditions=[case.conditions for case in cases],
            reopens=[step.reopens for step in steps],
            unlinks=[step.unlinks for step in steps],
            link=[step.link and _link(step, step.link) for step in steps],
            history=[step.history and history_value(step.history) for step in steps],
            moves=[case.moves for case in cases],
            held=[step.ledger and held_value(step.ledger) for step in steps],
        ),
    }
    if hub.city.organisation is not None:
        columns["unit"] = [case.unit for case in cases]
    tx.publish(topics.CASES, hub.codec.encode_columns("cityhub.CaseChange", columns), columns["case_id"])


def _link(step: Step, link: Match) -> dict[str, Any]:
    made_ms = step.report.clue.at_ms if step.report.clue else step.at_ms
    return {
        "score": link.score,
        "distance_m": link.distance_m,
        "apart_seconds": (made_ms - step.case.reported_ms) / 1000,
        "reasons": link.reasons,
    }


def publish_orders(hub: Hub, tx: Transaction, steps: list[Step], clocks: DecidedClocks, clock: Clock) -> None:
    """The steps' orders, to each department's own topic, with the clocks that run and the report behind them, as far as its purpose
    needs it. None is issued before what it is about: a source's clock may be ahead, a replay's data clock behind."""
    drafts = [(step, order) for step in steps for order in step.orders]
    cases, orders = [step.case for step, _ in drafts], [order for _, order in drafts]
    of_steps = [-1 if order.kind is WITHDRAW else at for at, step in enumerate(steps) for order in step.orders]
    case_ids, now_ms = [case.case_id for case in cases], clock.now_ms()
    called = [order.called_ms is not None for order in orders]
    columns: dict[str, Any] = {
        "order_id": derived_ids("O", [_cause(step, order) for step, order in drafts]),
        "kind": [order.kind for order in orders],
        "case_id": case_ids,
        "department": [order.department for order in orders],
        "issued_at": latest([step.at_ms for step, _ in drafts], [case.opened_ms for case in cases]).clip(min=now_ms),
        "area": [case.area for case in cases],
        "rule": [case.rule for case in cases],
        "reason": [order.reason for order in orders],
        "queue": [None if order.lead else case.queue for case, order in zip(cases, orders, strict=True)],
        "lead": [order.lead for order in orders],
        "priority": [case.priority for case in cases],
        "deadlines": clocks.dues_of(of_steps, _called(drafts) if any(called) else NOBODY),
        **any_said(called=called, joined=[order.joined for order in orders]),
    }
    bodies = [order.body for order in orders]
    if hub.city.organisation is not None:
        columns["unit"] = [_unit(hub.city, step, order) for step, order in drafts]
    if hub.withholds:
        withhold(hub, columns, bodies)
    values = hub.codec.encode_before("cityhub.Order", columns, bodies)
    for department, chosen in rows_by(columns["department"]).items():
        tx.publish(hub.orders(department), [values[at] for at in chosen], [case_ids[at] for at in chosen])


def _called(drafts: list[tuple[Step, OrderDraft]]) -> dict[int, tuple[Step, int]]:
    """By order to a department with clocks of its own: of which step, and since when it has them."""
    return {
        at: (step, order.called_ms)
        for at, (step, order) in enumerate(drafts)
        if order.called_ms is not None and order.kind is not WITHDRAW
    }


def publish_exit_replies(hub: Hub, tx: Transaction, steps: list[Step]) -> None:
    """What reporters are told of matters settled before dispatch, to each source's own topic."""
    by_source: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        if step.reply is not None:
            by_source[step.report.source].append(step)
    for source, told in by_source.items():
        columns: dict[str, Any] = {
            "reply_id": derived_ids("R", [(s.case.case_id, s.case.rule, source, s.report.ref) for s in told]),
            "source": [source] * len(told),
            "source_ref": [step.report.ref for step in told],
            "case_id": [step.case.case_id for step in told],
            "department": [step.case.department for step in told],
            "status": [step.case.desk_reason or step.case.rule for step in told],
            "at": [step.at_ms for step in told],
            "text": [step.reply for step in told],
        }
        tx.publish(hub.replies(source), hub.codec.encode_columns("cityhub.Reply", columns), columns["source_ref"])


def _unit(city: City, step: Step, order: OrderDraft) -> str | None:
    """Who below the receiver: the case's unit, if it is the receiver's; of who helps, the one that serves the place, if any."""
    if order.unit is not None:
        return order.unit
    if order.lead is not None:
        return city.unit_for(order.department, step.case.area)
    return step.case.unit if order.department == step.case.department else None


def _cause(step: Step, order: OrderDraft) -> tuple[str, ...]:
    report = step.report
    return (
        step.case.case_id, order.department, order.kind, step.change, report.source, report.ref, str(report.revision),
        str(step.at_ms), *([str(step.case.moves)] if step.case.moves else ()),
    )  # fmt: skip
