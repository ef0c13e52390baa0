"""Which rows of an ordered table no report can ever reach, because its conditions exclude each other or rows above take all.

Every condition allows some values out of a finite set (what rows name, and one value that stands for all else), so a row is a
union of boxes, and a row is reached if subtracting the boxes of the rows above leaves something of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

Dimension = tuple[str, ...]
Box = Mapping[Dimension, frozenset[Hashable]]
"""Allowed values by dimension; a dimension that is not named allows all."""

ELSE = "\0else"
"""Every value that no row names."""
YES, NO = frozenset[Hashable]([True]), frozenset[Hashable]([False])

_MOST_PIECES = 5_000
"""Past this, a row is taken to be reached: a table that intricate is not proved, and nothing false is said of it."""


@dataclass(frozen=True)
class Reach:
    """Why nothing reaches a row: no report is as it asks (`empty`), or rows above take all of it. `by`: the one row that does
    so alone, or None if it takes several."""

    empty: bool = False
    by: int | None = None


def unreached(
    rows: Sequence[Sequence[Box]],
    domains: Mapping[Dimension, frozenset[Hashable]],
    covers: Callable[[int, int], bool] = lambda above, row: True,
) -> dict[int, Reach]:
    """The rows that nothing reaches, by their place. A row is the union of its boxes; earlier rows come first.

    `domains` holds all values of every dimension that a box names. `covers`: whether a row above takes what it matches from one
    below it, which it does not if it holds for a time only.
    """
    found: dict[int, Reach] = {}
    kept = [[box for box in boxes if possible(box)] for boxes in rows]
    higher = _BoxesAbove()
    for index, boxes in enumerate(kept):
        if not boxes:
            found[index] = Reach(empty=True)
            continue
        near = sorted({at for one in boxes for at in higher.rows_near(one)})
        above = [at for at in near if covers(at, index) and any(_meet(one, o) for one in boxes for o in kept[at])]
        for one in boxes:
            higher.add(index, one)
        alone = next((at for at in above if not _left(boxes, kept[at], domains)), None)
        if alone is not None:
            found[index] = Reach(by=alone)
        elif len(above) > 1 and not _left(boxes, [box for at in above for box in kept[at]], domains):
            found[index] = Reach()
    return found


class _BoxesAbove:
    """Boxes of rows by the values that they allow: of thousands of rows, each for areas of its own, few can meet."""

    def __init__(self) -> None:
        self._rows: list[int] = []
        self._by_value: dict[Dimension, dict[Hashable, list[int]]] = defaultdict(dict)
        self._naming: dict[Dimension, set[int]] = defaultdict(set)

    def add(self, row: int, box: Box) -> None:
        """Note a box of a row."""
        number = len(self._rows)
        self._rows.append(row)
        for dimension, values in box.items():
            self._naming[dimension].add(number)
            for value in values:
                self._by_value[dimension].setdefault(value, []).append(number)

    def rows_near(self, box: Box) -> set[int]:
        """The rows that this box may meet, by the dimension that leaves the fewest."""
        best: tuple[int, Dimension] | None = None
        for dimension, values in box.items():
            by_value = self._by_value[dimension]
            size = len(self._rows) - len(self._naming[dimension])
            size += sum(len(by_value.get(value, ())) for value in values)
            if best is None or (size, dimension) < best:
                best = size, dimension
        if best is None or best[0] >= len(self._rows):
            return set(self._rows)
        dimension, naming, by_value = best[1], self._naming[best[1]], self._by_value[best[1]]
        found = {number for value in box[dimension] for number in by_value.get(value, ())}
        if len(naming) < len(self._rows):
            found |= set(range(len(self._rows))) - naming
        return {self._rows[number] for number in found}


def any_word(kind: str, words: Iterable[str]) -> list[Box]:
    """'One of these words is found' as boxes that do not overlap: the first, or not the first but the second, ..."""
    boxes: list[Box] = []
    before: dict[Dimension, frozenset[Hashable]] = {}
    for word in words:
        boxes.append({**before, (kind, word): YES})
        before[(kind, word)] = NO
    return boxes


def product(left: Sequence[Box], right: Sequence[Box]) -> list[Box]:
    """Both conditions hold."""
    return [_both(one, other) for one in left for other in right]


def _both(box: Box, other: Box) -> Box:
    both = dict(box)
    for dimension, values in other.items():
        both[dimension] = both[dimension] & values if dimension in both else values
    return both


def _meet(box: Box, other: Box) -> bool:
    return all(box[dimension] & values for dimension, values in other.items() if dimension in box)


def possible(box: Box) -> bool:
    """No dimension is empty, and no text holds a word without the words within it."""
    if not all(box.values()):
        return False
    found = [dimension for dimension, values in box.items() if values == YES and len(dimension) == 2]
    missing = [dimension for dimension, values in box.items() if values == NO and len(dimension) == 2]
    return not any(kind == other and word in longer for kind, word in missing for other, longer in found)


def _left(boxes: Sequence[Box], others: Sequence[Box], domains: Mapping[Dimension, frozenset[Hashable]]) -> list[Box]:
    pieces = list(boxes)
    for other in others:
        pieces = [rest for piece in pieces for rest in _minus(piece, other, domains)]
        if any(len(dimension) == 2 and values in (YES, NO) for dimension, values in other.items()):
            pieces = [piece for piece in pieces if possible(piece)]  # only now may a piece lack a word it must hold
        if not pieces or len(pieces) > _MOST_PIECES:
            break
    return pieces


def _minus(box: Box, other: Box, domains: Mapping[Dimension, frozenset[Hashable]]) -> list[Box]:
    if not _meet(box, other):
        return [box]
    rest: list[Box] = []
    inside = dict(box)
    for dimension, values in other.items():
        mine = inside.get(dimension, domains[dimension])
        if outside := mine - values:
            rest.append({**inside, dimension: outside})
        inside[dimension] = mine & values
    return rest
