"""One back-off for all: it grows, it has a limit, it is by chance, and who succeeds begins anew."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.backoff import Backoff, ask_until_answered
from hub.errors import FatalError, RetriableError

seconds = st.floats(0.01, 100)


@given(seconds, seconds, st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_each_wait_lies_between_half_and_whole_of_what_doubles_up_to_the_limit(
    first: float, most: float, shares: list[float]
) -> None:
    chance = iter(shares)
    backoff = Backoff(first, most, lambda: next(chance))
    for tries, share in enumerate(shares):
        whole = min(most, first * 2**tries)
        assert backoff.next_seconds() == pytest.approx(whole / 2 + whole / 2 * share)
    assert backoff.tries == len(shares)
    backoff.reset()
    backoff.share = lambda: 1.0
    assert backoff.next_seconds() == min(most, first)


def test_two_who_fail_at_one_instant_do_not_come_back_at_one_instant() -> None:
    assert len({Backoff(1.0, 30.0).next_seconds() for _ in range(50)}) > 1


def test_a_failure_may_say_how_long_it_lasts() -> None:
    backoff = Backoff(1.0, 5.0, lambda: 1.0)
    assert [backoff.next_seconds(0.5), backoff.next_seconds(0.5), backoff.next_seconds(60)] == [0.5, 1.0, 5.0]


@dataclass
class World:
    """Time that passes by sleeping only."""

    seconds: float = 0.0
    slept: list[float] = field(default_factory=list)
    signs: int = 0

    def sleep(self, wait: float) -> None:
        self.slept.append(wait)
        self.seconds += wait

    def meanwhile(self) -> None:
        self.signs += 1

    def ask(self, answers: list[object], patience: float = 30.0) -> object:
        given = iter(answers)

        def one() -> object:
            answer = next(given)
            if isinstance(answer, BaseException):
                raise answer
            return answer

        return ask_until_answered(one, patience, meanwhile=self.meanwhile, now=lambda: self.seconds, sleep=self.sleep)


def test_it_is_asked_until_it_answers_with_a_sign_of_life_between() -> None:
    world = World()
    assert world.ask([RetriableError("no leader"), RetriableError("no leader"), 7]) == 7
    assert world.signs == len(world.slept) == 2
    assert world.slept == sorted(world.slept)


def test_after_its_time_the_last_error_goes_on() -> None:
    world = World()
    with pytest.raises(RetriableError, match="still none"):
        world.ask([RetriableError("still none")] * 1000, patience=10.0)
    assert 10.0 < world.seconds < 11.5


def test_what_is_final_goes_on_at_once() -> None:
    world = World()
    with pytest.raises(FatalError):
        world.ask([FatalError("no right to")])
    assert not world.slept
