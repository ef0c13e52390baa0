"""Laws of the reject limits: each source has its own, at the run and past the ratio, and only what has committed counts."""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.stream.pauses.limits import LetGoOn, RejectCount, RejectLimits, SourceRows, TooManyRejectsError, rows_by_source

chunks = st.lists(st.lists(st.booleans(), min_size=1, max_size=40), max_size=30)
"""Of each record, whether it is rejected."""
mixed_chunks = st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=40), max_size=30)
"""Of each record, its source too."""


def rows(chunk: list[bool], since_ms: int = 0) -> SourceRows:
    return SourceRows(len(chunk), tuple(row for row, bad in enumerate(chunk) if bad), since_ms)


def stops(limits: RejectLimits, chunk: list[bool], since_ms: int = 0) -> bool:
    try:
        limits.check({"a": rows(chunk, since_ms)})
    except TooManyRejectsError:
        return True
    limits.keep(limits.take())
    return False


def longest_run(records: list[bool]) -> int:
    longest = run = 0
    for bad in records:
        run = run + 1 if bad else 0
        longest = max(longest, run)
    return longest


@given(chunks, st.integers(1, 12))
def test_it_stops_with_the_chunk_that_completes_the_run(given_chunks: list[list[bool]], run: int) -> None:
    limits, seen = RejectLimits(1.0, run), list[bool]()
    for chunk in given_chunks:
        seen += chunk
        assert stops(limits, chunk) == (longest_run(seen) >= run)
        if longest_run(seen) >= run:
            return


large_chunks = st.lists(
    st.builds(
        lambda drawn, size, level: [byte < level for byte in drawn[:size]],
        st.binary(min_size=300, max_size=300),
        st.integers(100, 300),
        st.integers(0, 256),
    ),
    max_size=15,
)
"""As `chunks`, few or most of them rejected. Of bytes, as to draw each record by itself took ten times as long."""


@given(large_chunks, st.sampled_from([0.1, 0.5, 0.9]))
def test_it_stops_past_the_ratio_of_the_latest_chunks(given_chunks: list[list[bool]], ratio: float) -> None:
    limits, kept = RejectLimits(ratio, 10_000), list[list[bool]]()
    for chunk in given_chunks:
        kept.append(chunk)
        while sum(map(len, kept[1:])) >= 1000:
            kept.pop(0)
        total, bad = sum(map(len, kept)), sum(map(sum, kept))
        wrong = total >= 1000 and bad > ratio * total
        assert stops(limits, chunk) == wrong
        if wrong:
            return


@given(mixed_chunks, st.integers(2, 8))
def test_sources_do_not_influence_each_other(given_chunks: list[list[tuple[str, bool]]], run: int) -> None:
    """In one stream with the others, or alone: the same sources are named, with the same words, at the same chunk."""
    together, alone = RejectLimits(0.5, run), {source: RejectLimits(0.5, run) for source in "abc"}
    paused = set[str]()
    for chunk in given_chunks:
        by_source: dict[str, list[bool]] = defaultdict(list)
        for source, bad in chunk:
            if source not in paused:
                by_source[source].append(bad)
        wanted: dict[str, str] = {}
        for source, mine in by_source.items():
            try:
                alone[source].check({source: rows(mine)})
                alone[source].take()
            except TooManyRejectsError as error:
                wanted |= error.why
        said: dict[str, str] = {}
        try:
            together.check({source: rows(mine) for source, mine in by_source.items()})
        except TooManyRejectsError as error:
            said = error.why  # then the chunk comes again without these
            together.check({source: rows(mine) for source, mine in by_source.items() if source not in said})
        together.take()
        assert said == wanted
        paused |= said.keys()


@given(chunks, st.integers(2, 5))
def test_a_chunk_tried_again_counts_once(given_chunks: list[list[bool]], tries: int) -> None:
    once, again = RejectLimits(1.0, 30), RejectLimits(1.0, 30)
    for chunk in given_chunks:
        for _ in range(tries - 1):
            try:
                again.check({"a": rows(chunk)})
            except TooManyRejectsError:
                break
        stopped = stops(once, chunk)
        assert stops(again, chunk) == stopped
        if stopped:
            return


