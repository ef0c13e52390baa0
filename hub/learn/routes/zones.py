"""Learns service areas: which queue works where, where one department's work is divided between queues by place.

No polygon file shows how a department divides the city for itself, but its history does. Queues that are at home in one part of
the city ("local") are found first; then each cell of a fine grid goes to the local queue that prevails around it, and the cells
of one queue become one area. What is learnt is a layer of areas like any other: it can be drawn on a map, corrected and named.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from hub.core.columns import Floats
from hub.learn.routes.columns import NONE, ColumnCodes

CELL_DEGREES = 0.0015
"""About 150 m: a block or two, as fine as a report's place is."""
_COARSE_CELLS = 10
"""Side of the squares in which the spread of a queue is judged, in cells."""
_RADII = (0, 1, 2, 4, 7)
"""How far around a cell votes are looked for, in cells, until there are enough."""
_ENOUGH_VOTES = 6.0
_FEWEST_REPORTS = 20
_CATEGORY_POWER = 0.5
"""By how much a category's votes are damped: 0 counts reports, 1 counts categories."""
_LEAST_DIVERGENCE = 0.25
"""Nats by which a local queue's places differ from those of all reports of the same kinds: a first sieve."""
_LEAST_PURITY = 0.5
"""Share of a local queue's reports around which it prevails itself: the second, decisive one."""


@dataclass(frozen=True)
class Zones:
    """The areas of one department's local queues. `queues[label - 1]` is the queue of a cell's label; 0 is nobody's."""

    name: str
    queues: tuple[int, ...]
    west: float
    south: float
    labels: npt.NDArray[np.int16]
    """Rows from south to north, columns from west to east."""
    purity: float
    """Share of the local queues' reports that lie in their own queue's area."""

    def find(self, lats: Floats, lons: Floats) -> ColumnCodes:
        """The label at each point; NONE outside and where a coordinate is NaN."""
        rows, columns, inside = _cells(lats, lons, self.west, self.south, self.labels.shape)
        found = np.full(len(lats), NONE, np.int32)
        found[inside] = self.labels[rows[inside], columns[inside]]
        return found

    def polygons(self) -> list[tuple[int, shapely.Geometry]]:
        """The queue and the area of each label that has cells; WGS84 degrees, longitude first."""
        found = []
        for label, queue in enumerate(self.queues, start=1):
            rows, columns = np.nonzero(self.labels == label)
            if len(rows):
                west, south = self.west + columns * CELL_DEGREES, self.south + rows * CELL_DEGREES
                cells = shapely.box(west, south, west + CELL_DEGREES, south + CELL_DEGREES)
                whole = shapely.union_all(shapely.set_precision(cells, 1e-6))
                found.append((queue, whole))
        return found


