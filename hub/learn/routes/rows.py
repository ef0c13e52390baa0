"""Trees as the ordered rows of a routing table, those of different categories that say the same made one.

A tree's branches come before its rest, so that the first row that matches is the tree's answer. Categories exclude each other,
and so do the branches of one question: rows may move past rows of other categories, and that is how equal ones meet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hub.backtest.judging.names import slug
from hub.learn.routes.columns import ATTRIBUTE, CHANNEL, HOUR, LAYER, PLACED, SOURCE, URGENCY, WEEKDAY, Column
from hub.learn.routes.tree import RECENT_DAYS, Node
from hub.learn.routes.words import PhraseColumn
from hub.learn.rows import Drafted
from hub.policy.models import Route, RouteWhen

AskedColumn = tuple[str, str]
"""Kind and name of a question."""
Condition = tuple[tuple[AskedColumn, tuple[str, ...]], ...]
"""What must hold: answers by question, in order of the questions. Hashable, so that equal ones meet."""

_WEEK = {"mon-fri": ("mon", "tue", "wed", "thu", "fri"), "sat-sun": ("sat", "sun")}
_RULE = 80
_MOVED = 0.1
"""By how much the last days must differ from all to be told."""


@dataclass(frozen=True)
class Leaf:
    """One answer of one category's tree. `depth` counts the questions that lead here."""

    category: str
    condition: Condition
    depth: int
    node: Node


def leaves(category: str, node: Node) -> list[Leaf]:
    """The tree's answers in the order in which rows must be tried. Answers that no report can reach are left out."""
    return list(_leaves(category, node, {}, 0))


def _leaves(category: str, node: Node, path: Mapping[AskedColumn, tuple[str, ...]], depth: int) -> Iterator[Leaf]:
    if node.column is None:
        yield Leaf(category, tuple(sorted(path.items())), depth, node)
        return
    asked = (node.column.kind, node.column.name)
    for values, branch in node.branches:
        answers = _answers(node.column, values)
        if asked in path:
            answers = tuple(answer for answer in answers if answer in path[asked])
        if answers:
            yield from _leaves(category, branch, {**path, asked: answers}, depth + 1)
    if node.rest is not None:
        yield from _leaves(category, node.rest, path, depth + 1)
    else:
        yield Leaf(category, tuple(sorted(path.items())), depth, Node(node.label, 0, 0, 0))


def _answers(column: Column, values: Iterable[int]) -> tuple[str, ...]:
    if isinstance(column, PhraseColumn):
        return tuple(phrase for value in values for phrase in column.groups[value - 1])
    return tuple(column.values[value] for value in values)


def rows(trees: Mapping[str, Node], outcome: Mapping[int, tuple[str, str | None]]) -> list[Drafted]:
    """The table of all trees. `outcome` is department id and queue of each label.

    First the rows of one condition that any number of categories may share, then each category's finer ones, then what a
    category's reports come to when nothing else is said of them.
    """
    shared: dict[tuple[Condition, int], list[Leaf]] = defaultdict(list)
    finer: list[Leaf] = []
    plain: dict[int, list[Leaf]] = defaultdict(list)
    for category, tree in trees.items():
        found = leaves(category, tree)
        for leaf in found:
            if not leaf.condition:
                plain[leaf.node.label].append(leaf)
            elif leaf.depth == 1:
                shared[leaf.condition, leaf.node.label].append(leaf)
            else:
                finer.append(leaf)
    names = _Names()
    drafted = [
        _row(names, members, outcome) for _, members in sorted(shared.items(), key=lambda item: _rank(item[0], outcome))
    ]
    drafted += [_row(names, [leaf], outcome) for leaf in finer]
    drafted += [_row(names, members, outcome) for members in plain.values()]
    return drafted


def _rank(key: tuple[Condition, int], outcome: Mapping[int, tuple[str, str | None]]) -> tuple[str, str, str]:
    """Rows of one question stand together, by what they lead to."""
    condition, label = key
    department, queue = outcome[label]
    return (str(condition[0][0]), f"{department} {queue}", str(condition))


def _row(names: _Names, members: list[Leaf], outcome: Mapping[int, tuple[str, str | None]]) -> Drafted:
    first = members[0]
    department, queue = outcome[first.node.label]
    when = {"category": tuple(leaf.category for leaf in members), **conditions(first.condition)}
    support = sum(leaf.node.support for leaf in members)
    right = sum(leaf.node.right for leaf in members)
    right_department = sum(leaf.node.department_right for leaf in members)
    told = []
    if support and queue is not None and right_department > right:
        told.append(f"department {right_department / support:.1%}")
    late, late_right = (sum(leaf.node.recent[at] for leaf in members) for at in (0, 1))
    if late and abs(late_right / late - right / support) > _MOVED:
        told.append(f"{late_right / late:.1%} of the {late:,} of the last {RECENT_DAYS} days")
    if not support:
        told.append("no report of its own: as neighbouring rows are")
    about = first.category if len(members) == 1 else slug(queue or department)
    row = Route(id=names.of(about or "row"), when=RouteWhen(**when), department=department, queue=queue)
    return Drafted(row, support, right / support if support else None, ", ".join(told))


def conditions(condition: Condition) -> dict[str, Any]:
    """The arguments of RouteWhen."""
    found: dict[str, Any] = {}
    for (kind, name), answers in condition:
        if kind in (SOURCE, CHANNEL, URGENCY, "keywords"):
            found[kind] = answers
        elif kind == ATTRIBUTE:
            found.setdefault("attribute", {})[name] = answers
        elif kind == LAYER:
            found.setdefault("area", {})[name] = answers
        elif kind == PLACED:
            found["placed"] = answers == ("yes",)
        elif kind == WEEKDAY:
            found["weekdays"] = tuple(day for part in answers for day in _WEEK[part])
        elif kind == HOUR:
            found["hours"] = tuple(_spans([int(hour) for hour in answers]))
        else:
            raise AssertionError(f"no row can ask for {kind}")
    return found


def _spans(starts: list[int]) -> Iterator[str]:
    """Two-hour slots as spans, those that touch joined."""
    first = end = None
    for start in sorted(starts):
        if start != end:
            if first is not None:
                yield f"{first:02d}:00-{end:02d}:00"
            first = start
        end = start + 2
    if first is not None:
        yield f"{first:02d}:00-{end:02d}:00"


class _Names:
    """Ids of rows: what a row is about, and a number where several are about the same."""

    def __init__(self) -> None:
        self._used: dict[str, int] = defaultdict(int)

    def of(self, about: str) -> str:
        stem = about[: _RULE - 6]
        self._used[stem] += 1
        return f"{stem}.{self._used[stem]}"
