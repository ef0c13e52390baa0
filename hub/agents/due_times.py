"""The clocks that an order carries, as a column."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa


def due_times(
    clocks: Sequence[str], policies: Sequence[str], due_ms: Sequence[int], ends: Sequence[int]
) -> pa.ListArray:
    """`cityhub.DueTime`s of many orders, laid end to end: order i has those from ends[i] to before ends[i + 1]."""
    columns = [pa.array(clocks, pa.string()), pa.array(policies, pa.string()), pa.array(due_ms, pa.timestamp("ms"))]
    items = pa.StructArray.from_arrays(columns, ["clock", "policy", "due_at"])
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), items)
