"""Due times of many reports as columns, for whoever needs no more than clock, row of the policy and instant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa

from hub.core.calendars.zones import MillisArray
from hub.core.columns import Flags, Rows
from hub.core.deadlines.rows import ClockRows, RulesByClock
from hub.policy.models import DeadlineRule

_NOTHING = np.zeros(0, np.int64)


class Reckoned(NamedTuple):
    """What one row gives for a column of starts. Instants in ms; the warnings only if they were asked for."""

    due_ms: MillisArray
    warns_ms: tuple[MillisArray, ...] = ()
    """The first warning of each, then the second, ..."""
    provisional: Flags | None = None
    """Whether holidays on the way are not settled yet; None: of none."""


@dataclass(frozen=True)
class DueColumns:
    """One entry a clock of a report, by report, and within a report in the order in which rows first name the clocks."""

    row: Rows
    clock: pa.DictionaryArray
    policy: pa.DictionaryArray
    due_ms: MillisArray
    warn_ms: MillisArray = field(default_factory=_NOTHING.copy)
    """The first warning; empty if warnings were not asked for."""
    warns: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """Warnings after that, by entry, of those that have any."""
    provisional: Flags = field(default_factory=lambda: np.zeros(0, np.bool_))
    """Whether holidays on the way are not settled yet; empty if warnings were not asked for."""

    def __len__(self) -> int:
        return len(self.row)

    def firsts(self) -> Self:
        """Of each report with any clock, the one that runs out first."""
        order = np.lexsort((self.due_ms, self.row))
        lead = np.ones(len(order), dtype=np.bool_)
        lead[1:] = self.row[order][1:] != self.row[order][:-1]
        at = order[lead]
        taken = pa.array(at)
        return type(self)(self.row[at], self.clock.take(taken), self.policy.take(taken), self.due_ms[at])


def due_columns(
    plans: Sequence[RulesByClock],
    of: Rows,
    starts: MillisArray,
    rows: ClockRows,
    reckon: Callable[[DeadlineRule, MillisArray], Reckoned | None],
) -> DueColumns:
    """`plans` are the different ones; `of` and `starts` have one entry a report: its plan, and when its clocks start. `reckon`
    gives None for a row whose clock does not run from here."""
    names: list[tuple[str, str]] = []
    found: list[tuple[Rows, Reckoned]] = []
    for number, plan in enumerate(plans):
        of_group = np.flatnonzero(of == number)
        for rules in plan:
            for rule, mine in _shares(rules, of_group, starts, rows):
                reckoned = reckon(rule, starts[mine])
                if reckoned is not None:
                    found.append((mine, reckoned))
                    names.append((rule.clock, rule.id))
    if not found:
        nothing = pa.array([], pa.string()).dictionary_encode()
        return DueColumns(_NOTHING, nothing, nothing, _NOTHING)
    return _laid_out(names, found)


def _laid_out(names: Sequence[tuple[str, str]], parts: Sequence[tuple[Rows, Reckoned]]) -> DueColumns:
    """By report. `names`: clock and row's id of each part."""
    sizes = [len(mine) for mine, _ in parts]
    row = np.concatenate([mine for mine, _ in parts])
    order = np.argsort(row, kind="stable")
    numbers = pa.array(np.repeat(np.arange(len(parts), dtype=np.int32), sizes)[order])
    clock, policy = (
        pa.DictionaryArray.from_arrays(numbers, pa.array(texts, pa.string())) for texts in zip(*names, strict=True)
    )
    due_ms = np.concatenate([reckoned.due_ms for _, reckoned in parts])[order]
    if not parts[0][1].warns_ms:
        return DueColumns(row[order], clock, policy, due_ms)
    warn_ms = np.concatenate([reckoned.warns_ms[0] for _, reckoned in parts])[order]
    never = [reckoned.provisional is None for _, reckoned in parts]
    provisional = np.zeros(len(row), np.bool_)
    if not all(never):
        flags = [np.zeros(len(mine), np.bool_) if r.provisional is None else r.provisional for mine, r in parts]
        provisional = np.concatenate(flags)[order]
    return DueColumns(
        row=row[order], clock=clock, policy=policy, due_ms=due_ms, warn_ms=warn_ms,
        warns=_later_warnings(parts, order), provisional=provisional,
    )  # fmt: skip


def _later_warnings(parts: Sequence[tuple[Rows, Reckoned]], order: Rows) -> dict[int, tuple[int, ...]]:
    if all(len(reckoned.warns_ms) == 1 for _, reckoned in parts):
        return {}
    later: list[tuple[int, ...]] = []
    for mine, reckoned in parts:
        others = [column.tolist() for column in reckoned.warns_ms[1:]]
        later += zip(*others, strict=True) if others else [()] * len(mine)
    return {entry: later[at] for entry, at in enumerate(order.tolist()) if later[at]}


def _shares(
    rules: tuple[DeadlineRule, ...], members: Rows, starts: MillisArray, rows: ClockRows
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
