"""The clocks that an order carries, as a column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy.typing as npt
import pyarrow as pa


def due_times(
    clocks: Sequence[str] | pa.Array,
    policies: Sequence[str] | pa.Array,
    due_ms: Sequence[int] | pa.Array,
    ends: npt.ArrayLike,
) -> pa.ListArray:
    """`cityhub.DueTime`s of many orders, laid end to end: order i has those from ends[i] to before ends[i + 1]."""
    texts = [column if isinstance(column, pa.Array) else pa.array(column, pa.string()) for column in (clocks, policies)]
    instants = due_ms if isinstance(due_ms, pa.Array) else pa.array(due_ms, pa.int64())
    items = pa.StructArray.from_arrays([*texts, instants.cast(pa.timestamp("ms"))], ["clock", "policy", "due_at"])
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), items)
