"""Rounds of faults are drawn from the seed and their number alone; a run goes on where it was; a transaction emptied is found."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import FatalError
from loadtests.faults.brokers import campaign as campaign_module
from loadtests.faults.brokers.campaign import Campaign, keep_logs, run, summary
from loadtests.faults.brokers.makers import MAKERS
from loadtests.faults.brokers.plan import KINDS, faults_of_round
from loadtests.faults.brokers.report import markdown
from loadtests.faults.fencing import hollow
from loadtests.faults.segments import Batch


def test_every_kind_can_be_made() -> None:
    assert MAKERS.keys() == KINDS.keys()


@given(st.integers(1, 500), st.integers(0, 10**6), st.integers(1, 60))
def test_a_round_is_the_same_whatever_came_before_it(number: int, seed: int, size: int) -> None:
    planned = faults_of_round(number, seed, size)
    assert planned == faults_of_round(number, seed, size)
    assert [fault.number for fault in planned] == list(range(1, size + 1))
    assert planned != faults_of_round(number + 1, seed, size)
    for fault in planned:
        least, most = KINDS[fault.kind].seconds
        assert least <= fault.seconds <= most


@given(st.integers(1, 3000), st.integers(1, 60))
def test_rounds_add_up_to_all_faults(faults: int, size: int) -> None:
    campaign = Campaign(faults, size, 1, 40.0, tuple(KINDS))
    assert sum(campaign.size_of(number) for number in campaign.rounds) == faults
    assert all(0 < campaign.size_of(number) <= size for number in campaign.rounds)


# -- going on ----------------------------------------------------------------------------------------------------------


class _Ground:
    """A cluster that is not there."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.closed = False

    def close(self) -> None:
        self.closed = True


def _round(ground: Any, campaign: Campaign, number: int, on_progress: Any) -> dict[str, Any]:
    on_progress("kill-all", 0)
    return {"round": number, "good": True, "faults": campaign.size_of(number), "seconds": 1.0, "kinds": {"kill-all": 1}}


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign_module, "Ground", _Ground)
    monkeypatch.setattr(campaign_module, "one_round", _round)
    campaign = Campaign(10, 4, 1, 40.0, tuple(KINDS))
    seen = list[tuple[str, int]]()

    def note(what: str, made: int) -> None:
        seen.append((what, made))

    first = run(campaign, tmp_path, note)
    assert next(first)["round"] == 1
    first.close()
    assert [one["round"] for one in run(campaign, tmp_path, note)] == [1, 2, 3]
    assert [made for what, made in seen if what == "kill-all"] == [0, 4, 8], "no round is played twice"
    assert [one["round"] for one in run(campaign, tmp_path, note)] == [1, 2, 3], "and a whole run not at all"
    assert len(seen) == 5


def test_a_round_that_does_not_come_to_rest_is_told_and_the_next_is_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise FatalError("the workers have not read to the end")

    monkeypatch.setattr(campaign_module, "Ground", _Ground)
    monkeypatch.setattr(campaign_module, "keep_logs", lambda *_: None)
    monkeypatch.setattr(campaign_module, "play", never)
    rounds = list(run(Campaign(2, 1, 1, 40.0, ("kill-all",)), tmp_path, lambda *_: None))
    found = summary(rounds)
    assert not found["good"]
    assert (found["rounds"], found["rounds_good"], found["bad_rounds"]) == (2, 0, [1, 2])
    shown = markdown(
        {
            **found,
            "at": "now",
            "command": "x",
            "machine": {"commit": "c", "processor": "p", "cores": 2, "load_average": [1]},
        }
    )
    assert "have not read to the end" in shown
    assert json.dumps(rounds)


def test_the_logs_of_a_round_that_never_began_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "cluster" / "node-1.log"
    log.parent.mkdir()
    log.write_text("no quorum", "utf-8")
    ground = SimpleNamespace(cluster=SimpleNamespace(nodes={1: SimpleNamespace(logs=log.parent, log_path=log)}))
    keep_logs(ground, 4, tmp_path / "round-0004")  # type: ignore[arg-type]
    assert (tmp_path / "round-0004" / "brokers" / "node-1.log").read_text("utf-8") == "no quorum"


# -- an emptied transaction ----------------------------------------------------------------------------------------------


def data(first: int, epoch: int = 0) -> Batch:
    return Batch("f.hub.track.changelog-0", first, first, 7, epoch, True, None, first)


def marker(first: int, commit: bool, epoch: int = 0) -> Batch:
    return Batch("f.hub.track.changelog-0", first, first, 7, epoch, True, commit)


def test_a_commit_without_records_after_an_abort_is_found() -> None:
    lost = [data(0), marker(1, False), marker(2, True), data(3), marker(4, True)]
    assert hollow(lost) == ["f.hub.track.changelog-0@2 of producer 7 epoch 0"]


@pytest.mark.parametrize(
    "sound",
    [
        [data(0), marker(1, False), data(2), marker(3, True)],
        [data(0), marker(1, True), marker(2, True)],  # written twice
        [data(0), marker(1, False), marker(2, False)],
        [data(0), marker(1, False, 1), data(2, 1), marker(3, True, 1)],
    ],
)
def test_what_is_sound_is_not(sound: list[Batch]) -> None:
    assert hollow(sound) == []