def learn_zones(
    name: str, queue: ColumnCodes, kind: ColumnCodes, lats: Floats, lons: Floats, weight: Floats, least_queues: int = 2
) -> Zones | None:
    """The service areas behind one department's reports, or None if fewer than `least_queues` queues are local.

    One entry a report in each column: its queue, its category, its point (NaN without one), how much it counts.
    """
    placed = ~(np.isnan(lats) | np.isnan(lons))
    queue, kind = queue[placed], kind[placed]
    lats, lons, weight = lats[placed], lons[placed], weight[placed]
    if len(queue) < _FEWEST_REPORTS:
        return None
    west, south = (float(np.quantile(axis, 0.001)) - 2 * CELL_DEGREES for axis in (lons, lats))
    east, north = (float(np.quantile(axis, 0.999)) + 2 * CELL_DEGREES for axis in (lons, lats))
    shape = (int((north - south) / CELL_DEGREES) + 1, int((east - west) / CELL_DEGREES) + 1)
    if shape[0] * shape[1] > 4_000_000:
        return None  # not a city, or points strewn over the globe: a grid this fine would not be counted full
    rows, columns, inside = _cells(lats, lons, west, south, shape)
    coarse = (rows // _COARSE_CELLS) * (shape[1] // _COARSE_CELLS + 1) + columns // _COARSE_CELLS
    local = _local(queue[inside], kind[inside], coarse[inside])
    # A division of the city is what many categories share: none outvotes the others by its mere number.
    weight = weight / (np.bincount(kind)[kind] ** _CATEGORY_POWER)
    weight *= len(weight) / weight.sum()
    while len(local) >= least_queues:
        mine = inside & np.isin(queue, local)
        labels = _spread(
            np.searchsorted(local, queue[mine]), rows[mine], columns[mine], weight[mine], len(local), shape
        )
        own = labels[rows[mine], columns[mine]] - 1 == np.searchsorted(local, queue[mine])
        purity = {one: float(own[queue[mine] == one].mean()) for one in local}
        worst = min(purity, key=lambda one: purity[one])
        if purity[worst] >= _LEAST_PURITY:
            return Zones(name, tuple(int(one) for one in local), west, south, labels, float(own.mean()))
        local = [one for one in local if one != worst]
    return None


def _cells(
    lats: Floats, lons: Floats, west: float, south: float, shape: tuple[int, ...]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    y, x = np.nan_to_num((lats - south) / CELL_DEGREES, nan=-1.0), np.nan_to_num((lons - west) / CELL_DEGREES, nan=-1.0)
    inside = (y >= 0) & (x >= 0) & (y < shape[0]) & (x < shape[1])
    return np.where(inside, y, 0).astype(np.int64), np.where(inside, x, 0).astype(np.int64), inside


def _local(queue: ColumnCodes, kind: ColumnCodes, coarse: npt.NDArray[np.int64]) -> list[int]:
    """Queues whose reports lie elsewhere than reports of the same categories do in general."""
    _, square = np.unique(coarse, return_inverse=True)
    kinds = np.unique(kind, return_inverse=True)[1]
    squares = int(square.max()) + 1
    by_kind = np.zeros((int(kinds.max()) + 1, squares))
    np.add.at(by_kind, (kinds, square), 1.0)
    by_kind /= by_kind.sum(axis=1, keepdims=True)
    found: list[int] = []
    for one in np.unique(queue).tolist():
        mine = queue == one
        count = int(mine.sum())
        if count < _FEWEST_REPORTS:
            continue
        seen = np.bincount(square[mine], minlength=squares) / count
        expected = np.bincount(kinds[mine], minlength=len(by_kind)) / count @ by_kind
        some = seen > 0
        # less what chance alone would give (Miller-Madow)
        divergence = float((seen[some] * np.log(seen[some] / expected[some])).sum()) - (int(some.sum()) - 1) / (
            2 * count
        )
        if divergence >= _LEAST_DIVERGENCE:
            found.append(one)
    return found


def _spread(
    label: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int64],
    weight: Floats,
    labels: int,
    shape: tuple[int, int],
) -> npt.NDArray[np.int16]:
    """Each cell's label, counted from 1: who prevails in the smallest square around it with enough votes; 0 without any."""
    votes = np.zeros((labels, *shape), np.float64)
    np.add.at(votes, (label, rows, columns), weight)
    found = np.zeros(shape, np.int16)
    for radius in _RADII:
        around = _box_sums(votes, radius)
        enough = (found == 0) & (around.sum(axis=0) >= (_ENOUGH_VOTES if radius < _RADII[-1] else 1e-9))
        found[enough] = around.argmax(axis=0)[enough] + 1
    return found


def _box_sums(votes: Floats, radius: int) -> Floats:
    """Sums over the square of cells within `radius`, by cumulated sums."""
    if radius == 0:
        return votes
    padded = np.pad(votes, ((0, 0), (radius + 1, radius), (radius + 1, radius))).cumsum(axis=1).cumsum(axis=2)
    side = 2 * radius + 1
    sums: Floats = (
        padded[:, side:, side:] - padded[:, :-side, side:] - padded[:, side:, :-side] + padded[:, :-side, :-side]
    )
    return sums
