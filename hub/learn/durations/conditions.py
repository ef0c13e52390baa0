"""Tells whether a category's durations also depend on where a report came from or what it carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hub.core.columns import Ints
from hub.learn.durations.cases import DueReports
from hub.learn.durations.shapes import Fit
from hub.learn.durations.votes import Duration, hits

_LEAST_ROWS = 60
_WRONG = 0.08
_MOST_VALUES = 40
_LEARNT = 0.6
_LEAST_GAIN = 5
_LEAST_GAIN_SHARE = 0.04


@dataclass(frozen=True)
class ColumnSplit:
    """Rows of a category by the value of one column."""

    column: str
    rows: dict[int, Ints]
    """The rows by index of the value; -1 for those of which the column says nothing."""


def split_of(cases: DueReports, fits: Sequence[Fit], rows: Ints, durations: Sequence[Duration]) -> ColumnSplit | None:
    """The column by whose values the durations differ most, or None.

    `rows` are a category's, in order of opening, `durations` the likeliest. It must prove itself on later reports: what is
    learnt from the first part of them must get more of the rest right than one duration for all does.
    """
    if len(rows) < _LEAST_ROWS or len(durations) < 2:
        return None
    right = np.stack([hits(fits, duration, rows) for duration in durations], axis=1)
    if right.mean(axis=0).max() > 1 - _WRONG:
        return None
    cut = round(len(rows) * _LEARNT)
    first, rest = right[:cut], right[cut:]
    plain = int(rest[:, int(first.sum(axis=0).argmax())].sum())
    enough = max(_LEAST_GAIN, _LEAST_GAIN_SHARE * len(rest))
    best: tuple[float, ColumnSplit] | None = None
    for name, column in cases.columns.items():
        values = column[rows]
        known = np.unique(values)
        if not 2 <= len(known) <= _MOST_VALUES:
            continue
        usual = int(first.sum(axis=0).argmax())
        found = 0
        for value in known:
            mine = values[:cut] == value
            chosen = int(first[mine].sum(axis=0).argmax()) if mine.sum() >= _LEAST_GAIN else usual
            found += int(rest[values[cut:] == value, chosen].sum())
        if found - plain >= enough and (best is None or found > best[0]):
            best = found, ColumnSplit(name, {int(value): rows[values == value] for value in known})
    return best[1] if best else None
