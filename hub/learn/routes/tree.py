"""Grows, for one category, the questions that tell its queues apart: a tree that stays small enough to be read.

A split is worth having if it would have decided better in the past: every period is decided by what was known before it, recent
history counting more (prequential evaluation), so that a queue that was renamed, a new division of the city or a passing fashion is
neither learnt too late nor kept too long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hub.core.columns import Floats, Rows
from hub.learn.routes.columns import NONE, Column, ColumnCodes
from hub.learn.routes.words import PhraseColumn

RECENT_DAYS = 60
"""What is recent where a row says how it does now."""

_PERIODS = 9


@dataclass(frozen=True)
class Growth:
    """How readily a tree grows. Days are of the history's time; gains are in reports decided right."""

    period_days: float = 20.0
    """Of a history shorter than nine of them, the ninth part."""
    half_life_days: float = 120.0
    """How long a report counts half; for a category whose queues change faster, one of `short_lives` if that decides better."""
    short_lives: tuple[float, ...] = (40.0, 15.0)
    prior: float = 3.0
    """Reports' worth of weight that the split's parent has in each of its branches."""
    least_gain: float = 3.0
    gain_a_row: float = 0.6
    """What each row that a split adds must earn."""
    deepest: int = 4
    queue_share: float = 0.8
    """How much a right queue counts against a right department."""


@dataclass(frozen=True)
class Target:
    """What is to be learnt. One entry a report, oldest first; labels are pairs of department and queue, counted from 0."""

    label: npt.NDArray[np.int64]
    labels: int
    department_of: npt.NDArray[np.int64]
    """The department of each label."""
    departments: int
    days: Floats
    """Days since the first report."""


@dataclass
class Node:
    """One question, or an answer if `column` is None. `branches` are the values that lead elsewhere than `rest`."""

    label: int
    support: int
    right: int
    department_right: int
    recent: tuple[int, int] = (0, 0)
    """Of the last days: how many reports there were, and how many were decided right."""
    column: Column | None = None
    branches: list[tuple[tuple[int, ...], Node]] = field(default_factory=list)
    rest: Node | None = None


NodeSplit = tuple[Column, list[tuple[int, ...]], list[Floats]]
"""A column, the groups of its values that lead elsewhere, and what to expect in each."""
ColumnsOf = Callable[[Rows], Sequence[Column]]
"""The columns worth asking of these reports. Words are chosen anew for every node."""


class Grower:
    """Grows the trees of one history."""

    def __init__(self, target: Target, columns: ColumnsOf, growth: Growth) -> None:
        self._target = target
        self._columns = columns
        self._growth = growth
        self._days = min(growth.period_days, float(target.days.max(initial=0.0)) / _PERIODS or 1.0)
        self._period = (target.days / self._days).astype(np.int64)
        self._last = int(self._period.max(initial=0))

    def grow(self, rows: Rows) -> Node:
        """The tree of one category's reports."""
        used = np.unique(self._target.label[rows])
        homes = [column.homes for column in self._columns(rows) if np.isin(used, column.homes).any()]
        used = np.unique(np.concatenate([used, *(np.array(one[1:], np.int64) for one in homes)]))
        return _Category(self, rows, used).grow(rows, None, ())


