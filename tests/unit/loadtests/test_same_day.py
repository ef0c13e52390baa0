"""The day that proves that nothing has changed: it is the same each time, has everything in it, and a change in it is found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hub.model.outputs import ChangeKind, ClosureStep, DeadlineKind, OrderKind
from hub.model.update import UpdateStatus, UpdateStep
from hub.settings import ROOT
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from loadtests.same_day.__main__ import main
from loadtests.same_day.recorded import Topic, differences, load

pytestmark = pytest.mark.process

CODEC = Codec(FileRegistry())
RATE = "300"
REASONS = {"undecodable", "conflict", "sender_mismatch", "not_allowed", "unknown_case"}


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two records of a small day, of two processes that put no two strings into the same order by chance."""
    folder = tmp_path_factory.mktemp("day")
    files = folder / "first.jsonl", folder / "second.jsonl"
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "loadtests.same_day", "--rate", RATE, "--out", str(file)],
            cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": str(number)}, stdout=subprocess.DEVNULL,
        )
        for number, file in enumerate(files, start=1)
    ]  # fmt: skip
    assert [process.wait(timeout=600) for process in processes] == [0, 0]
    return files


@pytest.fixture(scope="module")
def day(twice: tuple[Path, Path]) -> dict[Topic, list[str]]:
    return load(twice[0])


def values(day: dict[Topic, list[str]], clock: str, *topics: str) -> Iterator[dict[str, Any]]:
    """Of all topics that end so, decoded."""
    for (kind, topic), lines in day.items():
        if kind == clock and topic.endswith(topics):
            yield from (CODEC.decode_one(b64decode(json.loads(line)[6]))[1] for line in lines)


def test_it_is_the_same_each_time(twice: tuple[Path, Path]) -> None:
    assert twice[0].read_bytes() == twice[1].read_bytes()


@pytest.mark.parametrize("clock", ["wall", "data"])
def test_it_has_everything_in_it_that_a_case_can_go_through(day: dict[Topic, list[str]], clock: str) -> None:
    changes = list(values(day, clock, "hub.cases"))
    assert {each["change"] for each in changes} == set(ChangeKind)
    assert any(each["reopens"] for each in changes)
    assert any(each["unlinks"] for each in changes)
    rings = list(values(day, clock, "hub.deadlines"))
    assert {each["kind"] for each in rings} == set(DeadlineKind)
    assert any(each["corrects"] for each in rings), "a breach is taken back"
    assert {each["step"] for each in values(day, clock, "hub.closures")} == set(ClosureStep)
    assert {each["kind"] for each in values(day, clock, ".orders")} == set(OrderKind)
    letters = list(values(day, clock, "hub.dead"))
    reasons = {each["reason"] for each in letters if each["origin"]}
    assert reasons >= REASONS | ({"time_out_of_range"} if clock == "wall" else set())
    assert any(each["stage"].startswith("connector:") for each in letters)
    assert any(each["moved_to"] is not None for each in values(day, clock, "hub.repeats"))
    assert any(each["moved_to"] is None for each in values(day, clock, "hub.repeats"))


@pytest.mark.parametrize("clock", ["wall", "data"])
def test_every_word_of_departments_is_said_and_has_its_receipt(day: dict[Topic, list[str]], clock: str) -> None:
    receipts = list(values(day, clock, ".receipts"))
    applied = {each["said"] for each in receipts if each["outcome"] == "accepted"}
    no_words = (UpdateStep.AS_STATUS, UpdateStep.CUSTOM)  # a step of the city's own is said by its code
    words = {each.lower() for each in (*UpdateStatus, *UpdateStep) if each not in no_words}
    assert applied == words
    updates = sum(len(lines) for (kind, topic), lines in day.items() if kind == clock and topic.endswith(".updates"))
    own = len(day[clock, "hub.updates"])
    assert len([each for each in receipts if each["outcome"] != "waiting"]) == updates - own


def test_cases_that_are_over_are_forgotten(day: dict[Topic, list[str]]) -> None:
    for agent in ("route", "track"):
        assert any(json.loads(line)[6] is None for line in day["wall", f"hub.{agent}.changelog"])


def test_what_is_not_the_same_is_found_and_said(
    day: dict[Topic, list[str]], twice: tuple[Path, Path], tmp_path: Path
) -> None:
    cases = day["wall", "hub.cases"]
    changed = day | {("wall", "hub.cases"): [*cases[:5], *cases[6:]]}
    (found,) = differences(day, changed)
    assert (found.topic, found.counts) == (("wall", "hub.cases"), (len(cases), len(cases) - 1))
    assert "case_id" in (found.first or "")
    assert not list(differences(day, day))
    other = tmp_path / "other.jsonl"
    other.write_text(twice[0].read_text("utf-8").rstrip("\n").rpartition("\n")[0], "utf-8")
    said = CliRunner().invoke(main, ["--compare", str(twice[0]), str(other)])
    assert (said.exit_code, "1 of " in said.output, "is missing" in said.output) == (1, True, True)
    assert CliRunner().invoke(main, ["--compare", *map(str, twice)]).exit_code == 0
