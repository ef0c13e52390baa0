"""Dates that nobody can mean: far after all others they move nobody's time, before their report they count as at it."""

from __future__ import annotations

import csv
import json
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from hub.backtest.intake import HistoryIntake
from hub.backtest.run import Options, PolicyRun, ReadHistory, run
from hub.backtest.stray import last_believed
from hub.backtest.updates import HistoryUpdate
from hub.cli.policy.backtest import backtest
from hub.model.event import CaseEvent
from hub.policy.city import City
from tests.unit.backtest.small_past import HOUR_MS, START_MS, closed, report, small_city

YEAR = 24 * 365


@contextmanager
def no_bar(title: str):
    yield lambda done, total: None


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return small_city(tmp_path_factory.mktemp("city"))


def outcome(city: City, events: list[CaseEvent], updates: list[HistoryUpdate]) -> PolicyRun:
    intake = HistoryIntake(events=events, lines=[("events.csv", number + 2) for number in range(len(events))])
    return run(city, ReadHistory(intake, updates), Options(), no_bar)


def verdicts(found: PolicyRun, without: str) -> list[tuple[object, ...]]:
    return [
        (each.report.ref, each.case_id, each.due_ms, each.breached_ms, each.ended_ms)
        for each in found.played.decisions
        if each.report.ref != without
    ]


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


hours = st.lists(st.integers(0, 100), min_size=8, max_size=30)
far = st.one_of(st.integers(60 * 24, 60 * YEAR), st.integers(-30 * YEAR, -60 * 24))


@given(hours, far, st.data())
def test_one_report_planted_anywhere_changes_no_other_verdict(
    city: City, hours: list[int], planted: int, data: st.DataObject
) -> None:
    events = [report(f"r{number}", at, place={}) for number, at in enumerate(sorted(hours))]
    events_with = list(events)
    events_with.insert(data.draw(st.integers(0, len(events))), report("X", planted, place={}))
    ends = [closed(f"r{n}", at + 20) for n, at in enumerate(sorted(hours)) if data.draw(st.booleans())]
    assert verdicts(outcome(city, events_with, ends), "X") == verdicts(outcome(city, events, ends), "X")


@given(hours, st.integers(60 * 24, 60 * YEAR), st.integers(0, 7))
def test_one_update_far_ahead_changes_no_verdict_at_all(city: City, hours: list[int], planted: int, of: int) -> None:
    events = [report(f"r{number}", at, place={}) for number, at in enumerate(sorted(hours))]
    with_it = outcome(city, events, [closed(f"r{of}", planted)])
    assert verdicts(with_it, "") == verdicts(outcome(city, events, []), "")
    assert [each.reason for each in with_it.rejects] == ["time_out_of_range"]


def test_as_many_as_three_references_may_be_stray_and_a_history_that_goes_on_is_not() -> None:
    dense = [(START_MS + number * HOUR_MS, f"r{number}") for number in range(20)]
    stray = [(START_MS + year * YEAR * HOUR_MS, f"x{year}") for year in (1, 5, 61)]
    assert last_believed(dense + stray) == dense[-1][0]
    more = [(START_MS + 61 * YEAR * HOUR_MS, f"y{number}") for number in range(3)]
    assert last_believed(dense + stray + more) == max(more)[0]
    monthly = [(START_MS + number * 30 * 24 * HOUR_MS, f"m{number}") for number in range(6)]
    assert last_believed(monthly) == monthly[-1][0]
    assert last_believed([]) is None
    assert last_believed([*monthly[:1], *stray[:1]]) == stray[0][0]


def test_updates_before_their_report_and_in_the_year_3020(tmp_path: Path) -> None:
    """The closing before the report ends it as at the report; what lies in the year 3020 is set aside; and both are said."""
    small_city(tmp_path / "city")
    (tmp_path / "m.yaml").write_text(
        "description: x\nformat: csv\ntime_zone: Asia/Shanghai\n"
        "event: {source_ref: id, reported_at: {column: at, formats: [iso]}, category: {constant: hole}}\n"
    )
    (tmp_path / "e.csv").write_text("id,at\n1,2026-03-02T09:00:00\n2,2026-03-02T09:00:00\n3,2026-03-06T09:00:00\n")
    (tmp_path / "u.csv").write_text(
        "source_ref,at,status\n1,2026-02-27 09:00:00,closed\n2,3020-03-03 09:00:00,closed\n"
    )
    named = {"city": "city", "mapping": "m.yaml", "events": "e.csv", "updates": "u.csv", "out": "out"}
    arguments = [part for name, value in named.items() for part in (f"--{name}", str(tmp_path / value))]
    result = CliRunner().invoke(backtest, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    decided = {row["source_ref"]: row["breached_at"] for row in rows(tmp_path / "out" / "decisions.csv")}
    assert decided == {"1": "", "2": "2026-03-03T09:00:00+08:00", "3": ""}
    (reject,) = rows(tmp_path / "out" / "rejects.csv")
    assert (reject["line"], reject["reason"]) == ("3", "time_out_of_range")
    (marked,) = rows(tmp_path / "out" / "marked.csv")
    assert (marked["line"], marked["reason"]) == ("2", "update_before_report")
    assert json.loads((tmp_path / "out/report.json").read_text())["updates"]["before_report"] == 1
    summary = (tmp_path / "out/summary.md").read_text()
    assert "时间不可信" in summary
    assert "早于来报" in summary