class _Category:
    """One category: its labels are few, so counts by period, value and label are small arrays."""

    def __init__(self, grower: Grower, rows: Rows, used: npt.NDArray[np.int64]) -> None:
        target = grower._target
        self._growth, self._columns = grower._growth, grower._columns
        self._period, self._period_days = grower._period, grower._days
        self._target = target
        self._used = used
        self._label = np.full(len(target.label), -1, np.int64)
        self._label[rows] = np.searchsorted(used, target.label[rows])
        departments = target.department_of[used]
        self._same_department = (departments[:, None] == departments[None, :]).astype(np.float64)
        self._worth = (
            grower._growth.queue_share * np.eye(len(used)) + (1 - grower._growth.queue_share) * self._same_department
        )
        self._first = int(self._period[rows].min())
        self._periods = grower._last - self._first + 1
        self._decay = self._best_decay(rows)

    def grow(self, rows: Rows, prior: Floats | None, path: tuple[str, ...], depth: int = 0) -> Node:
        whole = self._counts(rows, np.zeros(len(rows), np.int64), 1)
        plain = _cumulated(whole, self._decay)
        now = plain[-1, 0] if prior is None else plain[-1, 0] + self._growth.prior * prior
        best = int(np.argmax(self._worth @ now))
        label = self._label[rows]
        lately = label[self._target.days[rows] > self._target.days.max() - RECENT_DAYS]
        node = Node(
            label=int(self._used[best]),
            support=len(rows),
            right=int((label == best).sum()),
            department_right=int(self._same_department[best][label].sum()),
            recent=(len(lately), int((lately == best).sum())),
        )
        share = now / now.sum()
        if depth >= self._growth.deepest or node.right == node.support or len(rows) < 2 * self._growth.least_gain:
            return node
        base = self._earned(whole, plain, share)
        found = self._best_split(rows, best, base, share, path)
        if found is None:
            return node
        column, groups, priors = found
        path = (*path, column.name)
        if isinstance(column, PhraseColumn):
            column = column.regrouped(groups)
            groups = [(number,) for number in range(1, len(groups) + 1)]
        node.column = column
        codes = column.codes[rows]
        taken = np.zeros(len(rows), np.bool_)
        for values, prior in zip(groups, priors, strict=True):
            mine = np.isin(codes, values)
            taken |= mine
            node.branches.append((values, self.grow(rows[mine], prior, path, depth + 1)))
        after = path[:-1] if isinstance(column, PhraseColumn) else path
        node.rest = self.grow(rows[~taken], share, after, depth + 1) if not taken.all() else None
        return node

    def _best_decay(self, rows: Rows) -> float:
        """A queue that was renamed or reorganised must not be outvoted by its past: forget as fast as decides best."""
        counts = self._counts(rows, np.zeros(len(rows), np.int64), 1)
        best, earned = 0.0, -np.inf
        for half_life in (self._growth.half_life_days, *self._growth.short_lives):
            decay = 0.5 ** (self._period_days / half_life)
            got = self._earned(counts, _cumulated(counts, decay), counts[0, 0], judged_by=self._longest)
            if got >= earned + (self._growth.least_gain if best else 0.0):
                best, earned = decay, got
        return best

    @property
    def _longest(self) -> float:
        return float(0.5 ** (self._period_days / self._growth.half_life_days))

    def _best_split(self, rows: Rows, best: int, base: float, share: Floats, path: tuple[str, ...]) -> NodeSplit | None:
        growth = self._growth
        chosen: tuple[float, NodeSplit] | None = None
        for column in self._columns(rows):
            codes = column.codes[rows]
            if column.name in path and (column.homes or isinstance(column, PhraseColumn)):
                continue  # an area's reports are in no other area; a row asks for words once
            seen, narrow = np.unique(codes, return_inverse=True)
            if column.homes:
                seen, narrow = np.arange(column.size, dtype=np.int32), codes.astype(np.int64)
            if len(seen) < 2:
                continue
            counts = self._counts(rows, narrow, len(seen))
            known = _cumulated(counts, self._decay)
            at_home = self._at_home(column)
            groups, priors, cost = self._groups(seen, known[-1], share, best, at_home)
            if not groups:
                continue
            gain = self._earned(counts, known, share, at_home) - base
            net = gain - growth.gain_a_row * cost
            if gain >= growth.least_gain and net > 0 and (chosen is None or net > chosen[0]):
                chosen = (net, (column, groups, priors))
        return None if chosen is None else chosen[1]

    def _counts(self, rows: Rows, codes: npt.NDArray[np.int64], values: int) -> Floats:
        """How many reports there are by period, value and label."""
        counts = np.zeros((self._periods, values, len(self._used)))
        np.add.at(counts, (self._period[rows] - self._first, codes, self._label[rows]), 1.0)
        return counts

    def _at_home(self, column: Column) -> Floats | None:
        """By value and label 1 where the label is the queue whose area the value is; None for columns without such."""
        if not column.homes:
            return None
        homes = np.array(column.homes)
        return np.asarray(homes[:, None] == self._used[None, :], np.float64)

    def _earned(
        self,
        counts: Floats,
        cumulated: Floats,
        share: Floats,
        at_home: Floats | None = None,
        judged_by: float | None = None,
    ) -> float:
        """What deciding each period by all before it would have earned, recent periods counting more; in recent reports."""
        before = cumulated[:-1]
        parent = before.sum(axis=1, keepdims=True)
        total = parent.sum(axis=2, keepdims=True)
        parent = np.where(total > 0, parent / np.maximum(total, 1e-12), share)
        score = (before + self._growth.prior * _with_homes(parent, before, at_home)) @ self._worth
        decided = score.argmax(axis=2)
        earned = np.take_along_axis(counts[1:] @ self._worth, decided[:, :, None], axis=2).sum(axis=(1, 2))
        age = np.arange(len(earned))[::-1]
        return float((earned * np.sqrt(judged_by or self._decay) ** age).sum())

    def _groups(
        self, seen: npt.NDArray[np.int32], now: Floats, share: Floats, best: int, at_home: Floats | None
    ) -> tuple[list[tuple[int, ...]], list[Floats], int]:
        """Values that lead to one label together, most weight first, the prior of each group, and how many rows it costs.

        Values that lead to the node's own label are left out, but in a learnt layer: there what lies outside every area is a
        matter of its own. A row that gives an area's reports to its own queue costs nothing: all categories share it.
        """
        prior = np.broadcast_to(_with_homes(share, now, at_home), now.shape)
        decided = ((now + self._growth.prior * prior) @ self._worth).argmax(axis=1)
        groups: list[tuple[float, tuple[int, ...], Floats]] = []
        cost = 0
        for label in np.unique(decided).tolist():
            at = np.flatnonzero((decided == label) & (seen != NONE))
            if at_home is not None:
                own = at[at_home[at, label] > 0]
                groups += [(float(now[one].sum()), (int(seen[one]),), prior[one]) for one in own.tolist()]
                at = np.setdiff1d(at, own)
            elif label == best:
                continue
            if len(at):
                cost += 1
                groups.append((float(now[at].sum()), tuple(int(seen[one]) for one in at), prior[at].mean(axis=0)))
        groups.sort(key=lambda group: -group[0])
        return [values for _, values, _ in groups], [own for _, _, own in groups], cost


