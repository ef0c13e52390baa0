"""One plain rule for all: the same kind, one radius, one window. What is learnt by family has to be better than that."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hub.core.columns import Flags, Floats, Ints
from hub.learn.links.pairs import CELLS, RADII_M, WINDOWS_H, ReportColumns
from hub.learn.links.rates import Rates


class SingleRule(NamedTuple):
    """Positions in RADII_M and WINDOWS_H, and how many later reports it links."""

    radius: int
    window: int
    links: int

    def fits(self, rates: Rates) -> Flags:
        """The candidates that it links."""
        radius, window = np.divmod(rates.pairs.cell, len(WINDOWS_H))
        fits: Flags = _within(rates) & (radius <= self.radius) & (window <= self.window)
        return fits


def _within(rates: Rates) -> Flags:
    """The candidates of one family."""
    same: Flags = rates.group // rates.families == rates.group % rates.families
    return same


def best_single(rates: Rates, reports: ReportColumns, most_share: float) -> SingleRule | None:
    """The rule that joins most of what is believed for linking at most this share of all reports; of several the one that links
    fewest. None if each links more."""
    joins, links = _believed(rates), _links(rates, len(reports))
    fitting = np.flatnonzero(links.ravel() <= most_share * len(reports))
    if not len(fitting):
        return None
    best = min(fitting.tolist(), key=lambda at: (-round(float(joins.ravel()[at]), 6), int(links.ravel()[at])))
    radius, window = divmod(best, len(WINDOWS_H))
    return SingleRule(radius, window, int(links[radius, window]))


def _believed(rates: Rates) -> Floats:
    """Duplicates believed within each radius and window. Shape (radii, windows)."""
    same = _within(rates)
    cells = np.bincount(rates.pairs.cell[same], rates.belief[same], minlength=CELLS)
    return cells.reshape(len(RADII_M), len(WINDOWS_H)).cumsum(0).cumsum(1)


def _links(rates: Rates, reports: int) -> Ints:
    """Later reports linked within each radius and window. Shape (radii, windows)."""
    rows = _within(rates)
    later = rates.pairs.later[rows]
    radius, window = np.divmod(rates.pairs.cell[rows], len(WINDOWS_H))
    found = []
    for wide in range(len(RADII_M)):
        first = np.full(reports, len(WINDOWS_H))
        inside = radius <= wide
        np.minimum.at(first, later[inside], window[inside])
        found.append(np.bincount(first, minlength=len(WINDOWS_H) + 1)[:-1].cumsum())
    return np.stack(found)
