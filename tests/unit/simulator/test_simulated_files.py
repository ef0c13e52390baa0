"""What the simulated systems' files look like, written at once and growing."""

import csv
import io
import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from hub.clock import EARLIEST_MS, LATEST_MS
from hub.simulator.files import SourceFiles, done_mark, write_all, write_live, write_truth
from hub.simulator.formats import PETITION_ZONE, SYSTEM_FILES
from hub.simulator.generate import Plan, statements
from hub.simulator.scene import SYSTEMS
from hub.simulator.simclock import SimulationClock
from hub.simulator.truth import Oddity, Statement, Truth
from tests.unit.simulator.simulated import START_MS, make_scene, simulate


def rows(source: str, text: str) -> list[dict]:
    if text.startswith("{"):
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text)))


def written(statement: Statement) -> dict:
    form = SYSTEM_FILES[statement.source]
    (row,) = rows(statement.source, form.head + form.row(statement))
    return row


def a_statement(source: str) -> Statement:
    return next(s for s in simulate(2) if s.source == source and s.point and s.oddity is None and s.category)


def reference_and_time(source: str, row: dict) -> tuple[str, float]:
    match source:
        case "police":
            return row["JJDBH"], int(row["BJSJ"])
        case "hotline":
            return row["order"]["id"], datetime.fromisoformat(row["time"]["reported"]).timestamp() * 1000
        case "petition":
            local = datetime.strptime(row["信访时间"], "%Y/%m/%d %H:%M:%S").replace(tzinfo=PETITION_ZONE)
            return row["信访件编号"], local.timestamp() * 1000
        case _:
            return row["taskNum"], row["reportTime"]


@pytest.mark.parametrize("source", SYSTEMS)
def test_a_row_says_what_the_statement_says(source: str) -> None:
    for said in [s for s in simulate(2) if s.source == source and not s.broken]:
        ref, at_ms = reference_and_time(source, written(said))
        assert ref == said.ref
        assert said.reported_ms - at_ms in (range(1000) if source == "petition" else (0,))


def is_usable(source: str, row: dict) -> bool:
    try:
        _, at_ms = reference_and_time(source, row)
    except (ValueError, TypeError):
        return False
    return isinstance(at_ms, int | float) and EARLIEST_MS < at_ms < LATEST_MS


@pytest.mark.parametrize("source", SYSTEMS)
def test_a_broken_time_cannot_be_used(source: str) -> None:
    said = a_statement(source)
    assert is_usable(source, written(said))
    assert not is_usable(source, written(replace(said, oddity=Oddity.BAD_TIME)))
    assert not is_usable(source, written(replace(said, oddity=Oddity.YEAR_ONE)))


@pytest.mark.parametrize("source", SYSTEMS)
def test_a_row_without_reference_has_none(source: str) -> None:
    text = SYSTEM_FILES[source].row(replace(a_statement(source), oddity=Oddity.NO_REF, ref="XX1"))
    assert "XX1" not in text.replace("XX1.jpg", "")


def test_writing_at_once(tmp_path: Path) -> None:
    truth = Truth()
    with SourceFiles(tmp_path) as files:
        write_all(simulate(2), files, truth)
        assert not done_mark(files.path("police")).exists()
    for source in SYSTEMS:
        assert len(rows(source, files.path(source).read_text("utf-8"))) == truth.rows[source]
        assert done_mark(files.path(source)).exists()
    assert json.loads(write_truth(tmp_path, truth).read_text("utf-8"))["rows"] == dict(truth.rows)


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with SourceFiles(tmp_path / name) as files:
            write_all(simulate(3), files, Truth())
    for form in SYSTEM_FILES.values():
        assert (tmp_path / "a" / form.file_name).read_bytes() == (tmp_path / "b" / form.file_name).read_bytes()


class Wall:
    """Wall time that passes only in `sleep`."""

    def __init__(self, give_up_after: float = float("inf")) -> None:
        self.seconds = 0.0
        self.give_up_after = give_up_after

    def sleep(self, seconds: float) -> bool:
        self.seconds += seconds
        return self.seconds >= self.give_up_after


def live(tmp_path: Path, wall: Wall) -> Truth:
    truth = Truth()
    plan = Plan(START_MS, 2, 0.25, 300)
    clock = SimulationClock(START_MS, 3600.0, monotonic=lambda: wall.seconds)

    def on_row(said: Statement) -> None:
        assert said.sent_ms <= clock.now_ms()

    with SourceFiles(tmp_path) as files:
        write_live(statements(plan, make_scene()), files, truth, clock, wall.sleep, on_row)
    return truth


def test_live_rows_come_at_their_time(tmp_path: Path) -> None:
    wall = Wall()
    truth = live(tmp_path, wall)
    assert sum(truth.rows.values()) == len(simulate(2, 0.25))
    assert 5 < wall.seconds < 6  # six hours, an hour a second


def test_live_may_be_given_up_at_a_whole_row(tmp_path: Path) -> None:
    truth = live(tmp_path, Wall(give_up_after=3))
    assert 0 < sum(truth.rows.values()) < len(simulate(2, 0.25))
    for source, form in SYSTEM_FILES.items():
        text = (tmp_path / form.file_name).read_text("utf-8")
        assert len(rows(source, text)) == truth.rows[source] if text else truth.rows[source] == 0
