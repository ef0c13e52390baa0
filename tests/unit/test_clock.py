"""The data clock: goes by what is claimed, and by no single record that is far ahead."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.clock import LEAP_MS, DataClock

HOUR = 3_600_000
START = 1_772_420_400_000


def play(claims: list[tuple[int, str]], lateness_ms: int = 0) -> list[int]:
    clock = DataClock(lateness_ms)
    return [clock.advance(at_ms, who) for at_ms, who in claims]


stream = st.lists(st.integers(0, 6), min_size=6, max_size=40).map(
    lambda gaps: [(START + sum(gaps[: n + 1]) * HOUR, f"r{n}") for n in range(len(gaps))]
)
far = st.one_of(st.integers(2 * LEAP_MS, 10**12), st.integers(-(10**12), -2 * LEAP_MS))


@given(stream, far, st.data())
def test_one_record_far_ahead_or_behind_moves_nobodys_time(
    claims: list[tuple[int, str]], planted: int, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(claims)))
    base = claims[-1][0] if planted > 0 else claims[0][0]
    found = play([*claims[:at], (base + planted, "X"), *claims[at:]])
    assert found[-1] == play(claims)[-1] == claims[-1][0]
    assert max(found) <= claims[-1][0]


@given(stream, st.integers(0, 100 * HOUR))
def test_it_follows_the_stream_and_never_goes_back(claims: list[tuple[int, str]], lateness_ms: int) -> None:
    found = play(claims, lateness_ms)
    assert found == sorted(found)
    assert all(now == claim[0] - lateness_ms for now, claim in zip(found[2:], claims[2:], strict=True))


@given(stream, st.integers(0, 39))
def test_it_goes_on_from_where_another_stood(claims: list[tuple[int, str]], cut: int) -> None:
    claims = [*claims, (claims[-1][0] + 9 * LEAP_MS, "y1"), (claims[-1][0] + 9 * LEAP_MS, "y2")]
    first = DataClock(HOUR)
    for at_ms, who in claims[:cut]:
        first.advance(at_ms, who)
    second = DataClock(HOUR, first.now_ms(), first.ahead)
    for at_ms, who in claims[cut:]:
        assert first.advance(at_ms, who) == second.advance(at_ms, who)


def test_a_history_that_leaps_is_followed_once_three_cases_say_so_in_a_row() -> None:
    later = START + 400 * LEAP_MS
    before = [(START + n, f"r{n}") for n in range(3)]
    one = [(later, "a"), (later, "a"), (START + 9, "r9")]
    found = play([*before, *one, (later, "a"), (later + 1, "b"), (later + 2, "c")])
    assert found[-4:] == [START + 9, START + 9, START + 9, later + 2]


def test_in_a_history_of_few_records_it_is_two_records_behind_at_most() -> None:
    sparse = [(START + 7 * n * LEAP_MS, f"r{n}") for n in range(6)]
    one, three = sparse[1][0], sparse[3][0]
    assert play(sparse) == [0, 0, one, one, three, three]
