"""What is remembered by kind is what would be decided row by row, and each kind is decided once."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from hub.core import kinds
from hub.core.kinds import ByKind, Kind

row = st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from(["x", "y", "z"]), st.text(max_size=1) | st.none())
chunks = st.lists(st.lists(row, max_size=30), max_size=6)


def _decide(kind: Kind) -> str:
    return f"{kind[0]}{kind[1]}"


def _columns(rows: list[Kind]) -> list[pa.Array]:
    return [pa.array([one[at] for one in rows], pa.string()) for at in range(3)]


@given(chunks)
def test_every_row_has_the_answer_of_its_kind(chunks: list[list[Kind]]) -> None:
    asked: list[Kind] = []

    def decide(some: list[Kind]) -> list[str]:
        asked.extend(some)
        return [_decide(kind) for kind in some]

    remembered = ByKind(decide, str)
    for rows in chunks:
        of = remembered.of(_columns(rows))
        assert [remembered.answers[at] for at in of.tolist()] == [_decide(one) for one in rows]
    assert len(asked) == len(set(asked)) == len({one for rows in chunks for one in rows})
    assert len(remembered.answers) == len(set(remembered.answers))


@given(chunks)
def test_it_begins_anew_when_too_much_is_remembered(chunks: list[list[Kind]]) -> None:
    few, kinds._REMEMBERED = kinds._REMEMBERED, 3
    try:
        remembered = ByKind(lambda some: map(_decide, some), str)
        for rows in chunks:
            of = remembered.of(_columns(rows))
            assert [remembered.answers[at] for at in of.tolist()] == [_decide(one) for one in rows]
            assert len(remembered._known) <= 3 + len(rows)
    finally:
        kinds._REMEMBERED = few
