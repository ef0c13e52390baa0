"""A report shows what was measured, and says of what failed that and why it did, without a rate."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loadtests import compare
from loadtests.contenders import CONTENDERS
from loadtests.measure import rate_from
from loadtests.report.write import write_report
from loadtests.scenario import Compare, Core, Entry

MACHINE = {
    "processor": "a processor", "cores": 2, "memory_gib": 8.0, "system": "a system", "python": "3.11", "java": "17",
    "commit": "abc", "load_average": [0.1, 0.2, 0.3], "versions": {"lib": "1"},
}  # fmt: skip
GOOD = {"expected": 95, "found": 95, "missing": 0, "doubled": 0, "wrong": 0, "first_wrong": None, "good": True}


def ran(rate: float | None, **verdict: Any) -> dict[str, Any]:
    return {
        "rate": rate, "late_rate": rate, "cpu_microseconds": 2.0, "peak_rss_bytes": 2**20, "start_seconds": 1.0,
        "broker_cpu_seconds": 0.1, "records": 100, "seconds": 2.0, "progress": [(0.0, 0.1), (2.0, 1.0)],
        "verdict": GOOD | verdict,
    }  # fmt: skip


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> tuple[Compare, dict[str, Any]]:
    runs = {
        "hub": [ran(300.0), ran(100.0), ran(200.0)],
        "bare": [ran(400.0), ran(400.0), ran(400.0)],
        "quix": [ran(50.0), ran(None, missing=3, good=False), ran(50.0)],
        "faust": [ran(10.0), {"failed": "it fell over"}, ran(10.0)],
    }
    entries = tuple(Entry(contender=name, label=name) for name in runs)
    scenario = Compare(
        kind="compare", name="x", title="X", records=1000, short_records=1000, rounds=3, contenders=entries
    )
    for name, known in list(CONTENDERS.items()):  # their environments are not made for a test
        monkeypatch.setitem(CONTENDERS, name, replace(known, versions=dict))
    summaries = [compare._summary(entry, runs[entry.label]) for entry in entries]
    return scenario, {"entries": summaries, "ratios": compare._ratios(summaries)}


def test_medians_and_ratios_of_good_runs_only(measured: tuple[Compare, dict[str, Any]]) -> None:
    rates = {entry["label"]: entry["rate"] for entry in measured[1]["entries"]}
    assert rates == {"hub": 200.0, "bare": 400.0, "quix": None, "faust": None}
    assert [(ratio["against"], ratio["rate"]) for ratio in measured[1]["ratios"]] == [("bare", 0.5)]


def test_a_comparison_is_written(measured: tuple[Compare, dict[str, Any]], tmp_path: Path) -> None:
    report = write_report(tmp_path, measured[0], MACHINE, measured[1], "a command")
    text = report.read_text("utf-8")
    assert "| bare | 400 |" in text
    assert "| quix | none |" in text
    assert "- faust: it fell over" in text
    assert "- quix: 3 missing" in text
    assert "| bare | 0.50x | 0.50x |" in text
    plots = sorted(path.name for path in tmp_path.glob("*.svg"))
    assert len(plots) == 2
    assert all(name in text for name in plots)
    kept = json.loads(report.with_suffix(".json").read_text("utf-8"))
    assert kept["measured"]["entries"][0]["rate"] == 200.0
    assert kept["scenario"]["rounds"] == 3


def test_rows_are_written(tmp_path: Path) -> None:
    scenario = Core(kind="core", name="y", title="Y", records=1000)
    rows = {"rows": [{"chunk": 2000, "events/CPU s": 123456.7, "µs": 1.234}], "note": "A note."}
    text = write_report(tmp_path, scenario, MACHINE, rows, "a command").read_text("utf-8")
    assert "A note." in text
    assert "| 2,000 | 123,457 | 1.23 |" in text


def test_a_rate_from_a_share_on() -> None:
    assert rate_from([(0.0, 0.0), (1.0, 0.5), (3.0, 1.0)], 0.5, 1000) == 250.0
    assert rate_from([(0.0, 1.0)], 0.5, 1000) is None
