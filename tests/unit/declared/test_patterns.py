"""Expressions that people declare find what Python's own would, in time that grows with the text only."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.declared.patterns import compile_pattern


@pytest.mark.parametrize("text", [r"(a+)+$", r"(a|aa)+$", r"^(([a-z])+.)+[A-Z]([a-z])+$", r"(.*){40}x", r"(\w+\s?)*!"])
def test_no_expression_takes_for_ever(text: str) -> None:
    """Each of these takes a backtracking engine longer than the suite may run."""
    assert compile_pattern(text).search("a" * 50_000 + "\n") is None or "x" not in text


@pytest.mark.parametrize("text", ["(", "[a", r"(?=a)b", r"(?<!a)b", r"(a)\1", "a{9999}", "*"])
def test_what_is_none_or_not_linear_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a regular expression of RE2: .+look-around"):
        compile_pattern(text)


@given(
    st.lists(
        st.sampled_from(["a", "坑", "É", "1", ".", ".*", "a+", "[ab]", "(a|b)", "^", "$", r"\d", "x?"]),
        min_size=1,
        max_size=6,
    ),
    st.text(st.sampled_from("aAbB1坑éÉx "), max_size=12),
)
def test_it_finds_what_pythons_own_engine_finds(parts: list[str], text: str) -> None:
    expression = "".join(parts)
    assert bool(compile_pattern(expression).search(text)) == bool(re.compile(expression, re.IGNORECASE).search(text))
