"""A row is called unreached exactly if no point of the space is left for it: proved against trying every point."""

from __future__ import annotations

from itertools import product as every

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.policy import reach
from hub.policy.reach import Box, any_word, product, unreached

DOMAINS = {("a",): frozenset(range(3)), ("b",): frozenset("xy"), ("w", "light"): frozenset([True, False])}
DOMAINS[("w", "street light")] = frozenset([True, False])
values = {dimension: st.frozensets(st.sampled_from(sorted(every_one))) for dimension, every_one in DOMAINS.items()}
# Boxes of one or two conditions: of more, one row hardly ever takes what another would.
boxes = st.lists(st.sampled_from(sorted(DOMAINS)), max_size=2, unique=True).flatmap(
    lambda dimensions: st.fixed_dictionaries({dimension: values[dimension] for dimension in dimensions})
)
tables = st.lists(st.lists(boxes, min_size=1, max_size=2), max_size=6)


def points() -> list[dict[tuple[str, ...], object]]:
    """All that can be: a text with 'street light' in it has 'light' in it."""
    found = [
        dict(zip(DOMAINS, values, strict=True)) for values in every(*(sorted(v, key=str) for v in DOMAINS.values()))
    ]
    return [point for point in found if point[("w", "light")] or not point[("w", "street light")]]


def holds(box: Box, point: dict[tuple[str, ...], object]) -> bool:
    return all(point[dimension] in values for dimension, values in box.items())


@settings(max_examples=300)
@given(tables)
def test_as_trying_every_point_says(table: list[list[Box]]) -> None:
    verdicts = unreached(table, DOMAINS)
    for index, row in enumerate(table):
        mine = [point for point in points() if any(holds(box, point) for box in row)]
        free = [point for point in mine if not any(holds(box, point) for above in table[:index] for box in above)]
        verdict = verdicts.get(index)
        if not mine:
            assert verdict is not None  # empty in fact, for more than one reason perhaps
        elif not free:
            assert verdict is not None
            assert not verdict.empty
        else:
            assert verdict is None
        if verdict is not None and verdict.by is not None:
            assert all(any(holds(box, point) for box in table[verdict.by]) for point in mine)


@given(st.lists(st.sampled_from(["light", "street light"]), min_size=1, max_size=2, unique=True))
def test_any_word_is_one_of_the_words_and_no_point_twice(words: list[str]) -> None:
    found = any_word("w", words)
    for point in points():
        assert sum(holds(box, point) for box in found) == any(point[("w", word)] for word in words)


@given(tables, tables)
def test_product_is_both(left: list[list[Box]], right: list[list[Box]]) -> None:
    one, other = [box for row in left for box in row], [box for row in right for box in row]
    both = product(one, other)
    for point in points():
        assert any(holds(box, point) for box in both) == (
            any(holds(box, point) for box in one) and any(holds(box, point) for box in other)
        )


def test_rows_for_areas_of_their_own_are_not_compared_with_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """7,000 grids with a row each took a minute: every row was held against every other."""
    asked: list[Box] = []
    meets = reach._meet

    def counted(box: Box, other: Box) -> bool:
        asked.append(box)
        return meets(box, other)

    monkeypatch.setattr(reach, "_meet", counted)
    areas = frozenset(range(2_000))
    table: list[list[Box]] = [
        *([{("category",): frozenset("ab"), ("area",): frozenset([area])}] for area in sorted(areas)),
        [{("category",): frozenset("a"), ("area",): frozenset([7])}],
    ]
    verdicts = unreached(table, {("category",): frozenset("abc"), ("area",): areas})
    assert verdicts == {2_000: reach.Reach(by=7)}
    assert len(asked) < 10
