"""The plan of faults is drawn from its seed alone; what the broker's log says of zombies is found."""

from __future__ import annotations

import struct
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.faults.fencing import check_fencing, late, overlapping
from loadtests.faults.makers import MAKERS
from loadtests.faults.plan import KINDS, faults
from loadtests.faults.segments import Batch, batches, transactions
from loadtests.faults.timeline import Timeline

CHANGELOG = "f.hub.route.changelog"


# -- the plan ----------------------------------------------------------------------------------------------------------


def test_every_kind_can_be_made() -> None:
    assert MAKERS.keys() == KINDS.keys()


@given(st.integers(0, 300), st.integers())
def test_the_same_seed_makes_the_same_faults(number: int, seed: int) -> None:
    planned = faults(number, seed)
    assert planned == faults(number, seed)
    assert [fault.number for fault in planned] == list(range(1, number + 1))
    for fault in planned:
        least, most = KINDS[fault.kind].seconds
        assert least <= fault.seconds <= most
        assert 0 <= fault.target < 1


@given(st.integers())
def test_a_longer_plan_begins_with_the_shorter_one_and_every_kind_comes_first(seed: int) -> None:
    planned = faults(200, seed)
    assert planned[:30] == faults(30, seed)
    assert {fault.kind for fault in planned[: len(KINDS)]} == KINDS.keys()


def test_kinds_come_by_their_weight() -> None:
    counted = Counter(fault.kind for fault in faults(2000, 1))
    assert counted["kill-worker"] > counted["pause-worker"] > counted["kill-broker"] > 0


def test_only_the_kinds_wanted() -> None:
    assert {fault.kind for fault in faults(20, 1, ("kill-worker",))} == {"kill-worker"}
    with pytest.raises(KeyError):
        faults(1, 1, ("earthquake",))


def test_a_timeline_is_on_the_disk_at_once(tmp_path: Path) -> None:
    timeline = Timeline(tmp_path / "new" / "timeline.jsonl")
    timeline.note("kill-worker", number=1, victim="w1")
    assert '"victim": "w1"' in timeline.path.read_text("utf-8")
    assert timeline.entries[0]["what"] == "kill-worker"


# -- the broker's log ----------------------------------------------------------------------------------------------------


def data(
    first: int, producer: int, epoch: int, count: int = 1, *, transactional: bool = True, sequence: int = -1
) -> bytes:
    """A record batch as the broker writes it; the records themselves are never read."""
    body = struct.pack(
        ">ibIhiqqqhii", 0, 2, 0, 16 if transactional else 0, count - 1, 0, 0, producer, epoch, sequence, count
    ) + bytes(20)
    return struct.pack(">qi", first, len(body)) + body


def marker(first: int, producer: int, epoch: int, *, commit: bool) -> bytes:
    key = struct.pack(">hh", 0, int(commit))
    record = bytes([0, 0, 0, len(key) * 2]) + key + bytes([12]) + bytes(6)
    record = bytes([len(record) * 2]) + record + b"\0"
    body = struct.pack(">ibIhiqqqhii", 0, 2, 0, 16 | 32, 0, 0, 0, producer, epoch, 0, 1) + record
    return struct.pack(">qi", first, len(body)) + body


def write(folder: Path, *parts: bytes, partition: str = f"{CHANGELOG}-0") -> Path:
    (folder / partition).mkdir(parents=True, exist_ok=True)
    (folder / partition / "00000000000000000000.log").write_bytes(b"".join(parts))
    return folder


def check(folder: Path, *parts: bytes) -> tuple[int, int, int, int, int]:
    found = check_fencing(write(folder, *parts), "f.", ["hub.route.changelog"])
    return found.committed, found.aborted, len(found.overlapping), len(found.late), len(found.still_open)


def test_transactions_that_follow_one_another_are_good(tmp_path: Path) -> None:
    parts = (
        data(0, 1, 0, 3), data(3, 1, 0), marker(4, 1, 0, commit=True),
        data(5, 2, 0), marker(6, 2, 0, commit=False),
        data(7, 2, 0), marker(8, 2, 0, commit=True),
    )  # fmt: skip
    assert check(tmp_path, *parts) == (2, 1, 0, 0, 0)
    first = transactions(batches(tmp_path, "f."))[0]
    assert (first.first, first.last, first.ended, first.committed) == (0, 3, 4, True)


def test_a_zombie_that_commits_after_the_takeover_is_found(tmp_path: Path) -> None:
    zombie = (data(0, 1, 0), data(1, 2, 0), marker(2, 2, 0, commit=True), marker(3, 1, 0, commit=True))
    assert check(tmp_path, *zombie) == (2, 0, 1, 0, 0)


def test_a_zombie_that_is_aborted_is_good(tmp_path: Path) -> None:
    fenced = (data(0, 1, 0), data(1, 2, 0), marker(2, 2, 0, commit=True), marker(3, 1, 1, commit=False))
    found = check_fencing(write(tmp_path, *fenced), "f.", ["hub.route.changelog"], [(f"{CHANGELOG}-0", 0)])
    assert found.good
    assert len(found.expired) == 1


def test_an_epoch_that_is_over_may_not_write(tmp_path: Path) -> None:
    late_ = (data(0, 1, 0), marker(1, 1, 1, commit=False), data(2, 1, 0), marker(3, 1, 0, commit=True))
    assert check(tmp_path, *late_)[3] == 2


def test_what_is_open_at_the_end_is_told_and_a_torn_end_is_no_obstacle(tmp_path: Path) -> None:
    assert check(tmp_path, data(0, 1, 0), data(1, 1, 0)[:-4]) == (0, 0, 0, 0, 1)


def test_records_without_a_transaction_do_not_count(tmp_path: Path) -> None:
    assert check(tmp_path, data(0, 1, 0, transactional=False)) == (0, 0, 0, 0, 0)


def test_a_record_that_was_skipped_is_found(tmp_path: Path) -> None:
    whole = (data(0, 1, 0, 2, transactional=False, sequence=0), data(2, 1, 0, transactional=False, sequence=2))
    anew = (data(3, 1, 1, transactional=False, sequence=0),)
    assert check_fencing(write(tmp_path, *whole, *anew), "f.", []).good
    torn = (data(0, 2, 0, transactional=False, sequence=2), data(1, 1, 0, transactional=False, sequence=0))
    found = check_fencing(write(tmp_path, *torn), "f.", [])
    assert found.skipped == (f"{CHANGELOG}-0@0 of producer 2 epoch 0: 2",)
    assert not found.good


def test_only_changelogs_have_one_writer(tmp_path: Path) -> None:
    parts = (data(0, 1, 0), data(1, 2, 0), marker(2, 2, 0, commit=True), marker(3, 1, 0, commit=True))
    write(tmp_path, *parts, partition="f.hub.cases-0")
    assert check_fencing(tmp_path, "f.", ["hub.route.changelog"]).good


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 4), st.booleans()), max_size=20))
def test_one_after_the_other_never_overlaps(turns: list[tuple[int, int, bool]]) -> None:
    at, found = 0, []
    for producer, count, commit in turns:
        found.append(Batch(f"{CHANGELOG}-0", at, at + count - 1, producer, 0, True, None))
        found.append(Batch(f"{CHANGELOG}-0", at + count, at + count, producer, 0, True, commit))
        at += count + 1
    done = transactions(found)
    assert sum(one.committed for one in done) == sum(commit for _, _, commit in turns)
    assert overlapping(done) == []
    assert late(found) == []
