"""Due times of many reports as columns, for whoever needs no more than clock, row of the policy and instant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hub.core.calendars.zones import Millis
from hub.core.deadlines.rows import ClockRows, Plan
from hub.policy.models import DeadlineRule

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class DueColumns:
    """One entry a clock of a report, by report, and within a report in the order in which rows first name the clocks."""

    row: Rows
    clock: pa.DictionaryArray
    policy: pa.DictionaryArray
    due_ms: Millis

    def __len__(self) -> int:
        return len(self.row)

    def where(self, keep: npt.NDArray[np.bool_]) -> Self:
        """Only some entries."""
        chosen = pa.array(keep)
        return type(self)(self.row[keep], self.clock.filter(chosen), self.policy.filter(chosen), self.due_ms[keep])

    def firsts(self) -> Self:
        """Of each report with any clock, the one that runs out first."""
        order = np.lexsort((self.due_ms, self.row))
        lead = np.ones(len(order), dtype=np.bool_)
        lead[1:] = self.row[order][1:] != self.row[order][:-1]
        at = order[lead]
        taken = pa.array(at)
        return type(self)(self.row[at], self.clock.take(taken), self.policy.take(taken), self.due_ms[at])


def due_columns(
    plans: Sequence[Plan],
    of: Rows,
    starts: Millis,
    rows: ClockRows,
    reckon: Callable[[DeadlineRule, Millis], Millis | None],
) -> DueColumns:
    """`plans` are the different ones; `of` and `starts` have one entry a report: its plan, and when its clocks start. `reckon`
    gives None for a row whose clock does not run from here."""
    names: list[tuple[str, str]] = []
    found: list[tuple[Rows, Rows, Millis]] = []
    for number, plan in enumerate(plans):
        of_group = np.flatnonzero(of == number)
        for rules in plan:
            for rule, mine in _shares(rules, of_group, starts, rows):
                dues = reckon(rule, starts[mine])
                if dues is not None:
                    found.append((mine, np.full(len(mine), len(names), dtype=np.int64), dues))
                    names.append((rule.clock, rule.id))
    if not found:
        nothing = pa.array([], pa.string()).dictionary_encode()
        return DueColumns(np.zeros(0, np.int64), nothing, nothing, np.zeros(0, np.int64))
    row, name, due_ms = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.argsort(row, kind="stable")
    numbers = pa.array(name[order].astype(np.int32))
    clock, policy = (
        pa.DictionaryArray.from_arrays(numbers, pa.array(texts, pa.string())) for texts in zip(*names, strict=True)
    )
    return DueColumns(row[order], clock, policy, due_ms[order])


def _shares(
    rules: tuple[DeadlineRule, ...], members: Rows, starts: Millis, rows: ClockRows
) -> Iterator[tuple[DeadlineRule, Rows]]:
    """Which reports go by which of a clock's rows: each by the first in force at its start."""
    left = members
    for rule in rules:
        if not left.size:
            return
        if rows.undated(rule):
            yield rule, left
            return
        held = rows.in_force(rule, starts[left])
        yield rule, left[held]
        left = left[~held]
