"""Whether anything the hub says is dated before what it is about. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Any

from hub.audit.report import Finding
from hub.audit.tables import Tables, rows_of


def check_dates(tables: Tables, causes: Iterable[tuple[str, int]]) -> Iterator[Finding]:
    """`causes`: of orders, the id and the instant of what causes each."""
    cases, rings = tables.cases, tables.deadlines
    opened = _earliest(rows_of(cases, "case_id", "opened_at"))
    reported = _earliest(_reports(tables))
    caused = _earliest(causes)
    yield Finding.of(
        "deadlines noticed before they were so 时限早于所记事项",
        [
            f"{case} {clock} {kind}"
            for case, clock, kind, noticed, at, started in rows_of(
                rings, "case_id", "clock", "kind", "noticed_at", "at", "started_at"
            )
            if noticed < max(at, started)
        ],
    )
    yield Finding.of(
        "orders dated before what they are about 指令早于所记事项",
        [
            order
            for order, case, issued in rows_of(tables.orders, "order_id", "case_id", "issued_at")
            if issued < max(caused.get(order, issued), opened.get(case, issued))
        ],
    )
    yield Finding.of(
        "closures dated before their case 办结早于来报",
        [case for case, at in rows_of(tables.closures, "case_id", "at") if at < opened.get(case, at)],
    )
    yield Finding.of(
        "replies dated before their report 回复早于来报",
        [
            reply
            for reply, at, *report in rows_of(tables.replies, "reply_id", "at", "case_id", "source", "source_ref")
            if at < reported.get(tuple(report), at)
        ],
    )


def _reports(tables: Tables) -> Iterator[tuple[Any, ...]]:
    """Each report with an instant at which it was made: the lead's is its case's opening, which a late statement may move."""
    names = ("change", "at", "opened_at", "case_id", "lead_source", "lead_ref", "source", "source_ref")
    for change, at, opened, case, lead_source, lead_ref, *report in rows_of(tables.cases, *names):
        yield (case, lead_source, lead_ref), opened
        if change in ("LINKED", "SUPERSEDED"):  # a statement that came late may say that its report was made earlier
            yield (case, *report), at


def _earliest(rows: Iterable[tuple[Any, ...]]) -> dict[Hashable, int]:
    """The earliest instant of each thing."""
    found: dict[Hashable, int] = {}
    for thing, at in rows:
        if at < found.get(thing, at + 1):
            found[thing] = at
    return found
