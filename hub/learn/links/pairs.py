"""Pairs of reports that could be of one incident: near each other or at one address, the earlier still open when the later came."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hub.core.columns import Flags, Floats, Ints
from hub.core.linking.ground.geo import DEGREE_M
from hub.core.linking.ground.points import Level, Queries, height_of, slot_order
from hub.core.linking.text import fingerprint
from hub.learn.history import History
from hub.millis import HOUR_MS

RADII_M = (1.0, 12.0, 25.0, 40.0, 60.0, 100.0, 150.0)
"""Within how many metres. Coordinates of four decimals differ by 11 m or not at all; one metre is: the same point."""
WINDOWS_H = (6, 26, 50, 74, 170, 338, 722, 1442, 8784)
"""Within how many hours: days and two hours, for files that give dates only and a change of the clocks in between."""
CELLS = len(RADII_M) * len(WINDOWS_H)
_SLICE = 4_000
_MOST_AT_ADDRESS = 300
"""Reports of one address that are paired: more are an office, where everything is reported from."""


@dataclass(frozen=True)
class ReportColumns:
    """A history's columns as linking needs them; NaN where there is no point, -1 where there is no address."""

    family: Ints
    opened_h: Floats
    closed_h: Floats
    """Infinity while open."""
    lat: Floats
    lon: Floats
    address: Ints
    flagged: Flags
    partner: Ints
    """Row of the other report of a known pair, or -1."""

    def __len__(self) -> int:
        return len(self.family)


@dataclass(frozen=True)
class Pairs:
    """Candidates: rows of the earlier and the later report, and the cell of the table of radii and windows they fall in."""

    earlier: Ints
    later: Ints
    cell: Ints
    duplicate: Floats
    """1 for a known pair of duplicates, else 0."""
    judged: Flags
    """Whether one of the two was closed: only then could somebody have said that it was a duplicate."""

    def __len__(self) -> int:
        return len(self.earlier)

    def take(self, index: Ints) -> Pairs:
        return Pairs(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def reports_of(history: History) -> tuple[ReportColumns, list[str]]:
    """The columns, and the names of the families by number: here still one for each category."""
    names = sorted(set(history.category.to_pylist()))
    numbers = {name: number for number, name in enumerate(names)}
    rows = {ref: row for row, ref in enumerate(history.ref.to_pylist())}
    addresses: dict[int, int] = {}
    closed = history.closed_ms.to_numpy(zero_copy_only=False).astype(np.float64)
    return ReportColumns(
        family=np.array([numbers[name] for name in history.category.to_pylist()], dtype=np.int64),
        opened_h=history.opened_ms.to_numpy(zero_copy_only=False) / HOUR_MS,
        closed_h=np.where(np.isnan(closed), np.inf, closed / HOUR_MS),
        lat=history.lat.to_numpy(zero_copy_only=False).astype(np.float64),
        lon=history.lon.to_numpy(zero_copy_only=False).astype(np.float64),
        address=np.array(
            [-1 if not said else addresses.setdefault(fingerprint(said), len(addresses)) for said in history.address.to_pylist()],
            dtype=np.int64,
        ),
        flagged=np.array([bool(said) for said in history.duplicate.to_pylist()], dtype=np.bool_),
        partner=np.array([rows.get(other, -1) if other else -1 for other in history.duplicate_of.to_pylist()], dtype=np.int64),
    ), names  # fmt: skip


def pairs_of(reports: ReportColumns) -> Pairs:
    """All candidates, the later report's row ascending."""
    found = [*_near(reports), _at_one_address(reports)]
    earlier, later, metres = (np.concatenate(column) for column in zip(*found, strict=True))
    by = np.lexsort((metres, earlier, later))
    earlier, later, metres = earlier[by], later[by], metres[by]
    first = np.ones(len(later), dtype=np.bool_)
    first[1:] = (later[1:] != later[:-1]) | (earlier[1:] != earlier[:-1])
    earlier, later, metres = earlier[first], later[first], metres[first]
    apart = reports.opened_h[later] - reports.opened_h[earlier]
    inside = apart <= WINDOWS_H[-1]
    earlier, later, metres, apart = earlier[inside], later[inside], metres[inside], apart[inside]
    cell = np.searchsorted(RADII_M, metres) * len(WINDOWS_H) + np.searchsorted(WINDOWS_H, apart)
    known = (reports.partner[later] == earlier) | (reports.partner[earlier] == later)
    judged = known | np.isfinite(np.minimum(reports.closed_h[earlier], reports.closed_h[later]))
    return Pairs(earlier, later, cell.astype(np.int64), known.astype(np.float64), judged)


def _near(reports: ReportColumns) -> Iterator[tuple[Ints, Ints, Floats]]:
    placed = np.flatnonzero(~(np.isnan(reports.lat) | np.isnan(reports.lon)))
    lat, lon = reports.lat[placed], reports.lon[placed]
    height, radius, zone = height_of(RADII_M[-1]), RADII_M[-1], np.zeros(len(placed), dtype=np.int64)
    ground = Level.sort(slot_order(zone, np.floor(lat / height), lon), lat, lon, zone, np.arange(len(placed)))
    for start in range(0, len(placed), _SLICE):
        rows = np.arange(start, min(start + _SLICE, len(placed)))
        whole = np.zeros(len(rows))
        asked = Queries(
            row=rows, zone=zone[rows], lat=lat[rows], lon=lon[rows], at_ms=zone[rows], radius_m=whole + radius,
            degrees=whole + radius / DEGREE_M, height=whole + height, window_ms=whole, span_ms=whole, after_ms=whole,
            min_score=whole, tie=zone[rows],
        )  # fmt: skip
        query, point = ground.around(asked.spans())
        one, other = rows[query], ground.slot[point]
        yield _open(reports, placed[one], placed[other], _metres(lat[one], lon[one], lat[other], lon[other]))


def _open(reports: ReportColumns, earlier: Ints, later: Ints, metres: Floats) -> tuple[Ints, Ints, Floats]:
    """Rows are in order of time: of each pair, which comes both ways, the one in which the earlier was still open."""
    fits = (earlier < later) & (reports.closed_h[earlier] > reports.opened_h[later]) & (metres <= RADII_M[-1])
    return earlier[fits], later[fits], metres[fits]


def _metres(lat: Floats, lon: Floats, other_lat: Floats, other_lon: Floats) -> Floats:
    """Flat distances: right to a millimetre in this reach."""
    wide = (other_lon - lon) * np.cos(np.radians((lat + other_lat) / 2))
    return np.hypot(other_lat - lat, wide) * DEGREE_M


def _at_one_address(reports: ReportColumns) -> tuple[Ints, Ints, Floats]:
    """Reports of one address of which not both have a point: as near as can be."""
    unplaced, rows = np.isnan(reports.lat), defaultdict(list)
    for row in np.flatnonzero(reports.address >= 0).tolist():
        rows[int(reports.address[row])].append(row)
    earlier, later = [], []
    for members in rows.values():
        if 1 < len(members) <= _MOST_AT_ADDRESS and unplaced[members].any():
            one, other = np.triu_indices(len(members), 1)
            at = np.array(members, dtype=np.int64)
            earlier.append(at[one])
            later.append(at[other])
    if not earlier:
        none = np.zeros(0, dtype=np.int64)
        return none, none, np.zeros(0)
    first, second = np.concatenate(earlier), np.concatenate(later)
    either = unplaced[first] | unplaced[second]
    first, second = first[either], second[either]
    return _open(reports, first, second, np.zeros(len(first)))
