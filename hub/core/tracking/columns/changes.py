"""Reads changes of cases from columns into structs of named fields, for `track`. A column that few changes fill costs
next to nothing where none does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import repeat

import pyarrow as pa

from hub.core.columns import flags, from_columns, lists, millis, shared_values
from hub.core.tracking.columns.given import read_clocks
from hub.core.tracking.columns.history import read_held, read_histories
from hub.core.tracking.consequences import Change
from hub.model.outputs import ChangeKind


def changes_of(batch: pa.RecordBatch) -> Iterator[Change]:
    """Read a batch of `cityhub.CaseChange` records as `Change` structs, in the order of its rows."""
    rules = shared_values(batch.column("rules"))
    return from_columns(
        Change,
        case_id=batch.column("case_id").to_pylist(),
        change=shared_values(batch.column("change"), ChangeKind),
        source=shared_values(batch.column("source")),
        source_ref=batch.column("source_ref").to_pylist(),
        lead_source=shared_values(batch.column("lead_source")),
        lead_ref=batch.column("lead_ref").to_pylist(),
        category=shared_values(batch.column("category")),
        urgency=shared_values(batch.column("urgency")),
        area=shared_values(batch.column("area")),
        place_key=shared_values(batch.column("place_key")),
        department=shared_values(batch.column("department")),
        over=batch.column("over").to_pylist(),
        ends=batch.column("ends").to_pylist(),
        at_ms=millis(batch.column("at")),
        opened_ms=millis(batch.column("opened_at")),
        due_ms=millis(batch.column("due_at")),
        reopens=flags(batch.column("reopens")),
        co_handlers=lists(batch.column("co_handlers")),
        conditions=lists(batch.column("conditions")),
        unlinks=flags(batch.column("unlinks")),
        history=read_histories(batch.column("history"), list(map(bool, rules))),
        ledger=read_held(batch.column("held")),
        rules=rules,
        clocks=read_clocks(batch.column("clocks")),
        unit=_units(batch.column("unit")),
        called=lists(batch.column("called")),
    )


def _units(column: pa.StringArray) -> Iterable[str | None]:
    return repeat(None) if column.null_count == len(column) else shared_values(column)
