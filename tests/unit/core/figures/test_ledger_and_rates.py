"""The ledger's spans sum to the whole; rates count each clock, callback and refusal once, and open overdue cases as late."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hub.core.figures.ledger import Turn, ledger, totals
from hub.core.figures.rates import ALL, ClockWord, CountedUpdate, Given, rates

turns = st.lists(
    st.builds(Turn, st.integers(-50, 300), st.sampled_from(["roads", "water", "desk"])), min_size=1, max_size=8
)


@given(turns, st.integers(0, 400))
def test_what_departments_held_sums_to_the_whole(found: list[Turn], until_ms: int) -> None:
    held = ledger(0, found, until_ms)
    assert sum(totals(held).values()) == until_ms
    assert all(one.to_ms == other.from_ms and one.department != other.department for one, other in pairwise(held))
    assert not held or (held[0].from_ms, held[-1].to_ms) == (0, until_ms)


def test_time_in_which_the_case_was_over_is_nobodys() -> None:
    held = ledger(0, [Turn(0, "roads"), Turn(10, None), Turn(30, "roads")], 50)
    assert [(each.from_ms, each.to_ms) for each in held] == [(0, 10), (30, 50)]


def word(case: str, kind: str, clock: str = "resolve", department: str = "roads") -> ClockWord:
    return ClockWord(case, clock, 0, kind, department, 100)


def test_open_overdue_cases_count_as_late_and_the_last_word_counts() -> None:
    words = [
        word("A", "WARNED"), word("A", "MET"), word("B", "BREACHED"), word("C", "BREACHED"), word("C", "ENDED_LATE"),
        word("D", "BREACHED"), word("D", "MET"), word("E", "CANCELLED"), word("F", "WARNED"),
    ]  # fmt: skip
    counts = rates(words, [], [], lambda _: "-")["roads", "-"]
    assert (counts.due, counts.in_time, counts.overdue_open) == (4, 2, 1)
    assert counts.on_time_rate == 0.5


def test_the_three_rates_and_returns() -> None:
    given_ = [Given("A", "roads", 1), Given("B", "roads", 1), Given("B", "water", 5, "roads")]
    said = [
        CountedUpdate("A", "desk", "UNSATISFIED", 20, False), CountedUpdate("A", "desk", "SATISFIED", 30, True),
        CountedUpdate("B", "desk", "UNSATISFIED", 40, None), CountedUpdate("B", "roads", "REFUSED", 4, None),
    ]  # fmt: skip
    words = [word("A", "MET", "respond"), word("B", "ENDED_LATE", "respond", "water")]
    found = rates(words, given_, said, lambda _: "-")
    roads, water = found["roads", "-"], found["water", "-"]
    assert (roads.response_rate, roads.satisfaction_rate, roads.resolution_rate, roads.return_rate) == (1, 1, 1, 0.5)
    assert (water.response_rate, water.satisfaction_rate, water.resolution_rate, water.return_rate) == (0, 0, None, 0)


@given(
    st.lists(
        st.builds(word, st.sampled_from("ABCD"), st.sampled_from(["WARNED", "BREACHED", "MET", "ENDED_LATE", "CANCELLED"]),
                  st.sampled_from(["resolve", "respond"]), st.sampled_from(["roads", "water"])),
        max_size=12,
    ),
)  # fmt: skip
def test_departments_sum_to_all(words: list[ClockWord]) -> None:
    found = rates(words, [], [], lambda at_ms: str(at_ms))
    for name in ("due", "in_time", "overdue_open", "to_respond", "responded"):
        parts = sum(getattr(counts, name) for (who, _), counts in found.items() if who != ALL)
        assert parts == sum(getattr(counts, name) for (who, _), counts in found.items() if who == ALL)
