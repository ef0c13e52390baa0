"""Laws of the agenda: it gives what a sorted list would, in that order, also of what is set meanwhile, and keeps no garbage."""

from __future__ import annotations

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from hub.core.agenda import Agenda

KEYS = st.sampled_from("abcdef")
INSTANTS = st.integers(0, 5000)
acts = st.lists(st.tuples(st.sampled_from(["set", "discard", "take"]), KEYS, INSTANTS), max_size=40)


@given(acts)
def test_as_a_sorted_list(acts: list[tuple[str, str, int]]) -> None:
    agenda, model = Agenda(), dict[str, int]()
    for act, key, instant in acts:
        if act == "set":
            agenda.set(key, instant)
            model[key] = instant
        elif act == "discard":
            agenda.discard(key)
            model.pop(key, None)
        else:
            due = sorted((at, each) for each, at in model.items() if at < instant)
            assert list(agenda.take(instant)) == [each for _, each in due]
            for _, each in due:
                del model[each]
        assert len(agenda) == len(model)
        assert agenda.next_ms <= min(model.values(), default=1 << 62)


@given(st.dictionaries(KEYS, INSTANTS), st.dictionaries(KEYS, st.tuples(KEYS, INSTANTS)), INSTANTS)
def test_what_is_set_meanwhile_is_given_in_its_turn(
    first: dict[str, int], then: dict[str, tuple[str, int]], limit: int
) -> None:
    """`then`: when a key is given, another is set."""
    agenda, model = Agenda(), dict(first)
    for key, instant in first.items():
        agenda.set(key, instant)
    todo = dict(then)
    for given_key in agenda.take(limit):
        assert (model[given_key], given_key) == min((at, key) for key, at in model.items())
        del model[given_key]
        if given_key in todo:
            key, instant = todo.pop(given_key)
            agenda.set(key, instant)
            model[key] = instant
    assert all(at >= limit for at in model.values())


def test_who_stops_half_way_finds_the_rest_later() -> None:
    agenda = Agenda()
    for key in "abcd":
        agenda.set(key, ord(key))
    assert list(islice(agenda.take(1000), 2)) == ["a", "b"]
    assert list(agenda.take(1000)) == ["c", "d"]


def test_nothing_is_left_of_what_was_taken_off() -> None:
    agenda = Agenda()
    for key in range(10_000):
        agenda.set(str(key), key * 1000)
        agenda.discard(str(key))
    agenda.set("later", 10**9)
    for key in range(10_000):
        agenda.set("moved", key * 1000)
    assert len(agenda._spans) == 2
    assert len(agenda._order) < 100
    agenda.discard("later")
    agenda.discard("moved")
    assert list(agenda.take(10**8)) == []
    agenda.set("a", 1)
    assert list(agenda.take(2)) == ["a"]
    assert not agenda._spans
