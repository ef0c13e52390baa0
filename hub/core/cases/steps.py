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
    called_ms: int | None = None
    """Since when the receiver has clocks of its own, if it was called together with others (吹哨、联合处置)."""
    joined: tuple[str, ...] = ()
    """Who else has a part in the case, who leads first."""


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
    if not case.co_handlers:
        return (OrderDraft(kind, case.department, body, reason),)
    return tuple(order_to(case, kind, party, body, reason) for party in parties_of(case))


def parties_of(case: Case) -> tuple[str, ...]:
    """Who leads a case (主办), and who helps (协办)."""
    return (case.department, *case.co_handlers)


def order_to(case: Case, kind: OrderKind, party: str, body: bytes | None, reason: str | None) -> OrderDraft:
    """An order to one of several that have a part in a case: beside whom it works, and since when it was called. A case that has
    come back has called them anew."""
    lead = None if party == case.department else case.department
    back_ms = case.reopened_ms or 0
    since_ms = next((at_ms if at_ms > back_ms else back_ms for who, at_ms in case.called if who == party), None)
    others = tuple(each for each in parties_of(case) if each != party)
    return OrderDraft(kind, party, body, reason, lead, called_ms=since_ms, joined=others)


def handed_over(before: Case, after: Case, body: bytes | None, gone: str, given: str) -> tuple[OrderDraft, ...]:
    """The orders by which a case changes hands: who has no part any more is told why (`gone`), and who has a new one (`given`). Who
    goes on helping gets no second order to do so, but is told of another lead."""
    parties = parties_of(after)
    lead = before.department
    orders = [OrderDraft(WITHDRAW, lead, None, gone, unit=before.unit)] if lead != after.department else []
    orders += [OrderDraft(WITHDRAW, each, None, gone, lead) for each in before.co_handlers if each not in parties]
    if lead != after.department:
        orders.append(order_to(after, ASSIGN, after.department, body, given))
    elif before.unit != after.unit:
        orders.append(order_to(after, AMEND, after.department, body, given))
    for each in after.co_handlers:
        if each not in before.co_handlers:
            orders.append(order_to(after, ASSIGN, each, body, given))
        elif lead != after.department:
            orders.append(order_to(after, AMEND, each, None, given))
    return tuple(orders)


def over(case: Case, at_ms: int) -> Case:
    """Of several ends the earliest counts, whatever order they come in."""
    closed_ms = at_ms if case.closed_ms is None else min(at_ms, case.closed_ms)
    return msgspec.structs.replace(case, closed_ms=closed_ms, event=None)


def by_rules(case: Case, decision: LeadVersion | Decision, at_ms: int) -> Case:
    """A case where the rules put it from an instant on. Who was called before goes on."""
    return msgspec.structs.replace(put_by_rules(case, decision), called=called_by(case, decision.called, at_ms))


def called_by(case: Case, whom: Sequence[str], at_ms: int) -> tuple[tuple[str, int], ...]:
    """These as called to a case: who was before, since then."""
    since = dict(case.called)
    return tuple((who, since.get(who, at_ms)) for who in whom)


def put_by_rules(what: _Placed, decision: LeadVersion | Decision) -> _Placed:
    """A case, or a version of one, where the rules put it, but for who is called."""
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
    case: Case,
    to: str,
    rule: str,
    desk_reason: str | None,
    helpers: Sequence[str] = (),
    unit: str | None = None,
    called: tuple[tuple[str, int], ...] | None = None,
) -> Case:
    """The case with a department, and a unit of it, to which others gave it; what the rules say of it is kept. `called`: who of the
    helpers was called, and since when; None: as it was."""
    kept = tuple(dict.fromkeys(each for each in helpers if each != to))[:MAX_ITEMS]
    return msgspec.structs.replace(
        case,
        department=to,
        rule=rule,
        desk_reason=desk_reason,
        queue=None,
        co_handlers=kept,
        versions=versions_of(case),
        unit=unit,
        called=tuple(each for each in (case.called if called is None else called) if each[0] in kept),
    )


def moved(
    journal: CaseJournal,
    case: Case,
    moved: Case,
    at_ms: int,
    reason: str,
    ledger: tuple[HolderLine, ...],
) -> list[Step]:
    """The case moves, and orders with it unless it is over."""
    moved = msgspec.structs.replace(moved, moves=case.moves + 1)
    journal.put(case.case_id, moved)
    same = moved.department == case.department
    if case.over or (same and moved.co_handlers == case.co_handlers and moved.unit == case.unit):
        return noted(moved, at_ms, ledger)
    orders = handed_over(case, moved, case.event, reason, moved.desk_reason or reason)
    return [Step(REROUTED, moved, at_ms, case.lead, None, orders=orders, ledger=ledger)]


def noted(case: Case, at_ms: int, ledger: tuple[HolderLine, ...]) -> list[Step]:
    """Nobody is sent: only who has held the case is put on record."""
    return [Step(AMENDED, case, at_ms, case.lead, None, ledger=ledger)] if ledger else []
