"""Splits the history of one category into the stretches in which one duration held: the cheapest path through time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hub.core.columns import Flags

_LEAST_SWITCH, _MOST_SWITCH, _SHARE_SWITCH = 3.0, 8.0, 1 / 12


@dataclass(frozen=True)
class Stretch:
    """Rows `first` to before `end` (of the category's, in order of opening), and which candidate holds in them."""

    first: int
    end: int
    candidate: int


def switch_cost(rows: int) -> float:
    """A change of duration is believed when it saves more than so many wrong reports: few where a category is seldom seen."""
    return min(_MOST_SWITCH, max(_LEAST_SWITCH, rows * _SHARE_SWITCH))


def best_stretches(right: npt.NDArray[np.bool_], switch: float | None = None) -> list[Stretch]:
    """Stretches that together have the fewest wrong reports and changes. `right`: rows by candidates, the likeliest first.

    A wrong report costs 1 and a change `switch` (by default `switch_cost`); exact, by dynamic programming over time.
    """
    rows, candidates = right.shape
    if rows == 0 or candidates == 0:
        return []
    switch = switch_cost(rows) if switch is None else switch
    cost = (~right).astype(np.float64) + np.arange(candidates) * 1e-9
    came_from = np.zeros((rows, candidates), dtype=np.int64)
    total = cost[0].copy()
    stay = np.arange(candidates)
    for row in range(1, rows):
        cheapest = int(total.argmin())
        changed = total[cheapest] + switch < total
        came_from[row] = np.where(changed, cheapest, stay)
        total = np.where(changed, total[cheapest] + switch, total) + cost[row]
    path = np.empty(rows, dtype=np.int64)
    path[-1] = int(total.argmin())
    for row in range(rows - 1, 0, -1):
        path[row - 1] = came_from[row, path[row]]
    starts = np.flatnonzero(np.diff(path, prepend=-1))
    ends = np.append(starts[1:], rows)
    return [Stretch(int(a), int(b), int(path[a])) for a, b in zip(starts, ends, strict=True)]


def share_right(right: Flags) -> tuple[float, float]:
    """The share that is right, and the lower end of its 95 % interval (Wilson): what may be relied upon."""
    count = len(right)
    if not count:
        return 0.0, 0.0
    share, z = float(right.mean()), 1.96
    middle = share + z * z / (2 * count)
    spread = z * float(np.sqrt(share * (1 - share) / count + z * z / (4 * count * count)))
    return share, min(share, max(0.0, (middle - spread) / (1 + z * z / count)))
