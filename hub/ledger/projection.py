"""What records of the topics make of the rows of cases and clocks. Pure: rows as they stand and records in, rows out.

Whatever topics are read in which order, the rows come out the same: what is of one case comes in order within each topic, and no
column is made from two of them unless it is by the newest of all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from hub.ledger.facts import Facts

CASE_OPEN, CASE_OVER = "open", "over"
LIVE = frozenset(("running", "warned", "breached"))
ClockKey = tuple[str, str, str, int]
"""Case, clock, row of the rules, and when it started."""


class CaseRow(msgspec.Struct, gc=False):
    """A row of `cases`, in the order of its columns. One of which only orders, receipts or notices are known has no state."""

    case_id: str
    state: str | None = None
    outcome: str | None = None
    department: str | None = None
    helpers: str | None = None
    area: str | None = None
    category: str | None = None
    urgency: str | None = None
    channel: str | None = None
    rule: str | None = None
    queue: str | None = None
    priority: int | None = None
    desk_reason: str | None = None
    opened_at: int | None = None
    changed_at: int | None = None
    change: str | None = None
    ended_at: int | None = None
    due_at: int | None = None
    due_clock: str | None = None
    overdue: bool = False
    reports: int | None = None
    lead_source: str | None = None
    lead_ref: str | None = None
    lat: float | None = None
    lon: float | None = None
    rules: str | None = None
    address: str | None = None
    address_at: int | None = None
    address_order: str | None = None
    progress: str | None = None
    progress_at: int | None = None
    progress_update: str | None = None
    result: str | None = None
    until_at: int | None = None
    result_at: int | None = None
    result_update: str | None = None
    unit: str | None = None
    kafka_partition: int | None = None
    kafka_offset: int | None = None
    written_at: int | None = None


class LedgerClock(msgspec.Struct, gc=False):
    """A row of `clocks`, in the order of its columns: one run of a clock, from when it started."""

    case_id: str
    clock: str
    policy: str
    started_at: int
    state: str | None = None
    due_at: int | None = None
    department: str | None = None
    warn_at: int | None = None
    warned_at: int | None = None
    breached_at: int | None = None
    ended_at: int | None = None
    duration: float | None = None
    unit: str | None = None
    provisional: bool | None = None
    given_due_at: int | None = None
    notice: str | None = None
    notice_due_at: int | None = None


class CaseRows(NamedTuple):
    """Of some cases, as they stand: all of the cases, and all their clocks."""

    cases: dict[str, CaseRow]
    clocks: dict[ClockKey, LedgerClock]


def project(rows: CaseRows, facts: Facts) -> CaseRows:
    """The rows that the facts have changed. `rows` has those of all `facts.cases` that are there, and is changed itself."""
    touched: dict[str, CaseRow] = {}
    clocks: dict[ClockKey, LedgerClock] = {}
    _changes(rows, facts, touched)
    _given(rows, facts, clocks)
    _notices(rows, facts, clocks)
    _addresses(rows, facts, touched)
    _progress(rows, facts, touched)
    for clock in clocks.values():
        _come_to(clock)
    for case_id in {key[0] for key in clocks} - touched.keys():
        _case(rows, case_id, touched)
    _due(rows, touched)
    return CaseRows(touched, clocks)


def _case(rows: CaseRows, case_id: str, touched: dict[str, CaseRow]) -> CaseRow:
    row = touched.get(case_id)
    if row is None:
        row = rows.cases.get(case_id)
        if row is None:
            row = rows.cases[case_id] = CaseRow(case_id)
        touched[case_id] = row
    return row


def _changes(rows: CaseRows, facts: Facts, touched: dict[str, CaseRow]) -> None:
    for change in facts.case_changes():
        row = _case(rows, change.case_id, touched)
        if not change.over:
            row.state, row.outcome, row.ended_at = CASE_OPEN, None, None
        elif row.state != CASE_OVER:
            row.state, row.outcome, row.ended_at = CASE_OVER, outcome_of(change.change, change.ends), change.changed_at
        for name, value in zip(_TAKEN, change.taken, strict=True):
            setattr(row, name, value)
        row.change, row.changed_at = change.change, change.changed_at


_TAKEN = (
    "department", "helpers", "area", "category", "urgency", "channel", "rule", "queue", "priority", "desk_reason", "opened_at",
    "reports", "lead_source", "lead_ref", "lat", "lon", "rules", "unit", "kafka_partition", "kafka_offset", "written_at",
)  # fmt: skip
"""What a change says of its case whole: the row has what the last one said."""


def outcome_of(change: str, ends: bool) -> str:
    """How a case ended: resolved by its department, closed or withdrawn by its source, or settled before it was dispatched."""
    if change == "opened":
        return "settled"
    if change == "closed":
        return "closed" if ends else "resolved"
    return "withdrawn" if change == "withdrawn" else "closed"


def _clock(rows: CaseRows, key: ClockKey, clocks: dict[ClockKey, LedgerClock]) -> LedgerClock:
    row = clocks.get(key)
    if row is None:
        row = rows.clocks.get(key)
        if row is None:
            row = rows.clocks[key] = LedgerClock(*key)
        clocks[key] = row
    return row


def _given(rows: CaseRows, facts: Facts, clocks: dict[ClockKey, LedgerClock]) -> None:
    for *key, due_ms, warn_ms, provisional, duration, unit in facts.given_clocks():
        row = _clock(rows, tuple(key), clocks)
        row.given_due_at, row.warn_at, row.provisional, row.duration, row.unit = (
            due_ms,
            warn_ms,
            provisional,
            duration,
            unit,
        )


def _notices(rows: CaseRows, facts: Facts, clocks: dict[ClockKey, LedgerClock]) -> None:
    for *key, kind, department, due_ms, at_ms, corrects in facts.clock_notices():
        row = _clock(rows, tuple(key), clocks)
        row.notice, row.notice_due_at, row.department = kind, due_ms, department
        if kind == "warned":
            row.warned_at = at_ms
        elif kind == "breached":
            row.breached_at, row.ended_at = at_ms, None
        elif kind == "cancelled":
            row.warned_at = row.breached_at = row.ended_at = None
        else:
            row.ended_at = at_ms
            if corrects and kind == "met":
                row.breached_at = None


def _come_to(row: LedgerClock) -> None:
    """What the case was given holds until the clock itself has spoken; where a clock was taken back, what it was given since."""
    if row.notice is None or (row.notice == "cancelled" and row.given_due_at not in (None, row.notice_due_at)):
        row.state, row.due_at = "running", row.given_due_at
    else:
        row.state, row.due_at = row.notice, row.notice_due_at


def _addresses(rows: CaseRows, facts: Facts, touched: dict[str, CaseRow]) -> None:
    """The newest order that names one says where it is."""
    for case_id, issued_ms, order_id, address in facts.addresses():
        row = _case(rows, case_id, touched)
        if (issued_ms, order_id) >= (row.address_at or 0, row.address_order or ""):
            row.address_at, row.address_order, row.address = issued_ms, order_id, address


def _progress(rows: CaseRows, facts: Facts, touched: dict[str, CaseRow]) -> None:
    """What was last taken of what departments said, and of what they said that the case came to."""
    for case_id, decided_ms, update, event, outcome, until_ms in facts.accepted_updates():
        row = _case(rows, case_id, touched)
        if (decided_ms, update) >= (row.progress_at or 0, row.progress_update or ""):
            row.progress_at, row.progress_update, row.progress = decided_ms, update, event
        concludes = outcome is not None or event in _COMES_BACK
        if concludes and (decided_ms, update) >= (row.result_at or 0, row.result_update or ""):
            row.result_at, row.result_update, row.result, row.until_at = decided_ms, update, outcome, until_ms


_COMES_BACK = ("resumed", "reopened")
"""After these a case has come to nothing yet."""


def _due(rows: CaseRows, touched: dict[str, CaseRow]) -> None:
    """By when the next of its clocks runs out, or the first of those that have, and whether one has."""
    live: dict[str, list[LedgerClock]] = defaultdict(list)
    for clock in rows.clocks.values():
        if clock.state in LIVE and clock.case_id in touched:
            live[clock.case_id].append(clock)
    for case_id, row in touched.items():
        running = live[case_id] if row.state != CASE_OVER else ()
        first = min(running, key=_first, default=None)
        row.due_at, row.due_clock = (None, None) if first is None else (first.due_at, first.clock)
        row.overdue = any(clock.state == "breached" for clock in running)


def _first(clock: LedgerClock) -> tuple[Any, ...]:
    return clock.due_at or 0, clock.clock, clock.policy


def tuples_of(rows: Iterable[CaseRow | LedgerClock]) -> Iterator[tuple[Any, ...]]:
    """As they are written: by column."""
    return map(msgspec.structs.astuple, rows)
