"""A gate is closed while anybody has a reason, and says the first of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.stream.gate import Gate

moves = st.lists(st.tuples(st.sampled_from("abc"), st.booleans()))


@given(moves)
def test_it_is_open_when_nobody_holds_it_closed(made: list[tuple[str, bool]]) -> None:
    gate, closed = Gate(), set[str]()
    for name, close in made:
        if close:
            gate.close(name, f"for {name}")
            closed.add(name)
        else:
            gate.open(name)
            closed.discard(name)
        assert (gate.closed is None) == (not closed)
        assert gate.closed is None or gate.closed.removeprefix("for ") in closed
