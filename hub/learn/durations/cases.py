"""The part of a history that tells how long clocks run: when each report was opened, when it was due, and what it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from hub.core.calendars.zones import MillisArray
from hub.core.columns import Flags, Ints
from hub.learn.history import History
from hub.millis import MINUTE_MS

TOLERANCE_MS = MINUTE_MS
"""A due time is met if it is right to the minute: systems cut seconds off one of the two times or the other."""


@dataclass(frozen=True)
class DueReports:
    """Reports that have a due time, in order of opening. Columns have one entry a report; times are UTC ms."""

    opened: MillisArray
    due: MillisArray
    category: Ints
    """Index of the report's category in `names`."""
    names: tuple[str, ...]
    reports: Ints
    """How many reports each category has, with a due time or without."""
    time_zone: str
    columns: Mapping[str, Ints] = field(default_factory=dict)
    """What else a report carries, by name: index into `values[name]`, -1 where it says nothing."""
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.opened)

    def where(self, rows: Flags | Ints) -> Self:
        """The same columns with only these rows."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        return replace(
            self, opened=self.opened[rows], due=self.due[rows], category=self.category[rows], columns=columns
        )

    def thinned(self, at_most: int) -> Self:
        """At most this many rows, evenly spread over time."""
        if len(self) <= at_most:
            return self
        return self.where(np.linspace(0, len(self) - 1, at_most).astype(np.int64))


def cases_of(history: History) -> DueReports:
    """Reports of `history` whose due time is known and after their opening."""
    due = history.due_ms.cast("float64").to_numpy(zero_copy_only=False)
    opened = history.opened_ms.to_numpy(zero_copy_only=False).astype(np.int64)
    told: dict[str, list[str | None]] = {
        "source": history.source.to_pylist(),
        "channel": history.channel.to_pylist(),
        **{f"attribute.{name}": column.to_pylist() for name, column in history.attributes.items()},
    }
    return cases_from(opened, due, history.category.to_pylist(), history.time_zone, told)


def cases_from(
    opened: MillisArray,
    due: npt.NDArray[np.float64] | MillisArray,
    category: Sequence[str],
    time_zone: str,
    labels: Mapping[str, Sequence[str | None]] | None = None,
) -> DueReports:
    """As `cases_of`, from plain columns; `due` is NaN where it is not known."""
    names, index = np.unique(np.asarray(category, dtype=object).astype(str), return_inverse=True)
    reports = np.bincount(index, minlength=len(names)).astype(np.int64)
    known = np.isfinite(due) & (np.nan_to_num(due, nan=0.0) > opened)
    rows = np.flatnonzero(known)
    rows = rows[np.argsort(opened[rows], kind="stable")]
    columns, values = {}, {}
    for name, column in (labels or {}).items():
        columns[name], values[name] = _coded(column, rows)
    return DueReports(
        opened=opened[rows],
        due=due[rows].astype(np.int64),
        category=index[rows].astype(np.int64),
        names=tuple(names.tolist()),
        reports=reports,
        time_zone=time_zone,
        columns=columns,
        values=values,
    )


def _coded(column: Sequence[str | None], rows: Ints) -> tuple[Ints, tuple[str, ...]]:
    known = sorted({value for value in column if value})
    number = {value: at for at, value in enumerate(known)}
    return np.array([number.get(column[row] or "", -1) for row in rows.tolist()], dtype=np.int64), tuple(known)
