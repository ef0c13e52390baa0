"""Maps in records, as an event's attributes: they have no order, and in whatever order a sender writes one it says the same."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def with_several(maps: pa.MapArray) -> npt.NDArray[np.bool_]:
    """Which maps have an order in which they are written."""
    several: npt.NDArray[np.bool_] = np.diff(maps.offsets.to_numpy()) > 1
    return several


def out_of_order(maps: pa.MapArray) -> npt.NDArray[np.int64]:
    """Rows of the maps that are not written by their keys."""
    ends = maps.offsets.to_numpy()
    keys = maps.keys[int(ends[0]) : int(ends[-1])]
    falls = np.flatnonzero(pc.less(keys[1:], keys[:-1]).to_numpy(zero_copy_only=False)) + ends[0]
    row = np.searchsorted(ends, falls, side="right") - 1
    within = row == np.searchsorted(ends, falls + 1, side="right") - 1  # else the key before is another row's
    return np.unique(row[within]).astype(np.int64)


def in_order(maps: pa.MapArray) -> pa.MapArray:
    """The same, each by its keys."""
    return pa.array([sorted(entries, key=lambda entry: entry[0]) for entries in maps.to_pylist()], maps.type)
