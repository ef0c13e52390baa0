"""Says of records that Avro can write whether everybody can read them: each time is one that a calendar has, each number is one.

Who writes Avro may write 2^62 ms and NaN. What reads single records (the web, sinks, `explain`) or batches of what the hub wrote
(the ledger, the audit) makes dates, JSON and rows of them, and must not stop over one such record.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hub.clock import CALENDAR
from hub.stream.avro.registry import Schema

_Check = Callable[[Any], bool]
_Rows = npt.NDArray[np.int64]


def is_readable(schema: Schema, record: dict[str, Any]) -> bool:
    """Of one record, decoded as it was written with this schema; times are ms."""
    check = _check_of(schema)
    return check is None or check(record)


@lru_cache(256)
def _check_of(schema: Schema) -> _Check | None:
    return _check(schema.declared)


def _check(declared: Any) -> _Check | None:
    """None where there is nothing to look at."""
    if isinstance(declared, list):
        inner = _check(next(branch for branch in declared if branch != "null"))
        return None if inner is None else lambda value: value is None or inner(value)
    if not isinstance(declared, dict):
        return math.isfinite if declared == "double" else None
    kind = declared["type"]
    if kind == "record":
        fields = [(each["name"], found) for each in declared["fields"] if (found := _check(each["type"])) is not None]
        return (lambda value: all(check(value[name]) for name, check in fields)) if fields else None
    if kind == "array":
        items = _check(declared["items"])
        return None if items is None else lambda value: all(map(items, value))
    if kind == "map":
        values = _check(declared["values"])
        return None if values is None else lambda value: all(map(values, value.values()))
    return _is_dated if declared.get("logicalType") == "timestamp-millis" else None


def dated(written_ms: int) -> int:
    """A record's timestamp, which is whatever its writer says where the topic does not: 0 for what is no date."""
    return written_ms if _is_dated(written_ms) else 0


def all_dated(written_ms: list[int]) -> list[int]:
    """The same of many, which nearly always are dates."""
    if not written_ms or (_is_dated(min(written_ms)) and _is_dated(max(written_ms))):
        return written_ms
    return list(map(dated, written_ms))


def _is_dated(at_ms: int) -> bool:
    return CALENDAR.least <= at_ms <= CALENDAR.most


def unreadable_rows(batch: pa.RecordBatch) -> _Rows:
    """The rows of a batch of which this is not so, in order."""
    found = [_unreadable(column) for column in batch.columns]
    return np.unique(np.concatenate([np.zeros(0, np.int64), *found]))


def _unreadable(column: pa.Array) -> _Rows:
    kind = column.type
    if pa.types.is_struct(kind):
        found = [_unreadable(part) for part in column.flatten()]  # what is null within one that is null is null
        return np.concatenate([np.zeros(0, np.int64), *found])
    if pa.types.is_list(kind):
        parents = pc.list_parent_indices(column).to_numpy()
        rows: _Rows = parents[_unreadable(column.flatten())]
        return rows
    if pa.types.is_timestamp(kind):
        times = column.view(pa.int64())
        bounds = pc.min_max(times)
        if not bounds["min"].is_valid or (_is_dated(bounds["min"].as_py()) and _is_dated(bounds["max"].as_py())):
            return np.zeros(0, np.int64)
        return _true(pc.or_(pc.less(times, CALENDAR.least), pc.greater(times, CALENDAR.most)))
    if pa.types.is_floating(kind):
        return _true(pc.invert(pc.is_finite(column)))
    return np.zeros(0, np.int64)


def _true(mask: pa.Array) -> _Rows:
    return np.flatnonzero(mask.fill_null(False).to_numpy(zero_copy_only=False))
