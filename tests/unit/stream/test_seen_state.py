"""Laws of the memory of `deduplicate`: staged is not seen, committed is, and its changelog makes the same memory again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hub.core.admission import Fresh
from hub.core.seen import digests
from hub.stream.seen_state import SeenState, _pack, _unpack

WINDOW_MS = 1_000
NAMES = ["city.hotline.events", "city.police.events", "g:5725:1701", "", "区"]

sighting = st.tuples(st.integers(0, 10_000), st.sampled_from(NAMES), st.integers(0, 2**47), st.sampled_from(NAMES))
"""Which revision, seen in which topic at which offset, its reference's place."""
chunk = st.tuples(st.integers(0, 2), st.integers(0, 400), st.lists(sighting, max_size=30), st.booleans())
"""Partition, how much later, the sightings, whether it commits."""


def fresh_of(now_ms: int, sightings: Sequence[tuple[int, str, int, str]]) -> Fresh:
    keys = [str(number) for number, *_ in sightings]
    return Fresh(
        now_ms=now_ms,
        revisions=digests(keys),
        topics=[topic for _, topic, _, _ in sightings],
        offsets=[offset for _, _, offset, _ in sightings],
        refs=digests([f"ref {key}" for key in keys]),
        places=[place for *_, place in sightings],
    )


def same(one: Fresh, other: Fresh) -> bool:
    arrays = (np.array_equal(one.revisions, other.revisions), np.array_equal(one.refs, other.refs))
    lists = [(f.now_ms, list(f.topics), list(f.offsets), list(f.places)) for f in (one, other)]
    return all(arrays) and lists[0] == lists[1]


@given(st.integers(0, 2**42), st.lists(sighting, max_size=50))
def test_packed_and_unpacked_is_the_same(now_ms: int, sightings: list[tuple[int, str, int, str]]) -> None:
    fresh = fresh_of(now_ms, sightings)
    assert same(_unpack(_pack(fresh)), fresh)


@given(st.lists(chunk, max_size=12), st.lists(st.integers(0, 10_000), max_size=30))
def test_a_memory_rebuilt_from_its_changelog_is_the_same(
    chunks: list[tuple[int, int, list[tuple[int, str, int, str]], bool]], asked: list[int]
) -> None:
    state, again, now_ms = SeenState(WINDOW_MS), SeenState(WINDOW_MS), 0
    known: list[set[int]] = [set(), set(), set()]
    for partition, later, sightings, commits in chunks:
        now_ms += later
        new = {number: (number, *rest) for number, *rest in sightings if number not in known[partition]}
        if not new:
            continue
        before = answers(state, partition, list(new))
        state.stage(partition, fresh_of(now_ms, list(new.values())))
        assert answers(state, partition, list(new)) == before, "staged is not seen"
        if commits:
            for change in state.changes():
                again.load(*change)
            state.commit()
            known[partition] |= set(new)
            assert answers(state, partition, list(new)) == [
                ((topic, offset), place) for _, topic, offset, place in new.values()
            ]
        else:
            state.rollback()
            assert answers(state, partition, list(new)) == before
        assert not list(state.changes())
    for partition in range(3):
        numbers = asked + sorted(known[partition])
        assert answers(again, partition, numbers) == answers(state, partition, numbers)
        assert len(again[partition]) == len(state[partition])


def answers(state: SeenState, partition: int, numbers: list[int]) -> list[tuple[object, str | None]]:
    memory = state[partition]
    revisions = memory.sightings(digests([str(number) for number in numbers]))
    places = memory.places(digests([f"ref {number}" for number in numbers]))
    return list(zip(revisions, places, strict=True))


def test_a_dropped_partition_is_forgotten_with_what_was_staged() -> None:
    state = SeenState(WINDOW_MS)
    state.stage(0, fresh_of(0, [(1, "t", 5, "p")]))
    state.commit()
    state.stage(0, fresh_of(0, [(2, "t", 6, "p")]))
    state.drop(0)
    assert not list(state.changes())
    state.commit()
    assert answers(state, 0, [1, 2]) == [(None, None), (None, None)]
    assert len(state) == 0
