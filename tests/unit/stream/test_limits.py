"""Laws of the reject limit: it stops at the run and past the ratio, and counts only what has committed."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import FatalError
from hub.stream.limits import RejectLimit

chunks = st.lists(st.lists(st.booleans(), max_size=40), max_size=30)
"""Of each record, whether it is rejected."""


def rejected(chunk: list[bool]) -> list[int]:
    return [row for row, bad in enumerate(chunk) if bad]


def stops(limit: RejectLimit, chunk: list[bool]) -> bool:
    try:
        limit.check(len(chunk), rejected(chunk))
    except FatalError:
        return True
    limit.keep(limit.take())
    return False


def longest_run(records: list[bool]) -> int:
    longest = run = 0
    for bad in records:
        run = run + 1 if bad else 0
        longest = max(longest, run)
    return longest


@given(chunks, st.integers(1, 12))
def test_it_stops_with_the_chunk_that_completes_the_run(given_chunks: list[list[bool]], run: int) -> None:
    limit, seen = RejectLimit(1.0, run), list[bool]()
    for chunk in given_chunks:
        seen += chunk
        assert stops(limit, chunk) == (longest_run(seen) >= run)
        if longest_run(seen) >= run:
            return


@given(st.lists(st.lists(st.booleans(), min_size=100, max_size=300), max_size=15), st.sampled_from([0.1, 0.5, 0.9]))
def test_it_stops_past_the_ratio_of_the_latest_chunks(given_chunks: list[list[bool]], ratio: float) -> None:
    limit, kept = RejectLimit(ratio, 10_000), list[list[bool]]()
    for chunk in given_chunks:
        kept.append(chunk)
        while sum(map(len, kept[1:])) >= 1000:
            kept.pop(0)
        total, bad = sum(map(len, kept)), sum(map(sum, kept))
        wrong = total >= 1000 and bad > ratio * total
        assert stops(limit, chunk) == wrong
        if wrong:
            return


@given(chunks, st.integers(2, 5))
def test_a_chunk_tried_again_counts_once(given_chunks: list[list[bool]], tries: int) -> None:
    once, again = RejectLimit(1.0, 30), RejectLimit(1.0, 30)
    for chunk in given_chunks:
        for _ in range(tries - 1):
            try:
                again.check(len(chunk), rejected(chunk))
            except FatalError:
                break
        stopped = stops(once, chunk)
        assert stops(again, chunk) == stopped
        if stopped:
            return


@given(chunks, st.lists(st.booleans(), min_size=30, max_size=30))
def test_what_did_not_commit_does_not_count(given_chunks: list[list[bool]], commits: list[bool]) -> None:
    """Chunks are decided ahead of their commit; when one fails, those after it are lost too, and all come again."""
    once, again = RejectLimit(1.0, 30), RejectLimit(1.0, 30)
    for chunk, whole in zip(given_chunks, commits, strict=False):
        stopped = stops(once, chunk)
        if not whole and not stopped:
            for _ in range(2):
                with suppress(FatalError):
                    again.check(len(chunk), rejected(chunk))
                    again.take()
            again.give_back()
        assert stops(again, chunk) == stopped
        if stopped:
            return


def test_few_records_have_no_ratio() -> None:
    limit = RejectLimit(0.5, 1001)
    for _ in range(9):
        assert not stops(limit, [True] * 100)
    assert stops(limit, [True] * 100)


def test_ticks_are_not_remembered() -> None:
    limit = RejectLimit(0.5, 10)
    assert not stops(limit, [True] * 9)
    for _ in range(5000):
        assert not stops(limit, [])
    assert len(limit._recent) == 1
    assert stops(limit, [True]), "nor do they break a run"


@pytest.mark.parametrize(("ratio", "run", "variable"), [(1.0, 5, "DEAD_LETTER_RUN"), (0.5, 9999, "DEAD_LETTER_RATIO")])
def test_it_says_the_way_out(ratio: float, run: int, variable: str) -> None:
    with pytest.raises(FatalError, match=f"raise CITYHUB_{variable}.*nothing is lost"):
        RejectLimit(ratio, run).check(1000, list(range(1000)))
