"""Categories that duplicate each other as much as themselves are one family: people do not know which of them to choose."""

from __future__ import annotations

import numpy as np

from hub.core.columns import Ints
from hub.learn.links.pairs import RADII_M, WINDOWS_H, ReportColumns
from hub.learn.links.rates import Rates

_LEAST = 5.0
"""Duplicates across two families that must be believed before they are one."""
_AS_LIKELY = 0.5
"""A pair across them must be at least this much as likely as the less likely of a pair within one."""
_NEAR, _SOON = RADII_M.index(25.0), WINDOWS_H.index(170)


def families_of(rates: Rates, reports: ReportColumns) -> Ints:
    """For each family its new number: that of the most frequent one that it is joined with. Shape (families,)."""
    size = rates.families
    radius, window = np.divmod(rates.pairs.cell, len(WINDOWS_H))
    close = (radius <= _NEAR) & (window <= _SOON)
    count = np.bincount(rates.group[close], minlength=size * size).reshape(size, size).astype(np.float64)
    found = np.bincount(rates.group[close], rates.belief[close], minlength=size * size).reshape(size, size)
    into = np.arange(size)
    frequent = np.bincount(reports.family, minlength=size)
    while (pair := _likest(found, count)) is not None:
        one, other = sorted(pair, key=lambda each: (-frequent[each], each))
        into[into == other] = one
        frequent[one] += frequent[other]
        found, count = _merged(found, one, other), _merged(count, one, other)
    return into


def _likest(duplicates: np.ndarray, count: np.ndarray) -> tuple[int, int] | None:
    """The two families with most duplicates across them, of those that are as good as one."""
    rate = duplicates / np.maximum(count, 1)
    own = np.diag(rate)
    across = np.triu(duplicates, 1)
    fits = (across >= _LEAST) & (rate >= _AS_LIKELY * np.minimum(own[:, None], own[None, :]))
    if not fits.any():
        return None
    best = int(np.argmax(np.where(fits, across, -1.0)))
    return best // len(duplicates), best % len(duplicates)


def _merged(table: np.ndarray, first: int, other: int) -> np.ndarray:
    """Merge the rows and columns of two families in an upper triangular table."""
    whole = table + np.triu(table, 1).T
    inside = whole[first, first] + whole[other, other] + whole[first, other]
    whole[first] += whole[other]
    whole[:, first] = whole[first]
    whole[first, first] = inside
    whole[other] = 0
    whole[:, other] = 0
    upper: np.ndarray = np.triu(whole)
    return upper
