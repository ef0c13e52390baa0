"""What an audit looks at: each topic as a table of the few columns that matter. Pure data; hub/audit/reading.py fills it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hub.audit.identity import Identities, Ids
from hub.inspect.narrow import Path
from hub.topics import CASES, CLOSURES, DEAD, DEADLINES, EVENTS, REPEATS, UPDATES, Topic

HERE, ORIGIN = "here", "origin"
"""Columns of packed identities: of the record itself, and of the record that came in, which it accounts for."""


@dataclass(frozen=True)
class SubjectColumns:
    """Of one subject: the field that is decoded last, and which columns are kept. Times become int64 ms."""

    subject: str
    last: Path
    keep: Mapping[str, Path]
    origin: bool = False


def _fields(*names: str, within: str | None = None) -> dict[str, Path]:
    return {name: (name,) if within is None else (within, name) for name in names}


def _columns(topic: Topic, last: Path, keep: Mapping[str, Path], *, origin: bool = False) -> SubjectColumns:
    return SubjectColumns(topic.subject or "", last, keep, origin)


KEPT: dict[str, SubjectColumns] = {
    "events": _columns(
        EVENTS,
        ("event", "revision_counted"),
        _fields("source", "source_ref", "revision", "revision_counted", within="event"),
        origin=True,
    ),
    "updates": _columns(
        UPDATES,
        ("update", "until"),
        _fields(
            "update_id", "revision", "department", "case_id", "status", "step", "code", "at", "until", within="update"
        ),
        origin=True,
    ),
    "repeats": _columns(
        REPEATS, ("moved_to",), _fields("source", "source_ref", "revision", "moved_to"), origin=True
    ),
    "dead": _columns(DEAD, ("until",), _fields("stage", "reason", "until"), origin=True),
    "cases": _columns(
        CASES,
        ("moves",),
        _fields(
            "case_id", "change", "at", "source", "source_ref", "revision", "lead_source", "lead_ref", "department",
            "rule", "over", "reopens", "unlinks", "co_handlers", "reports", "opened_at", "moves", "unit",
        ),
        origin=True,
    ),
    "orders": SubjectColumns(
        "cityhub.Order", ("rule",), _fields("order_id", "kind", "case_id", "department", "issued_at", "rule")
    ),
    "deadlines": _columns(
        DEADLINES,
        ("pauses",),
        _fields(
            "case_id", "clock", "kind", "department", "policy", "started_at", "due_at", "at", "noticed_at", "corrects", "pauses",
        ),
    ),
    "closures": _columns(CLOSURES, ("at",), _fields("case_id", "outcome", "department", "at")),
    "receipts": SubjectColumns("cityhub.Receipt", ("outcome",), _fields("outcome"), origin=True),
    "replies": SubjectColumns("cityhub.Reply", ("at",), _fields("reply_id", "source", "source_ref", "case_id", "at")),
}  # fmt: skip
"""The hub's topics by the name of their table; orders, receipts and replies gather those of all departments and sources."""


@dataclass(frozen=True)
class Tables:
    """All that was read. Missing `begins` and `reached` mean: the topic is whole, and has been read to its end."""

    identities: Identities
    inputs: dict[str, Ids]
    """Of each topic records come in on, what is there: city.*.events and dept.*.updates."""
    events: pa.Table
    updates: pa.Table
    repeats: pa.Table
    dead: pa.Table
    cases: pa.Table
    orders: pa.Table
    deadlines: pa.Table
    closures: pa.Table
    receipts: pa.Table
    replies: pa.Table
    begins: dict[tuple[str, int], int] = field(default_factory=dict)
    """First offset still there, by topic and partition: what came before has expired."""
    reached: dict[str, dict[tuple[str, int], int]] = field(default_factory=dict)
    """By agent: the next offset it reads, by topic and partition."""
    cut: dict[tuple[str, int], int] = field(default_factory=dict)
    """How far each topic went when reading began. What lies behind it was written meanwhile: it may explain what lies before,
    and what should explain it may not have been read. Empty: nothing was written meanwhile."""
    since: dict[tuple[str, int], int] = field(default_factory=dict)
    """First offset of each place that is judged: of what was written before it, something has expired that would explain it or that
    it would explain. Empty: nothing has expired."""
    foreign: Ids = field(default_factory=lambda: np.zeros(0, np.int64))
    """Where in the hub's own topics something lies that is not the hub's."""


def due(tables: Tables, table: pa.Table) -> npt.NDArray[np.bool_]:
    """Which rows are to be explained by the others, and have left their traces: all but what was written while it was read, or is
    so old that others have expired."""
    here = table.column(HERE).to_numpy()
    found: npt.NDArray[np.bool_] = tables.identities.before(here, tables.cut) & ~too_old(tables, here)
    return found


def too_old(tables: Tables, ids: Ids) -> npt.NDArray[np.bool_]:
    """Which of these records were written before anything that is judged."""
    if not tables.since:
        return np.zeros(len(ids), dtype=bool)
    unjudged = tables.identities.before(ids, tables.since)
    # a topic of which nothing is known is no old one
    return unjudged & ~tables.identities.before(ids, dict.fromkeys(tables.since, 0))


def rows_of(table: pa.Table, *names: str) -> Iterator[tuple[Any, ...]]:
    """Some columns row by row."""
    return zip(*(table.column(name).to_pylist() for name in names), strict=True)
