"""A changelog that has all it should passes, whatever compaction or retention took from it; one that has not is found out."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.stream.changelog.checkpoints import LOSS_ACCEPTED, RING, Checkpoint, CommitMark, Trail, read_checkpoint

Record = tuple[bytes | None, bytes | None]
WINDOW_MS = 100


def history(times: list[int], *, anew: int | None = None) -> list[Checkpoint]:
    """Commits at these times, in order; the one of that number after a loss that was accepted."""
    return [
        Checkpoint(number, at, ([0, *times])[number - 1], [("t", 0, number)], {"t": "id"}, anew=number == anew)
        for number, at in enumerate(times, 1)
    ]


def records(commits: list[Checkpoint], *, compacted: bool) -> list[Record]:
    return [(each.key(compacted=compacted), each.value() if compacted else b"state") for each in commits]


def trail(found: list[Record], *, compacted: bool, low: int = 0) -> Trail:
    one = Trail(compacted, low)
    for key, value in found:
        one.take(read_checkpoint(key, value, compacted=compacted))
    return one


def mark(commit: Checkpoint) -> CommitMark:
    return CommitMark.read(str(CommitMark("claim", commit.sequence, commit.at_ms)))


times = st.lists(st.integers(1, 20), min_size=1, max_size=3 * RING).map(
    lambda steps: [sum(steps[: number + 1]) for number in range(len(steps))]
)


@given(times, st.data())
def test_compaction_takes_nothing_that_is_needed(times: list[int], data: st.DataObject) -> None:
    commits = history(times)
    dirty = data.draw(st.integers(0, len(commits)), label="the log is compacted up to there")
    head = {each.key(compacted=True): each for each in commits[:dirty]}
    kept = sorted(head.values(), key=lambda each: each.sequence) + commits[dirty:]
    found = trail(records(kept, compacted=True), compacted=True)
    assert found.fault(mark(commits[-1]), 0) is None
    assert found.ends == {("t", 0): len(times)}
    assert found.logs == {"t": "id"}


@given(times, st.integers(0, 500))
def test_retention_takes_nothing_that_is_needed(times: list[int], idle: int) -> None:
    commits, now = history(times), times[-1] + idle
    kept = [each for each in commits if each.at_ms >= now - 2 * WINDOW_MS]
    found = trail(records(kept, compacted=False), compacted=False)
    assert found.fault(mark(commits[-1]), now - WINDOW_MS) is None


@pytest.mark.parametrize("compacted", [True, False])
@given(times=times, data=st.data())
def test_a_commit_without_its_record_is_found(times: list[int], data: st.DataObject, compacted: bool) -> None:
    commits = history(times)
    youngest = max(0, len(commits) - RING) if compacted else 0
    lost = data.draw(st.integers(youngest, len(commits) - 1))
    kept = commits[:lost] + commits[lost + 1 :]
    found = trail(records(kept, compacted=compacted), compacted=compacted)
    assert found.fault(mark(commits[-1]), 0) is not None


@pytest.mark.parametrize("compacted", [True, False])
@given(times=times, data=st.data())
def test_a_changelog_that_is_cut_at_either_end_is_found(times: list[int], data: st.DataObject, compacted: bool) -> None:
    commits = history(times)
    cut = data.draw(st.integers(1, len(commits)))
    late = trail(records(commits[cut:], compacted=compacted), compacted=compacted, low=cut)
    early = trail(records(commits[:-cut], compacted=compacted), compacted=compacted)
    for found in (late, early):
        assert found.fault(mark(commits[-1]), 0) is not None


@given(times, st.data())
def test_a_changelog_made_anew_under_its_writer_is_found_however_much_follows(
    times: list[int], data: st.DataObject
) -> None:
    """Its low watermark is 0, as it was; and once what follows fills the ring, no commit seems to be missing either."""
    commits = [msgspec.structs.replace(each, first=1) for each in history(times)]
    anew = data.draw(st.integers(1, len(commits)), label="the first commit that was written to the new one")
    head = {each.key(compacted=True): each for each in commits[anew:]}
    kept = sorted(head.values(), key=lambda each: each.sequence)
    for offsets in (mark(commits[-1]), None):
        found = trail(records(kept, compacted=True), compacted=True)
        assert (found.fault(offsets, 0) is None) == (not kept and offsets is None)


@given(times, st.integers(1, 3 * RING), st.data())
def test_the_checkpoint_that_stays_is_found_in_a_changelog_that_is_whole(
    times: list[int], first: int, data: st.DataObject
) -> None:
    """Also where an older version wrote the ones before it, or some of those after."""
    commits = [
        msgspec.structs.replace(each, first=first)
        if each.sequence == first or (each.sequence > first and data.draw(st.booleans()))
        else each
        for each in history(times)
    ]
    dirty = data.draw(st.integers(0, len(commits)), label="the log is compacted up to there")
    head = {each.key(compacted=True): each for each in commits[:dirty]}
    kept = sorted(head.values(), key=lambda each: each.sequence) + commits[dirty:]
    found = trail(records(kept, compacted=True), compacted=True)
    assert found.fault(mark(commits[-1]), 0) is None
    assert found.stays == (first if len(commits) >= first else 0)


@given(times)
def test_offsets_that_are_older_than_the_state_are_found(times: list[int]) -> None:
    commits = history(times)
    found = trail(records(commits, compacted=True), compacted=True)
    for older in commits[:-1]:
        assert found.fault(mark(older), 0) == (
            f"commit {older.sequence} is its last, and it ends with commit {len(commits)}"
        )


@pytest.mark.parametrize("compacted", [True, False])
def test_a_loss_that_was_accepted_is_not_held_against_it_again(compacted: bool) -> None:
    lost = history([10, 20, 30, 40, 50])
    assert (
        trail(records(lost[:2], compacted=compacted), compacted=compacted).fault(CommitMark(LOSS_ACCEPTED, 4, 40), 0)
        is None
    )
    hole = [*lost[:1], *history([10, 20, 30, 40, 50], anew=3)[2:]]
    assert trail(records(hole, compacted=compacted), compacted=compacted).fault(mark(lost[-1]), 0) is None


@pytest.mark.parametrize("metadata", [None, "", "0123456789abcdef", "two words", "three words here", "x 1 -5"])
def test_offsets_without_a_mark_prove_nothing_and_are_let_pass(metadata: str | None) -> None:
    assert CommitMark.read(metadata).sequence == 0
    assert Trail(compacted=True).fault(CommitMark.read(metadata), 0) is None


def test_records_of_an_older_version_come_first_and_are_let_pass() -> None:
    found = trail([(None, b"state"), *records(history([10, 20])[1:], compacted=False)], compacted=False)
    assert found.fault(CommitMark("claim", 2, 20), 0) is None


def test_a_record_of_state_is_no_checkpoint() -> None:
    for key in (None, b"", b"C-1", b"~hotline:H1:0"):
        assert read_checkpoint(key, b"anything", compacted=True) is None
        assert read_checkpoint(key, b"anything", compacted=False) is None
