"""Laws of the journaled state: a commit keeps, a rollback undoes, and the changelog alone makes the same state again."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hub.stream.changelog.state import JournaledState
from hub.topics import Topic


class Note(msgspec.Struct, frozen=True):
    text: str


class Pages:
    def __init__(self) -> None:
        self.notes: dict[str, Note] = {}

    def __len__(self) -> int:
        return len(self.notes)

    def get(self, key: str) -> Note | None:
        return self.notes.get(key)

    def put(self, key: str, value: Note | None) -> Note | None:
        before = self.notes.get(key)
        if value is None:
            self.notes.pop(key, None)
        else:
            self.notes[key] = value
        return before


def new_state() -> JournaledState[Pages]:
    state = JournaledState(Topic("log", "key", None), Note, lambda _: Pages())
    for partition in range(3):
        state.loaded(partition)
    return state


def shown(state: JournaledState[Pages]) -> dict[int, dict[str, Note]]:
    return {partition: dict(state[partition].notes) for partition in range(3)}


change = st.tuples(
    st.integers(0, 2), st.sampled_from(["a", "b", "案"]), st.none() | st.builds(Note, st.text(max_size=3))
)
chunk = st.tuples(st.lists(change, max_size=12), st.booleans())
"""Changes of one chunk, and whether it commits."""


@given(st.lists(chunk, max_size=10))
def test_only_committed_chunks_show_and_the_changelog_says_the_same(
    chunks: list[tuple[list[tuple[int, str, Note | None]], bool]],
) -> None:
    state, expected, log = new_state(), {p: dict[str, Note]() for p in range(3)}, []
    for changes, commits in chunks:
        for partition, key, value in changes:
            state.journal(partition).put(key, value)
        written = list(state.changes())
        assert len({each[:2] for each in written}) == len(written), "each key once, however often it changed"
        if not commits:
            state.rollback()
        else:
            log += written
            state.commit()
            for partition, key, value in changes:
                expected[partition].pop(key, None)
                if value is not None:
                    expected[partition][key] = value
        assert shown(state) == expected
        assert not list(state.changes())
        assert len(state) == sum(map(len, expected.values()))
    again = new_state()
    for change_ in log:
        again.load(*change_)
    assert shown(again) == expected


def test_a_dropped_partition_is_forgotten_and_its_rollback_brings_nothing_back() -> None:
    state = new_state()
    state.journal(0).put("a", Note("old"))
    state.commit()
    state.journal(0).put("a", Note("new"))
    state.journal(1).put("a", Note("new"))
    state.drop(0)
    state.rollback()
    assert shown(state) == {0: {}, 1: {}, 2: {}}


def test_partitions_do_not_mix() -> None:
    state = new_state()
    state.journal(0).put("a", Note("0"))
    state.journal(1).put("a", Note("1"))
    assert sorted(each[0] for each in state.changes()) == [0, 1]
    assert (state[0].get("a"), state[1].get("a"), state[2].get("a")) == (Note("0"), Note("1"), None)
