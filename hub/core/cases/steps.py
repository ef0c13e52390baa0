"""The steps by which `route` changes a case, and the orders that go with them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from hub.core.cases.cases import Case, CaseJournal, LeadVersion, Report
from hub.core.cases.versions import versions_of
from hub.core.linking import Match
from hub.core.routing.router import Decision
from hub.core.tracking.state import HolderLine, StatedHistory
from hub.model.base import MAX_ITEMS
from hub.model.outputs import ChangeKind, OrderKind

OPENED, LINKED, AMENDED, SUPERSEDED, WITHDRAWN, CLOSED, REROUTED = ChangeKind
ASSIGN, AMEND, LINK, WITHDRAW, _ = OrderKind
SENT_BACK = "refused"
PASSED_ON = "passed-on"
"""Rule named when departments moved the case themselves."""
EMERGENCY = "emergency"
HELD_NOW = "held by all that is known now 按现已知情况更正承办单位"
_Placed = TypeVar("_Placed", Case, LeadVersion)


class OrderDraft(msgspec.Struct, frozen=True, gc=False):
    """An order to `department`; `body` is the event that goes with it."""

    kind: OrderKind
    department: str
    body: bytes | None
    reason: str | None = None
    lead: str | None = None
    """Who leads, if the receiver only helps."""
    unit: str | None = None
    """Who below the receiver, if not the case's."""
    called: bool = False
    """The receiver is called to an open case (吹哨): it has clocks of its own from then on."""


class Step(msgspec.Struct, frozen=True, gc=False):
    """One change of a case: a record of `hub.cases`, with the orders it causes."""

    change: ChangeKind
    case: Case
    """After the change."""
    at_ms: int
    report: Report
    row: int | None
    """The record of the chunk that this accounts for; None for a consequence."""
    link: Match | None = None
    ends: bool = False
    """This by itself ends the case, whether or not it was over before."""
    reopens: bool = False
    """The case was over, and this brings it back."""
    reply: str | None = None
    """What the reporter is told at once, where the matter is settled before dispatch."""
    orders: tuple[OrderDraft, ...] = ()
    unlinks: bool = False
    """The report was taken out of the case (撤销并案)."""
    history: StatedHistory | None = None
    """Where it does not simply follow what was told before."""
    ledger: tuple[HolderLine, ...] = ()
    """The holder ledger as `track` has it, if `track` has caused this."""


def to_all(case: Case, kind: OrderKind, body: bytes | None, reason: str | None = None) -> tuple[OrderDraft, ...]:
    """An order for who leads (主办), and the same for each who helps (协办)."""
    lead = OrderDraft(kind, case.department, body, reason)
    if not case.co_handlers:
        return (lead,)
    return (lead, *(OrderDraft(kind, helper, body, reason, case.department) for helper in case.co_handlers))


def handed_over(
    before: Case, after: Case, body: bytes | None, gone: str, given: str, *, called: bool = False
) -> tuple[OrderDraft, ...]:
    """The orders by which a case changes hands: who has no part any more is told why (`gone`), and who has a new one (`given`). Who
    goes on helping gets no second order to do so, but is told of another lead. `called`: new helpers are called together."""
    parties = (after.department, *after.co_handlers)
    lead = before.department
    orders = [OrderDraft(WITHDRAW, lead, None, gone, unit=before.unit)] if lead != after.department else []
    orders += [OrderDraft(WITHDRAW, each, None, gone, lead) for each in before.co_handlers if each not in parties]
    if lead != after.department:
        orders.append(OrderDraft(ASSIGN, after.department, body, given))
    elif before.unit != after.unit:
        orders.append(OrderDraft(AMEND, after.department, body, given))
    for each in after.co_handlers:
        if each not in before.co_handlers:
            orders.append(OrderDraft(ASSIGN, each, body, given, after.department, called=called))
        elif lead != after.department:
            orders.append(OrderDraft(AMEND, each, None, given, after.department))
    return tuple(orders)


def over(case: Case, at_ms: int) -> Case:
    """Of several ends the earliest counts, whatever order they come in."""
    closed_ms = at_ms if case.closed_ms is None else min(at_ms, case.closed_ms)
    return msgspec.structs.replace(case, closed_ms=closed_ms, event=None)


def by_rules(what: _Placed, decision: LeadVersion | Decision) -> _Placed:
    """A case, or a version of one, where the rules put it."""
    return msgspec.structs.replace(
        what,
        department=decision.department,
        rule=decision.rule,
        desk_reason=decision.desk_reason,
        queue=decision.queue,
        co_handlers=decision.co_handlers,
        priority=decision.priority,
        unit=decision.unit,
    )


def by_hand(
    case: Case, to: str, rule: str, desk_reason: str | None, helpers: Sequence[str] = (), unit: str | None = None
) -> Case:
    """The case with a department, and a unit of it, to which others gave it; what the rules say of it is kept."""
    return msgspec.structs.replace(
        case,
        department=to,
        rule=rule,
        desk_reason=desk_reason,
        queue=None,
        co_handlers=tuple(dict.fromkeys(each for each in helpers if each != to))[:MAX_ITEMS],
        versions=versions_of(case),
        unit=unit,
    )


def moved(
    journal: CaseJournal,
    case: Case,
    moved: Case,
    at_ms: int,
    reason: str,
    ledger: tuple[HolderLine, ...],
    *,
    called: bool = False,
) -> list[Step]:
    """The case moves, and orders with it unless it is over."""
    moved = msgspec.structs.replace(moved, moves=case.moves + 1)
    journal.put(case.case_id, moved)
    same = moved.department == case.department
    if case.over or (same and moved.co_handlers == case.co_handlers and moved.unit == case.unit):
        return noted(moved, at_ms, ledger)
    orders = handed_over(case, moved, case.event, reason, moved.desk_reason or reason, called=called)
    return [Step(REROUTED, moved, at_ms, case.lead, None, orders=orders, ledger=ledger)]


def noted(case: Case, at_ms: int, ledger: tuple[HolderLine, ...]) -> list[Step]:
    """Nobody is sent: only who has held the case is put on record."""
    return [Step(AMENDED, case, at_ms, case.lead, None, ledger=ledger)] if ledger else []
