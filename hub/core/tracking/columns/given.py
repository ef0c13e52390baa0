"""Reads the clocks that `route` gives to a case with its change, as `track` runs them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from hub.core.columns import from_columns, millis, shared_values
from hub.core.tracking.state import ClockState

GivenClocks = tuple[ClockState, ...]


def read_clocks(column: pa.ListArray) -> list[GivenClocks]:
    """For each change, the clocks that run from the opening. Those that an event starts are set when its history is replayed."""
    items = column.flatten()
    if not len(items):
        return [()] * len(column)
    states = _states(items)
    ends = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).cumsum().tolist()
    if not pc.any(items.field("by_event")).as_py():
        return [tuple(states[begin:end]) for begin, end in zip([0, *ends], ends, strict=False)]
    opening = pc.invert(items.field("by_event")).to_pylist()
    return [
        tuple(state for state, runs in zip(states[begin:end], opening[begin:end], strict=True) if runs)
        for begin, end in zip([0, *ends], ends, strict=False)
    ]


def _states(items: pa.StructArray) -> list[ClockState]:
    clock, policy = shared_values(items.field("clock")), shared_values(items.field("policy"))
    times = {f"{name}_ms": millis(items.field(f"{name}_at")) for name in ("started", "warn", "due")}
    warns, provisional, rules = (items.field(name) for name in ("warns", "provisional", "rules"))
    rare = pc.any(pc.or_(provisional, pc.not_equal(rules, ""))).as_py() or len(warns.flatten())
    if not rare:
        return list(from_columns(ClockState, clock=clock, policy=policy, **times))
    return list(
        from_columns(
            ClockState,
            clock=clock,
            policy=policy,
            **times,
            warns=map(tuple, warns.to_pylist()),
            provisional=provisional.to_pylist(),
            rules=[by or None for by in shared_values(rules)],
        )
    )
