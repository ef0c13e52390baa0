"""What a city's own files say of the past, as columns: what `cityhub learn` gives to each learner. No files, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class History:
    """One entry a report in every column, in the order of `opened_ms`; every source's reference once (its first report).

    All columns are pyarrow arrays of one length: int64 for times (ms since 1970 UTC), double for degrees (WGS84), bool for
    flags, string for the rest. Null means that the files do not say; a truth that was not given is null throughout. Take
    numpy or Python values out by `to_numpy(zero_copy_only=False)` or `to_pylist()`.
    """

    source: pa.Array
    ref: pa.Array
    opened_ms: pa.Array
    category: pa.Array
    """The code of the draft's taxonomy, made from `label`: fits policy models' Code and Id. Never null."""
    label: pa.Array
    """The source's own word for the category: what the event's `category` holds, an alias of the code. Empty if it has none."""
    channel: pa.Array
    urgency: pa.Array
    lat: pa.Array
    """Null where there is no point or it is a point that means: nowhere. So is `lon`."""
    lon: pa.Array
    address: pa.Array
    title: pa.Array
    text: pa.Array
    due_ms: pa.Array
    """The due time that the city itself set."""
    closed_ms: pa.Array
    """When the report was closed. Null: still open when the files were written, or not known."""
    department: pa.Array
    """The responsible department as the truth writes it, not an id of a policy."""
    queue: pa.Array
    duplicate: pa.Array
    """True if the city called the report a duplicate of another."""
    duplicate_of: pa.Array
    """Reference of the other report of a known pair: the truth's own, or, where it only flags duplicates, told by place and time
    (see hub/backtest/judging/pairs.py). Null for most duplicates of most cities. In a quarter of pairs it was opened later."""
    time_zone: str
    """IANA name: in which the city's offices live."""
    attributes: Mapping[str, pa.Array] = field(default_factory=dict)
    """What else a report carries, by the name in the mapping's `attributes`. Empty text is null."""
    areas: Mapping[str, pa.Array] = field(default_factory=dict)
    """By layer (a polygon file's name): the code of the area that the point lies in, null outside all or without a point."""
    snapshot_ms: int | None = None
    """When the files were written, if the mapping says: what is open was open then."""

    def __len__(self) -> int:
        return len(self.ref)

    def take(self, rows: npt.NDArray[np.int64] | pa.Array) -> Self:
        """The same history with only these rows, in this order."""
        index = pa.array(rows, pa.int64())
        columns: dict[str, Any] = {
            name: {each: column.take(index) for each, column in value.items()}
            if isinstance(value, Mapping)
            else value.take(index)
            for name, value in self._columns().items()
        }
        return replace(self, **columns)

    def between(self, from_ms: int | None = None, until_ms: int | None = None) -> Self:
        """What was opened at `from_ms` or later and before `until_ms`. Truth about it is not cut off: see `seen_by`."""
        opened = self.opened_ms.to_numpy(zero_copy_only=False)
        wanted = np.ones(len(opened), dtype=np.bool_)
        if from_ms is not None:
            wanted &= opened >= from_ms
        if until_ms is not None:
            wanted &= opened < until_ms
        return self.take(np.flatnonzero(wanted))

    def seen_by(self, until_ms: int) -> Self:
        """What was known at `until_ms`: reports opened before it, closings before it; later ones read as still open.

        Due times, departments and queues are kept: they are set when a case is opened. A duplicate is known once it is closed.
        """
        known = self.between(until_ms=until_ms)
        later = ~(known.closed_ms.to_numpy(zero_copy_only=False).astype(np.float64) < until_ms)  # null reads as NaN
        blank = pa.array(later)
        return replace(
            known,
            closed_ms=_blanked(known.closed_ms, blank),
            duplicate=_blanked(known.duplicate, blank) if len(known.duplicate) else known.duplicate,
            duplicate_of=_blanked(known.duplicate_of, blank),
            snapshot_ms=until_ms if known.snapshot_ms is None else min(until_ms, known.snapshot_ms),
        )

    def _columns(self) -> dict[str, Any]:
        return {
            each.name: getattr(self, each.name)
            for each in fields(self)
            if each.name not in ("time_zone", "snapshot_ms")
        }


def _blanked(column: pa.Array, where: pa.Array) -> pa.Array:
    return pc.if_else(where, pa.scalar(None, column.type), column)