@given(chunks, st.lists(st.booleans(), min_size=30, max_size=30))
def test_what_did_not_commit_does_not_count(given_chunks: list[list[bool]], commits: list[bool]) -> None:
    """Chunks are decided ahead of their commit; when one fails, those after it are lost too, and all come again."""
    once, again = RejectLimits(1.0, 30), RejectLimits(1.0, 30)
    for chunk, whole in zip(given_chunks, commits, strict=False):
        stopped = stops(once, chunk)
        if not whole and not stopped:
            for _ in range(2):
                with suppress(TooManyRejectsError):
                    again.check({"a": rows(chunk)})
                    again.take()
            again.give_back()
        assert stops(again, chunk) == stopped
        if stopped:
            return


@given(chunks, chunks)
def test_who_was_let_go_on_is_counted_anew(before: list[list[bool]], after: list[list[bool]]) -> None:
    fresh, used = RejectLimits(0.5, 20), RejectLimits(0.5, 20)
    for chunk in before:
        with suppress(TooManyRejectsError):
            used.check({"a": rows(chunk)})
            used.keep(used.take())
    for chunk in after:
        stopped = stops(fresh, chunk, 7)
        assert stops(used, chunk, 7) == stopped
        if stopped:
            return


def test_few_records_have_no_ratio() -> None:
    limits = RejectLimits(0.5, 1001)
    for _ in range(9):
        assert not stops(limits, [True] * 100)
    assert stops(limits, [True] * 100)


def test_only_so_many_chunks_are_remembered() -> None:
    limits = RejectLimits(1.0, 5000)
    for _ in range(3000):
        limits.check({"a": rows([True])})
        counted = limits.take()
    assert counted == {"a": RejectCount(0, ((1, 1),) * 1000, 3000)}


@pytest.mark.parametrize(("ratio", "run", "variable"), [(1.0, 5, "DEAD_LETTER_RUN"), (0.5, 9999, "DEAD_LETTER_RATIO")])
def test_it_says_which_limit(ratio: float, run: int, variable: str) -> None:
    with pytest.raises(TooManyRejectsError, match=f"a: .*CITYHUB_{variable}"):
        RejectLimits(ratio, run).check({"a": rows([True] * 1000)})


# -- rows by source ----------------------------------------------------------------------------------------------------


def test_a_chunk_is_parted_by_topic_and_the_hubs_own_have_no_limit() -> None:
    topics = ["city.a.events", "hub.events", "city.b.events", "city.a.events", "hub.events", "city.a.events"]
    places = [0] * 6, list(range(6))
    assert rows_by_source(Counter(topics), topics, places, [5, 1, 0, 4], {}) == {
        "city.a.events": SourceRows(3, (0, 2)),
        "city.b.events": SourceRows(1),
    }


def test_what_lay_there_when_a_source_was_let_go_on_does_not_count() -> None:
    partitions, offsets = [0, 0, 1, 1, 0], [9, 10, 4, 5, 11]
    released = {"a": LetGoOn(77, {0: 10, 1: 5})}
    assert rows_by_source({"a": 5}, ["a"] * 5, (partitions, offsets), [0, 1, 2, 3], released) == {
        "a": SourceRows(3, (0, 1), 77)
    }
    assert rows_by_source({"a": 1}, ["a"], ([0], [9]), [0], released) == {}
    assert rows_by_source({"a": 1}, ["a"], ([2], [0]), [0], released) == {"a": SourceRows(1, (0,), 77)}, (
        "a partition added since"
    )


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=40), st.data())
def test_parting_loses_no_row(chunk: list[tuple[str, bool]], data: st.DataObject) -> None:
    bad = data.draw(st.permutations([row for row, (_, rejected) in enumerate(chunk) if rejected]))
    sources = [source for source, _ in chunk]
    found = rows_by_source(Counter(sources), sources, ([0] * len(chunk), list(range(len(chunk)))), bad, {})
    for source in "abc":
        assert found.get(source, SourceRows(0)) == rows([rejected for each, rejected in chunk if each == source])
