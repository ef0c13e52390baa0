"""What the desk asks the ledger for: lists of cases by filters of the address, and the story of one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection
from starlette.datastructures import QueryParams

from hub.ledger import queries
from hub.ledger.queries import CaseQuery
from hub.millis import MINUTE_MS
from hub.model.ids import derived_id, reminder_of
from hub.policy.organisation import Organisation
from hub.web.board.acts import MOST_CASES
from hub.web.bodies import HttpProblem

MOST_ROWS = 200
_MOST_CHARS = 100
_MOST_MINUTES = 527_040
_TEXTS = ("state", "outcome", "progress", "clock", "source", "ref", "address")
_LISTS = {"department": "departments", "area": "areas", "category": "categories", "unit": "units"}


Campaigns = Mapping[str, Sequence[str]]
"""By name, the rows of deadlines.yaml that time them."""


def case_query(asked: QueryParams, now_ms: int, campaigns: Campaigns, tree: Organisation | None = None) -> CaseQuery:
    """The filters of an address; a unit stands for those below it too. Raises HttpProblem for what is no filter's value."""
    given: dict[str, Any] = {name: value for name in _TEXTS if (value := _text(asked, name))}
    for name, field in _LISTS.items():
        if values := [each[:_MOST_CHARS] for each in asked.getlist(name) if each]:
            given[field] = values
    if tree is not None and "units" in given:
        given["units"] = [each for unit in given["units"] for each in tree.with_those_below(unit)]
    given.setdefault("state", "open")
    if given["state"] == "any":
        del given["state"]
    if (campaign := _text(asked, "campaign")) is not None:
        if campaign not in campaigns:
            raise HttpProblem(400, "the city has no such campaign 无此专项")
        given["clock_rows"] = campaigns[campaign]
    if (overdue := _text(asked, "overdue")) is not None:
        given["overdue"] = overdue == "1"
    if (minutes := number(asked, "due", _MOST_MINUTES)) is not None:
        given["due_before_ms"] = now_ms + minutes * MINUTE_MS
    return CaseQuery(**given)


def number(asked: QueryParams, name: str, most: int) -> int | None:
    """A whole number from 0; None if none is given."""
    text = _text(asked, name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or int(text[:12]) > most:
        raise HttpProblem(400, f"{name} is a whole number from 0 to {most}")
    return int(text)


def _text(asked: QueryParams, name: str) -> str | None:
    text = asked.get(name)
    if text and len(text) > _MOST_CHARS:
        raise HttpProblem(400, f"{name} has at most {_MOST_CHARS} characters")
    return text or None


def searched(connection: Connection, text: str) -> str | None:
    """The case that somebody typed to look for, by SOURCE:REF or its id; None for a part of an address."""
    source, colon, ref = text.partition(":")
    if colon and (case := queries.case_of(connection, source.strip(), ref.strip())):
        return case
    if queries.story(connection, text)["cases"]:
        return text
    return None


def page_of_cases(
    connection: Connection,
    asked: QueryParams,
    now_ms: int,
    campaigns: Campaigns,
    own: str | None = None,
    tree: Organisation | None = None,
) -> dict[str, Any]:
    """A page of the list, what is overdue first; and how many there are in all, and overdue. `own`: of this department alone."""
    query = _query(connection, asked, now_ms, campaigns, own, tree)
    offset = number(asked, "offset", 1_000_000) or 0
    total, overdue = queries.count(connection, query)
    rows = list(queries.cases(connection, query, MOST_ROWS, offset))
    return {"now": now_ms, "total": total, "overdue": overdue, "cases": rows}


def _query(
    connection: Connection,
    asked: QueryParams,
    now_ms: int,
    campaigns: Campaigns,
    own: str | None,
    tree: Organisation | None,
) -> CaseQuery:
    """With what somebody typed to look for, and of the department `own` alone if there is one."""
    query = case_query(asked, now_ms, campaigns, tree)
    if own is not None:
        query = replace(query, departments=(own,))
    if (text := _text(asked, "q")) is None:
        return query
    case_id = searched(connection, text)
    return replace(query, state=None, case_id=case_id) if case_id else replace(query, address=text)


def ids_of_cases(
    connection: Connection, asked: QueryParams, now_ms: int, campaigns: Campaigns, tree: Organisation | None = None
) -> dict[str, Any]:
    """The cases of a whole list, as far as one act takes them."""
    rows = queries.cases(connection, _query(connection, asked, now_ms, campaigns, None, tree), MOST_CASES)
    return {"cases": [row["case_id"] for row in rows]}


def story_of(connection: Connection, case_id: str, now_ms: int, own: str | None = None) -> dict[str, Any]:
    """All of one case, by table. Raises HttpProblem (404) for one that is not there, or not of the department `own`."""
    mine = CaseQuery(case_id=case_id, departments=() if own is None else (own,))
    found = queries.story(connection, case_id)
    if not found["cases"] or not queries.count(connection, mine)[0]:
        raise HttpProblem(404, "the ledger has no such case")
    story = {name: [_plain(row) for row in rows] for name, rows in found.items()}
    name_clocks(story["orders"], story["notices"])
    return {"now": now_ms, **story}


def name_clocks(orders: Sequence[dict[str, Any]], notices: Sequence[Mapping[str, Any]]) -> None:
    """Of each reminder, by its id, the clock and what that said (`clock`, `notice`); None where it came of no notice, as one of a
    rung of supervision. Two clocks may follow one row and be due at one time: only the id tells them apart."""
    caused: dict[str, Mapping[str, Any]] = {}
    for notice in notices:
        cause = reminder_of(
            notice["case_id"],
            notice["department"],
            notice["kind"].upper(),
            notice["clock"],
            notice["policy"],
            notice["due_at"],
        )
        caused[derived_id("O", *cause)] = notice
    for order in orders:
        cause_of = caused.get(order["order_id"])
        order["clock"], order["notice"] = (cause_of["clock"], cause_of["kind"]) if cause_of else (None, None)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Reasons of links as what they are, not as text."""
    reasons = row.get("link_reasons")
    if isinstance(reasons, str) and reasons.startswith(("{", "[")):
        return {**row, "link_reasons": json.loads(reasons)}
    return dict(row)
