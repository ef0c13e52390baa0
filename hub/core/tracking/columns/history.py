"""A case's history and its holder ledger as values of `cityhub.CaseChange` and `cityhub.Closure`, and back from columns. Both are
rare: a column without any costs next to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from hub.core.tracking.state import HolderLine, HubEvent, Stated, StatedHistory

Ledger = tuple[HolderLine, ...]
_VERSION = ("at", "category", "urgency", "area", "due_at", "department", "co_handlers", "called", "unit", "starts")


def history_value(history: StatedHistory) -> dict[str, Any]:
    """The history as a value of `cityhub.CaseHistory`. A history without versions says only that the sources ended the case."""
    versions = [
        {
            "at": each.at_ms, "category": each.category, "urgency": each.urgency, "area": each.area, "due_at": each.due_ms,
            "department": each.department, "co_handlers": list(each.co_handlers), "called": list(each.called),
            "unit": each.unit,
            "starts": [{"clock": clock, "policy": row, "due_at": due_ms} for clock, row, due_ms in each.starts or ()],
        }
        for each in history.versions
    ]  # fmt: skip
    return {"versions": versions, "marks": [{"event": mark.event.upper(), "at": mark.at_ms} for mark in history.marks]}


def read_histories(column: pa.StructArray, decided: Sequence[bool]) -> list[StatedHistory | None]:
    """The history of each row, or None. `decided` is true where `route` decided on the clocks; elsewhere they are unknown."""
    if column.null_count == len(column):
        return [None] * len(column)
    versions = _lists(column.field("versions"), _VERSION)
    marks = _lists(column.field("marks"), ("event", "at"))
    there = column.is_valid().to_pylist()
    return [
        StatedHistory(
            tuple(_stated(dict(zip(_VERSION, row, strict=True)), known) for row in said),
            tuple(HubEvent(event.lower(), at_ms) for event, at_ms in ends),
        )
        if valid
        else None
        for valid, said, ends, known in zip(there, versions, marks, decided, strict=True)
    ]


def _stated(version: dict[str, Any], decided: bool) -> Stated:
    return Stated(
        at_ms=version["at"],
        category=version["category"],
        urgency=version["urgency"],
        area=version["area"],
        due_ms=version["due_at"],
        department=version["department"],
        co_handlers=tuple(version["co_handlers"]),
        starts=tuple(version["starts"]) if decided else None,
        called=tuple(version["called"]),
        unit=version["unit"],
    )


def held_value(ledger: Ledger) -> list[dict[str, Any]]:
    """The holder ledger as a value: a list of `cityhub.HolderEntry`."""
    return [{"department": one.department, "since": one.from_ms, "returned_by": one.returned_by} for one in ledger]


def read_held(column: pa.ListArray) -> list[Ledger]:
    """The holder ledger of each row; empty where a record has none."""
    if not len(column.flatten()):
        return [()] * len(column)
    return [
        tuple(HolderLine(department, from_ms=since_ms, returned_by=by) for department, since_ms, by in rows)
        for rows in _lists(column, ("department", "since", "returned_by"))
    ]


def _lists(column: pa.ListArray, names: Sequence[str]) -> list[list[tuple[Any, ...]]]:
    """The rows of each list, as these fields; times in ms. None counts as an empty list."""
    items = column.flatten()
    rows = list(zip(*(_values(items.field(name)) for name in names), strict=True))
    ends = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).cumsum().tolist()
    return [rows[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


def _values(column: pa.Array) -> list[Any]:
    if pa.types.is_list(column.type) and pa.types.is_struct(column.type.value_type):
        return _lists(column, [field.name for field in column.type.value_type])
    found: list[Any] = (column.cast("int64") if pa.types.is_timestamp(column.type) else column).to_pylist()
    return found