def _with_homes(parent: Floats, before: Floats, at_home: Floats | None) -> Floats:
    """The prior of each value: its parent's shares or, as often as reports were with the queue whose area it is, that queue.

    `before` ends in value and label, `parent` broadcasts to it.
    """
    if at_home is None:
        return parent
    whole = before.sum(axis=(-2, -1))[..., None, None]
    home = (before * at_home).sum(axis=(-2, -1))[..., None, None] / np.maximum(whole, 1e-12)
    has_home = at_home.sum(axis=-1, keepdims=True)
    return np.asarray(parent * (1 - home * has_home) + at_home * home)


def _cumulated(counts: Floats, decay: float) -> Floats:
    """The counts known at the end of each period: its own and, decayed, those of all periods before."""
    known = counts.copy()
    for period in range(1, len(known)):
        known[period] += decay * known[period - 1]
    return known


def label_rows(node: Node, column_at: Callable[[Column], ColumnCodes], rows: Rows, out: npt.NDArray[np.int64]) -> None:
    """Write the label of each of `rows` to `out`. `column_at` gives a column's codes for the reports to decide."""
    if node.column is None:
        out[rows] = node.label
        return
    codes = column_at(node.column)[rows]
    left = np.ones(len(rows), np.bool_)
    for values, branch in node.branches:
        mine = np.isin(codes, values)
        left &= ~mine
        label_rows(branch, column_at, rows[mine], out)
    if node.rest is None:
        out[rows[left]] = node.label
    else:
        label_rows(node.rest, column_at, rows[left], out)
