"""Which durations the reports of each category speak for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hub.core.columns import Flags, Ints
from hub.learn.durations.cases import DueReports
from hub.learn.durations.shapes import Fit, Shape

_BITS = 24
_DAY = 24 * 60
_LEAST_NEW = 2
_ODD_MINUTES = 0.6
"""A number of minutes that is no whole hour is believed only where clearly more reports speak for it."""


@dataclass(frozen=True)
class Duration:
    """A shape with its number: a deadline row but for whom it holds."""

    shape: Shape
    number: int

    @property
    def order(self) -> tuple[object, ...]:
        """Sort key of durations, so that ties are always broken the same way."""
        return *self.shape.order, self.number

    @property
    def simple(self) -> bool:
        """A number that a person would write: whole days or months, whole hours or quarters of one up to a day."""
        return self.shape.whole or self.number % 60 == 0 or (self.number < _DAY and self.number % 15 == 0)


def votes(category: Ints, fits: Sequence[Fit]) -> dict[int, dict[Duration, int]]:
    """How many reports each duration gets right, by category."""
    found: dict[int, dict[Duration, int]] = {}
    for fit in fits:
        keys = (category[fit.right] << _BITS) | fit.number[fit.right]
        for key, count in zip(*(column.tolist() for column in np.unique(keys, return_counts=True)), strict=True):
            of = found.setdefault(key >> _BITS, {})
            duration = Duration(fit.shape, key & ((1 << _BITS) - 1))
            of[duration] = of.get(duration, 0) + count
    return found


def most_right(category: Ints, fits: Sequence[Fit], categories: int) -> Ints:
    """The most reports that one duration gets right, for each category. The quick form of `votes`, for searches."""
    best = np.zeros(categories, dtype=np.int64)
    for fit in fits:
        keys, counts = np.unique((category[fit.right] << _BITS) | fit.number[fit.right], return_counts=True)
        np.maximum.at(best, keys >> _BITS, counts)
    return best


def ranked(counted: dict[Duration, int], popularity: dict[Duration, float], at_most: int) -> list[Duration]:
    """Durations by how many reports they get right; of equals, the more usual elsewhere, then the simpler."""

    def weight(duration: Duration) -> tuple[float, tuple[object, ...]]:
        right = counted[duration] * (1.0 if duration.simple else _ODD_MINUTES)
        return -(right + 0.9 * popularity.get(duration, 0.0)), duration.order

    credible = [duration for duration in counted if duration.simple or duration.number < _DAY]
    return sorted(credible, key=weight)[:at_most]


def different(fits: Sequence[Fit], likely: Sequence[Duration], rows: Ints, at_most: int) -> list[Duration]:
    """Of likely durations, the likeliest first, those that get reports right which the ones before do not."""
    left = np.ones(len(rows), dtype=np.bool_)
    right = {duration: hits(fits, duration, rows) for duration in likely}
    found = list(likely[:1])
    while found and len(found) < at_most:
        left &= ~right[found[-1]]
        gains = [int((right[duration] & left).sum()) for duration in likely]
        best = max(range(len(likely)), key=lambda at: gains[at], default=0)
        if gains[best] < _LEAST_NEW:
            break
        found.append(likely[best])
    return found


def popularity_of(counted: dict[int, dict[Duration, int]], reports: Ints) -> dict[Duration, float]:
    """How usual a duration is, 0 to 1: by the number of categories for which it is among the best, and its shape's."""
    durations: dict[Duration, float] = {}
    shapes: dict[Shape, float] = {}
    for of in counted.values():
        top = max(of.values())
        for duration, count in of.items():
            if duration.simple and count >= 0.98 * top:
                durations[duration] = durations.get(duration, 0.0) + 1
                shapes[duration.shape] = shapes.get(duration.shape, 0.0) + top
    if not durations:
        return {}
    most, most_shape = max(durations.values()), max(shapes.values())
    return {one: 0.5 * count / most + 0.5 * shapes[one.shape] / most_shape for one, count in durations.items()}


def hits(fits: Sequence[Fit], duration: Duration, rows: Ints | Flags) -> Flags:
    """For each of these rows, true if `duration` gives its due time."""
    found = np.zeros(len(fits[0].right[rows]), dtype=np.bool_)
    for fit in fits:
        if fit.shape == duration.shape:
            found |= fit.right[rows] & (fit.number[rows] == duration.number)
    return found


def by_category(cases: DueReports) -> list[Ints]:
    """Rows of each category, in order of opening."""
    order = np.argsort(cases.category, kind="stable")
    return np.split(order, np.searchsorted(cases.category[order], np.arange(1, len(cases.names))))
