"""Structs from columns: a value lands in the field of its name, whatever the order."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.columns import from_columns


class Row(msgspec.Struct):
    first: int
    second: str
    third: bool = False
    fourth: float = 0.5


class Own(msgspec.Struct):
    one: int
    each: list[int] = msgspec.field(default_factory=list)
    last: int = 0


rows = st.lists(st.builds(Row, st.integers(), st.text(), st.booleans(), st.floats(allow_nan=False)))


@given(rows, st.permutations(Row.__struct_fields__), st.sets(st.sampled_from(("third", "fourth"))))
def test_values_stand_in_their_own_fields(made: list[Row], order: list[str], left_out: set[str]) -> None:
    columns = {name: [getattr(row, name) for row in made] for name in order if name not in left_out}
    expected = [
        Row(row.first, row.second, *(default if name in left_out else getattr(row, name) for name, default in DEFAULTS))
        for row in made
    ]
    assert list(from_columns(Row, **columns)) == expected


DEFAULTS: tuple[tuple[str, Any], ...] = (("third", False), ("fourth", 0.5))


def test_a_column_that_is_no_field_is_refused() -> None:
    with pytest.raises(TypeError, match="no field fifth"):
        from_columns(Row, first=[1], second=["a"], fifth=[1])


def test_a_field_that_must_be_given_is() -> None:
    with pytest.raises(TypeError, match="needs a column for second"):
        from_columns(Row, first=[1])


def test_no_default_is_shared_that_could_be_changed() -> None:
    assert list(from_columns(Own, one=[1, 2])) == [Own(1), Own(2)]
    with pytest.raises(TypeError, match="each"):
        from_columns(Own, one=[1, 2], last=[1, 2])
