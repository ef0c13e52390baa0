"""Laws of admission: every row is a first sighting or a repeat of one, however the stream is cut into chunks."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from hub.core.dedup.admission import Admission, Arrivals, Seen, admit
from hub.core.dedup.digests import contents

SAME, OTHER, IN_ANOTHER_SCHEMA = contents([b"\0\0\0\0\1a", b"\0\0\0\0\1b", b"\0\0\0\0\2c"]).tolist()
WINDOW_MS = 1_000
row = st.tuples(
    st.integers(0, 1),  # partition
    st.sampled_from(["police", "hotline"]),
    st.sampled_from(["r1", "r2", "r3"]),
    st.integers(0, 2),
    st.sampled_from([None, "north", "south"]),
)


def _arrivals(rows: list[tuple[int, str, str, int, str | None]], start: int) -> Arrivals:
    names = ["city.hotline.events", "city.police.events"]
    return Arrivals(
        topics=names,
        topic=np.array([names.index(f"city.{source}.events") for _, source, _, _, _ in rows], dtype=np.int64),
        partition=np.array([partition for partition, *_ in rows], dtype=np.int64),
        offset=np.arange(start, start + len(rows), dtype=np.int64),
        source=pa.array([source for _, source, _, _, _ in rows], pa.string()),
        ref=pa.array([ref for _, _, ref, _, _ in rows], pa.string()),
        revision=np.array([revision for _, _, _, revision, _ in rows], dtype=np.int64),
        content=np.full(len(rows), SAME, dtype=np.uint32),
        place=pa.array([place for *_, place in rows], pa.string()),
    )


def _run(rows: list[tuple[int, str, str, int, str | None]], cuts: list[int]) -> list[tuple[str, int, object]]:
    memory = Seen(10**12)
    verdicts: list[tuple[str, int, object]] = []
    edges = [0, *sorted(cut % (len(rows) + 1) for cut in cuts), len(rows)]
    for start, end in itertools.pairwise(edges):
        admission: Admission = admit(_arrivals(rows[start:end], start), memory, now_ms=start)
        repeats = admission.repeats
        first, again = admission.first.tolist(), repeats.row.tolist()
        assert sorted([*first, *again]) == list(range(end - start))
        verdicts += [("first", start + at, key) for at, key in zip(first, admission.place_key.to_pylist(), strict=True)]
        seen = zip(repeats.topic, repeats.offset.tolist(), strict=True)
        verdicts += [("repeat", start + at, where) for at, where in zip(again, seen, strict=True)]
        memory.add(admission.fresh.items())
    return sorted(verdicts, key=lambda verdict: verdict[1])


@given(st.lists(row, max_size=30), st.lists(st.integers(0, 100), max_size=5))
def test_cutting_the_stream_elsewhere_changes_nothing(
    rows: list[tuple[int, str, str, int, str | None]], cuts: list[int]
) -> None:
    assert _run(rows, cuts) == _run(rows, [])


@given(st.lists(row, max_size=30))
def test_a_repeat_names_the_first_sighting_of_the_same_record(
    rows: list[tuple[int, str, str, int, str | None]],
) -> None:
    first: dict[tuple[int, str, str, int], int] = {}
    for kind, at, what in _run(rows, []):
        partition, source, ref, revision, _ = rows[at]
        key = (partition, source, ref, revision)
        if kind == "first":
            assert key not in first
            first[key] = at
        else:
            assert what == (f"city.{source}.events", first[key])


def test_a_follow_up_goes_where_the_first_report_went() -> None:
    rows = [(0, "police", "r1", 0, "north"), (0, "police", "r1", 1, None), (0, "police", "r1", 2, "south")]
    assert [what for _, _, what in _run(rows, [1])] == ["north", "north", "north"]


def test_a_reference_without_a_place_stays_with_itself() -> None:
    rows = [(0, "police", "r1", 0, None), (0, "police", "r1", 1, "south")]
    assert [what for _, _, what in _run(rows, [1])] == ["~police:r1", "~police:r1"]


def test_of_partitions_that_go_only_what_they_had_is_forgotten() -> None:
    rows = [(0, "police", "r1", 0, "north"), (1, "police", "r1", 0, "south")]
    memory = Seen(10**12)
    memory.add(admit(_arrivals(rows, 0), memory, now_ms=0).fresh.items())

    def firsts(offset: int) -> list[int]:
        return admit(_arrivals(rows, offset), memory, now_ms=0).first.tolist()

    assert firsts(2) == []
    memory.drop(0)
    assert firsts(2) == [0], "the other partition's stays"
    memory.drop(0)
    memory.drop(1)
    assert len(memory) == 0, "with the last one all goes"
    assert firsts(2) == [0, 1]


chunk = st.tuples(st.integers(0, 700), st.lists(row, min_size=1, max_size=8))


@given(st.lists(chunk, max_size=12))
def test_a_revision_and_the_place_of_its_reference_are_known_for_as_long_as_the_window(
    chunks: list[tuple[int, list[tuple[int, str, str, int, str | None]]]],
) -> None:
    """Whatever else was said of the reference meanwhile, and however long ago its first report was."""
    memory, now_ms, offset = Seen(WINDOW_MS), 0, 0
    admitted: dict[tuple[int, str, str, int], int] = {}
    home: dict[tuple[int, str, str], tuple[int, str]] = {}
    for later, rows in chunks:
        now_ms += later
        admission = admit(_arrivals(rows, offset), memory, now_ms)
        memory.add(admission.fresh.items())
        for at, place in zip(admission.first.tolist(), admission.place_key.to_pylist(), strict=True):
            reference, revision = rows[at][:3], rows[at][:4]
            assert now_ms - admitted.get(revision, -WINDOW_MS - 1) > WINDOW_MS
            since, known = home.get(reference, (-WINDOW_MS - 1, place))
            assert place == known or now_ms - since > WINDOW_MS
            admitted[revision], home[reference] = now_ms, (now_ms, place)
        offset += len(rows)


def test_other_content_under_the_same_name_is_no_repeat() -> None:
    rows = [(0, "police", "r1", 0, "north"), (0, "police", "r1", 1, None)]
    memory = Seen(WINDOW_MS)
    memory.add(admit(_arrivals(rows, 0), memory, now_ms=0).fresh.items())

    def sifted(*said: int) -> tuple[list[int], list[int], list[int]]:
        arrivals = replace(_arrivals(rows[: len(said)], 7), content=np.array(said, dtype=np.uint32))
        found = admit(arrivals, memory, now_ms=0)
        assert not found.fresh
        return found.first.tolist(), found.repeats.row.tolist(), found.conflicts.row.tolist()

    assert sifted(SAME, SAME) == ([], [0, 1], [])
    assert sifted(OTHER, OTHER) == ([], [], [0, 1])
    assert sifted(IN_ANOTHER_SCHEMA) == ([], [0], []), (
        "what a record says in another version of the schema cannot be told"
    )


def test_within_a_chunk_too_and_both_places_are_named() -> None:
    rows = [(0, "police", "r1", 0, "north")] * 3
    arrivals = replace(_arrivals(rows, 40), content=np.array([SAME, OTHER, SAME], dtype=np.uint32))
    found = admit(arrivals, Seen(WINDOW_MS), now_ms=0)
    assert (found.first.tolist(), found.repeats.row.tolist(), found.conflicts.row.tolist()) == ([0], [2], [1])
    assert (found.conflicts.topic, found.conflicts.offset.tolist()) == (["city.police.events"], [40])
