"""Laws of the memory of `deduplicate`: staged is not seen, committed is, and its changelog makes the same memory again."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import fields
from unittest import mock

import annotated_types
import msgspec
import numpy as np
import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from hub.clock import wall_ms
from hub.core.dedup import memory
from hub.core.dedup.admission import Arrivals, Fresh, Recalled, admit
from hub.core.dedup.digests import MISSING, Contents, Digests, Longs, contents, digests
from hub.core.dedup.memory import SeenState, _pack, _Packed, unpack
from hub.model.base import MAX_CODE_CHARS
from hub.settings import Settings
from hub.topics import DEDUPLICATE_CHANGELOG

WINDOW_MS = 1_000


def empty() -> SeenState[None]:
    return SeenState(WINDOW_MS, None, wall_ms)


NAMES = ["city.hotline.events", "city.police.events", "g:5725:1701", "", "区"]

sighting = st.tuples(st.integers(0, 10_000), st.sampled_from(NAMES), st.integers(0, 2**47), st.sampled_from(NAMES))
"""Which revision, seen in which topic at which offset, its reference's place."""
chunk = st.tuples(st.integers(0, 2), st.integers(0, 400), st.lists(sighting, max_size=30), st.booleans())
"""Partition, how much later, the sightings, whether it commits."""


def refs_of(numbers: Sequence[int]) -> Digests:
    refs = pa.array([f"ref {number // 4}" for number in numbers], pa.string())
    return digests(pa.array(["hotline"] * len(numbers), pa.string()), refs)


def revisions_of(numbers: Sequence[int]) -> Longs:
    return np.array([number % 4 for number in numbers], dtype=np.int64)


def contents_of(numbers: Sequence[int]) -> Contents:
    return contents([f"{number:05} says this".encode() for number in numbers])


def arrivals_of(partition: int, sightings: Sequence[tuple[int, str, int, str]]) -> Arrivals:
    numbers = [number for number, *_ in sightings]
    return Arrivals(
        topics=NAMES,
        topic=np.array([NAMES.index(topic) for _, topic, _, _ in sightings], dtype=np.int64),
        partition=np.full(len(sightings), partition, dtype=np.int64),
        offset=np.array([offset for _, _, offset, _ in sightings], dtype=np.int64),
        source=pa.array(["hotline"] * len(sightings), pa.string()),
        ref=pa.array([f"ref {number // 4}" for number in numbers], pa.string()),
        revision=revisions_of(numbers),
        content=contents_of(numbers),
        place=pa.array([place for *_, place in sightings], pa.string()),
    )


def recalled(state: SeenState, partition: int, numbers: Sequence[int]) -> Recalled:
    refs, held = refs_of(numbers), np.full(len(numbers), partition, dtype=np.int64)
    return state.seen.recall(refs, state.seen.keys(refs, held), held, revisions_of(numbers))


def fresh_of(state: SeenState, partition: int, now_ms: int, sightings: Sequence[tuple[int, str, int, str]]) -> Fresh:
    """What admission has remembered of sightings of which none was seen before."""
    admission = admit(arrivals_of(partition, sightings), state.seen, now_ms)
    assert len(admission.first) == len(sightings)
    return admission.fresh[partition]


def same(one: Fresh, other: Fresh) -> bool:
    return all(np.array_equal(getattr(one, name.name), getattr(other, name.name)) for name in fields(Fresh))


@given(st.integers(0, 2**42), st.lists(sighting, min_size=1, max_size=50, unique_by=lambda each: each[0]))
def test_packed_and_unpacked_is_the_same(now_ms: int, sightings: list[tuple[int, str, int, str]]) -> None:
    fresh = fresh_of(empty(), 0, now_ms, sightings)
    assert same(unpack(_pack(fresh)), fresh)


def test_a_changelog_of_before_contents_were_kept_is_read_and_conflicts_with_nothing() -> None:
    state = empty()
    new = msgspec.msgpack.decode(_pack(fresh_of(state, 0, 0, [(4, "区", 5, ""), (5, "区", 6, "")])), type=_Packed)
    state.load(0, None, msgspec.msgpack.encode(msgspec.structs.replace(new, version=2, columns=new.columns[:-2])))
    state.loaded(0)
    assert recalled(state, 0, [4, 5]).content.tolist() == [0, 0]
    others = arrivals_of(0, [(4, "区", 7, ""), (5, "区", 8, "")])
    admission = admit(dataclasses.replace(others, content=contents_of([8, 9])), state.seen, 0)
    assert (admission.repeats.offset.tolist(), admission.conflicts.row.tolist()) == ([5, 6], [])


