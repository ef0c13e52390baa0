"""How often reports of two families, so far apart in place and time, were duplicates: few pairs are known, so what is known of
all families together fills what is not known of one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hub.core.columns import Flags, Floats, Ints
from hub.learn.links.pairs import CELLS, RADII_M, WINDOWS_H, Pairs, ReportColumns

_FAMILY_WEIGHT, _ACROSS_WEIGHT = 40.0, 60.0
"""As many pairs of one family (of two) as all families together speak for."""
_CELL_WEIGHT = 10.0
_FLAG_WEIGHT = 0.7
"""A duplicate that was flagged without the other report named: shared out among its candidates, and believed a little less."""
_FLAG_RADIUS = RADII_M.index(60.0)
_ROUNDS = 3


@dataclass(frozen=True)
class Rates:
    """Candidates sorted by the two families (`group`), with what is believed of each."""

    pairs: Pairs
    group: Ints
    """Smaller family's number times `families`, plus the larger's."""
    families: int
    belief: Floats
    """How surely a duplicate: known pairs 1, candidates of flagged reports parts of one."""
    expected: Floats
    """The same as far as families, place and time alone tell."""
    cell_factor: dict[bool, Floats]
    """By whether of one family: how many times likelier than all its pairs are those of a cell. Shape (CELLS,)."""
    group_rate: dict[int, float]
    shrinkage: float = 1.0
    """How many times the usual weight what all families have in common has."""


def rates_of(reports: ReportColumns, pairs: Pairs, families: int, shrinkage: float = 1.0) -> Rates:
    """Alternates between what families and cells tell of flagged reports, and what these tell of families and cells."""
    one, other = reports.family[pairs.earlier], reports.family[pairs.later]
    group = np.minimum(one, other) * families + np.maximum(one, other)
    by = np.argsort(group, kind="stable")
    pairs, group = pairs.take(by), group[by]
    within = group // families == group % families
    groups, number = np.unique(group, return_inverse=True)
    share = _Flags(reports, pairs)
    belief = expected = pairs.duplicate
    factors: dict[bool, Floats] = {}
    for _ in range(_ROUNDS):
        rate = _group_rates(groups // families == groups % families, number, belief, pairs.judged, shrinkage)
        expected = np.empty(len(pairs))
        for same in (True, False):
            rows = (within == same) & pairs.judged
            awaited = np.bincount(pairs.cell[rows], rate[number[rows]], minlength=CELLS)
            found = np.bincount(pairs.cell[rows], belief[rows], minlength=CELLS)
            factors[same] = (found + 2) / (awaited + 2)
            expected[within == same] = (rate[number] * factors[same][pairs.cell])[within == same]
        belief = share.out(expected)
    return Rates(
        pairs, group, families, belief, expected, factors,
        dict(zip(groups.tolist(), rate.tolist(), strict=True)), shrinkage,
    )  # fmt: skip


def _group_rates(own: Flags, number: Ints, belief: Floats, judged: Flags, shrinkage: float) -> Floats:
    found = np.bincount(number[judged], belief[judged], minlength=len(own))
    count = np.bincount(number[judged], minlength=len(own))
    base = np.where(own, found[own].sum() / max(count[own].sum(), 1), found[~own].sum() / max(count[~own].sum(), 1))
    weight = shrinkage * np.where(own, _FAMILY_WEIGHT, _ACROSS_WEIGHT)
    rate: Floats = (found + weight * base) / (count + weight)
    return rate


class _Flags:
    """Candidates of reports that were flagged without a known pair."""

    def __init__(self, reports: ReportColumns, pairs: Pairs) -> None:
        paired = reports.partner >= 0
        paired[reports.partner[paired]] = True
        open_flag = reports.flagged & ~paired
        self._known = pairs.duplicate
        near = pairs.cell // len(WINDOWS_H) <= _FLAG_RADIUS
        self._rows = np.flatnonzero((open_flag[pairs.earlier] | open_flag[pairs.later]) & near)
        later = pairs.later[self._rows]
        self._flagged = np.where(open_flag[later], later, pairs.earlier[self._rows])
        self._reports = len(reports)

    def out(self, expected: Floats) -> Floats:
        """Known pairs as they are; each open flag shared among its candidates as they are expected."""
        belief = self._known.copy()
        if len(self._rows):
            weight = expected[self._rows]
            total = np.bincount(self._flagged, weight, minlength=self._reports)[self._flagged]
            belief[self._rows] += _FLAG_WEIGHT * weight / np.maximum(total, 1e-12)
        return np.minimum(belief, 1.0)


def smoothed(rates: Rates, rows: slice, group: int) -> Floats:
    """Duplicates to be expected of one group, by cell: what was found, and what other families have where little was seen."""
    cell, judged = rates.pairs.cell[rows], rates.pairs.judged[rows]
    everything = np.bincount(cell, minlength=CELLS)
    count = np.bincount(cell[judged], minlength=CELLS)
    found = np.bincount(cell[judged], rates.belief[rows][judged], minlength=CELLS)
    prior = rates.cell_factor[group // rates.families == group % rates.families] * rates.group_rate[group]
    weight = rates.shrinkage * _CELL_WEIGHT
    return (found + weight * prior) / (count + weight) * everything
