"""A thing that flaps is heard once, and where it comes to rest."""

from hypothesis import given
from hypothesis import strategies as st

from hub.sdk.sources.mqtt.damping import Damper

STEPS = st.lists(st.tuples(st.integers(0, 15), st.sampled_from("ab"), st.sampled_from(["on", "off"])), max_size=30)
Message = tuple[int, str, str]


def test_on_off_on_within_seconds_is_one() -> None:
    damper: Damper[str] = Damper(10, 5)
    assert damper.hear("pump", "on", "1", 0).passed == ["1"]
    assert damper.hear("pump", "off", "2", 2) == ([], [])
    assert damper.hear("pump", "on", "3", 4) == ([], ["2", "3"])
    assert damper.due(100) == ([], [])


def test_a_change_that_stands_is_said_at_the_end() -> None:
    damper: Damper[str] = Damper(10, 5)
    damper.hear("pump", "on", "1", 0)
    damper.hear("pump", "off", "2", 2)
    assert damper.due(9.9) == ([], [])
    assert damper.due(10) == (["2"], [])


def test_what_is_said_again_later_is_news() -> None:
    damper: Damper[str] = Damper(10, 5)
    assert damper.hear("button", "pressed", "1", 0).passed == ["1"]
    assert damper.hear("button", "pressed", "2", 9).damped == ["2"]
    assert damper.hear("button", "pressed", "3", 11).passed == ["3"]


def test_of_more_than_may_wait_the_first_passes() -> None:
    damper: Damper[str] = Damper(10, 1)
    for name in "ab":
        damper.hear(name, "on", f"{name}1", 0)
    assert damper.hear("a", "off", "a2", 1) == ([], [])
    assert damper.hear("b", "off", "b2", 1) == (["a2"], [])


@given(STEPS, st.integers(1, 3))
def test_the_last_word_of_each_thing_is_said_and_nothing_twice(steps: list[tuple[int, str, str]], most: int) -> None:
    damper: Damper[Message] = Damper(10, most)
    now, passed, damped = 0, [], []
    for index, (wait, name, state) in enumerate(steps):
        now += wait
        heard = damper.hear(name, state, (index, name, state), now)
        passed += heard.passed
        damped += heard.damped
    passed += damper.due(now + 10).passed
    assert sorted(each[0] for each in passed + damped) == list(range(len(steps)))
    for thing in {name for _, name, _ in steps}:
        last = [state for _, name, state in steps if name == thing][-1]
        assert [state for _, name, state in passed if name == thing][-1] == last


@given(STEPS)
def test_a_thing_is_heard_at_most_once_in_the_time(steps: list[tuple[int, str, str]]) -> None:
    damper: Damper[str] = Damper(10, 100)
    now, last = 0, {}
    for wait, name, state in steps:
        now += wait
        for said in damper.hear(name, state, name, now).passed:
            assert now - last.get(said, -10) >= 10
            last[said] = now