@given(
    st.lists(chunk, max_size=12), st.lists(st.integers(0, 10_000), max_size=30), st.sampled_from([1, 3_000, 1 << 20])
)
@example([(0, 0, [(0, NAMES[0], 0, "")], True), (0, 2_000, [(1, NAMES[0], 1, "")], True)], [], 1)
def test_a_memory_rebuilt_from_its_changelog_is_the_same(
    chunks: list[tuple[int, int, list[tuple[int, str, int, str]], bool]], asked: list[int], at_once_bytes: int
) -> None:
    with mock.patch.object(memory, "_LOAD_BYTES", at_once_bytes):
        _rebuilt_is_the_same(chunks, asked)


def _rebuilt_is_the_same(
    chunks: list[tuple[int, int, list[tuple[int, str, int, str]], bool]], asked: list[int]
) -> None:
    state, again, now_ms = empty(), empty(), 0
    known: list[set[int]] = [set(), set(), set()]
    for partition, later, sightings, commits in chunks:
        now_ms += later
        new = {
            number: (number, topic, offset, NAMES[number // 4 % len(NAMES)])  # one reference, one place
            for number, topic, offset, _ in sightings
            if number not in known[partition]
        }
        if not new:
            continue
        before = answers(state, partition, list(new))
        state.stage({partition: fresh_of(state, partition, now_ms, list(new.values()))})
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
        again.loaded(partition)
        numbers = asked + sorted(known[partition])
        assert answers(again, partition, numbers) == answers(state, partition, numbers)
    assert len(again) == len(state)


def answers(state: SeenState, partition: int, numbers: list[int]) -> list[tuple[object, str | None]]:
    memory, found = state.seen, recalled(state, partition, numbers)
    sight = found.sight
    places = dict(zip(found.known_rows.tolist(), found.place.tolist(), strict=True))
    topics, offsets = memory.where(sight[sight != MISSING])
    seen = iter(zip(topics.tolist(), offsets.tolist(), strict=True))
    return [(None if at == MISSING else next(seen), places.get(row)) for row, at in enumerate(sight.tolist())]


def test_a_dropped_partition_is_forgotten_with_what_was_staged() -> None:
    state = empty()
    state.stage({0: fresh_of(state, 0, 0, [(4, "区", 5, "")])})
    state.commit()
    state.stage({0: fresh_of(state, 0, 0, [(8, "区", 6, "")])})
    state.drop(0)
    assert not list(state.changes())
    state.commit()
    assert answers(state, 0, [4, 8]) == [(None, None), (None, None)]
    assert len(state) == 0


def test_partitions_that_come_and_go_are_wasteful_until_all_is_dropped() -> None:
    state = empty()

    def load(partition: int, now_ms: int) -> None:
        numbers = range(40 * (partition + 1), 40 * (partition + 2), 4)
        state.load(partition, None, _pack(fresh_of(state, partition, now_ms, [(n, "区", n, "") for n in numbers])))
        state.loaded(partition)

    load(0, 0)
    load(1, 0)
    assert not state.wasteful()
    state.drop(1)
    assert not state.wasteful(), "as much as is held"
    load(1, 0)
    assert not state.wasteful()
    state.drop(1)
    assert state.wasteful()
    load(1, 3 * WINDOW_MS)
    assert not state.wasteful(), "the window has passed, and taken the waste with it"
    state.drop(0)
    state.drop(1)
    assert len(state) == 0


def test_the_record_of_a_whole_chunk_fits_its_topic() -> None:
    """As many records as a chunk may have, of one partition, each with a place of its own and as long as one may be."""
    most = next(
        each.le for each in Settings.model_fields["chunk_records"].metadata if isinstance(each, annotated_types.Le)
    )
    rows = int(str(most))
    names = ["city.hotline.events", *("案" * (MAX_CODE_CHARS - 5) + f"{number:05}" for number in range(rows))]
    digests, numbers = np.zeros((rows, 2), np.uint64), np.zeros(rows, np.int64)
    fresh = Fresh(
        0, names, digests, numbers, numbers, numbers, np.arange(1, rows + 1), numbers, np.zeros((0, 2), np.uint64),
        numbers[:0], numbers[:0], numbers[:0],
    )  # fmt: skip
    state = empty()
    state.stage({0: fresh})
    ((_, _, value),) = state.changes()
    assert len(value or b"") < DEDUPLICATE_CHANGELOG.max_bytes


def test_no_sender_can_know_where_a_memory_keeps_its_references() -> None:
    """Who could would fill one stretch of the tables: 40,000 references made every look-up of everybody 1,400 times as dear."""
    refs, partition = refs_of(range(0, 400, 4)), np.zeros(100, dtype=np.int64)
    one, other = (set(empty().seen.keys(refs, partition)[:, 0].tolist()) for _ in range(2))
    assert len(one) == len(other) == 100
    assert not one & other
