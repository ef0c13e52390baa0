"""Taking a report's words out of what `route` keeps. What is decided, and what it was decided by, stays as it is. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator

import msgspec

from hub.core.cases.statements import LinkedStatement, RouteBook, RouteJournal, erased_key, statement_key
from hub.core.cases.steps import AMEND, AMENDED, Step, to_all
from hub.core.report import Sighting

Bare = Callable[[bytes], bytes]
"""A CaseEvent in Avro without what somebody wrote in it."""
_TOLD = "erased on request 已按申请删除; take it out of your own records too"


def erase(journal: RouteJournal, report: tuple[str, str], until_ms: int, bare: Bare) -> list[Step]:
    """Erase what a report said until then, also what is still to come of it, and tell who works on its case, once."""
    book = journal.book
    journal.put(erased_key(report), max(until_ms, book.erased.get(report, until_ms)))
    changed = False
    for revision in book.revisions(report):
        key = statement_key(report, revision)
        said = book.get(key)
        if isinstance(said, LinkedStatement) and (event := bare(said.event)) != said.event:
            journal.put(key, dataclasses.replace(said, event=event))
            changed = True
    case = book.cases.of_report(*report)
    if case is None:
        return []
    if case.lead.key == report and case.event is not None and (event := bare(case.event)) != case.event:
        case = msgspec.structs.replace(case, event=event)
        journal.put(case.case_id, case)
        changed = True
    if case.over or not changed:
        return []
    source, ref = report
    mine = next(each for each in case.reports if each.key == report)
    body = case.event if case.lead.key == report else None
    orders = to_all(case, AMEND, body, f"{source}:{ref}: {_TOLD}")
    return [Step(AMENDED, case, max(until_ms, case.opened_ms), mine, None, orders=orders)]


def forgotten(book: RouteBook, before_ms: int) -> Iterator[str]:
    """Keys of erasures so old that nothing of what was said until then can still come."""
    return (erased_key(report) for report, until_ms in list(book.erased.items()) if until_ms < before_ms)


def erased_rows(books: Iterable[RouteBook], sightings: Iterable[Sighting], arrived_ms: Iterable[int]) -> list[int]:
    """Which reports were erased after they had come in, before anybody looked at them. `books`: of each one's partition."""
    return [
        row
        for row, (book, seen, came_ms) in enumerate(zip(books, sightings, arrived_ms, strict=True))
        if came_ms <= book.erased.get((seen.source, seen.ref), -1)
    ]
