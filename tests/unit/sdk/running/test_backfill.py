"""Back-fill: a stretch of the past, once, beside a live edge whose position stays; of every kind of source that can tell it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hub.cli.connector import backfill as command
from hub.cli.connector.command import connector
from hub.errors import FatalError
from hub.millis import MINUTE_MS
from hub.sdk.errors import ConfigurationError
from hub.sdk.running import backfill as under_test
from hub.sdk.running.backfill import TimeStretch, backfill
from hub.sdk.running.edges import load_edges
from hub.sdk.running.runner import RunnerOptions
from hub.sdk.running.side_by_side import run_edges
from hub.settings import Settings
from hub.testing.files import POLICE_COLUMNS, START_MS, csv_text, police_file, police_row
from hub.testing.source_suite import KilledError, MemoryPublisher
from tests.unit.sdk.sources.http.api import Api, serving

ROWS = 12
STRETCH = TimeStretch(START_MS + 3 * MINUTE_MS, START_MS + 8 * MINUTE_MS)
INSIDE = [(f"JJ{number % 10:04d}", number // 10) for number in range(3, 8)]


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()


def _file(folder: Path) -> dict[str, Any]:
    return {"settings": {"file": str(police_file(folder / "calls.csv", ROWS))}}


def _folder(folder: Path) -> dict[str, Any]:
    inbox = folder / "inbox"
    inbox.mkdir()
    for first in range(0, ROWS, 4):
        text = csv_text(POLICE_COLUMNS, [police_row(number) for number in range(first, first + 4)])
        (inbox / f"calls-{first}.csv").write_text(text, "utf-8")
    return {"kind": "folder", "settings": {"folder": str(inbox), "complete": {"kind": "renamed"}, "follow": False}}


def _sql(folder: Path) -> dict[str, Any]:
    with sqlite3.connect(folder / "calls.db") as made:
        made.execute(f"create table calls (number integer primary key, {', '.join(POLICE_COLUMNS)})")
        marks = ", ".join("?" * len(POLICE_COLUMNS))
        for number in range(ROWS):
            made.execute(f"insert into calls values ({number}, {marks})", police_row(number))
    made.close()
    settings = {"url": f"sqlite:///{folder}/calls.db", "table": "calls", "cursor": "number", "key": ["number"]}
    return {"kind": "sql", "settings": {**settings, "overlap_numbers": 2, "once": True}}


@pytest.fixture(params=["file", "folder", "sql", "http"])
def edge(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, Any]]:
    if request.param != "http":
        yield {"file": _file, "folder": _folder, "sql": _sql}[request.param](tmp_path)
        return
    rows = [
        dict(zip(POLICE_COLUMNS, police_row(number), strict=True)) | {"updated": _iso(START_MS + number * MINUTE_MS)}
        for number in range(ROWS)
    ]
    with serving(Api(rows, "page")) as api:
        settings = {
            "base_url": api.url, "path": "/requests", "items": "data.requests", "paging": {"kind": "page"}, "once": True,
            "calls_per_minute": 1e6, "incremental": {"field": "updated", "param": "since"},
        }  # fmt: skip
        yield {"kind": "http", "settings": settings}


@pytest.fixture
def hub(tmp_path: Path, edge: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Settings:
    made = Settings(connectors=tmp_path / "connectors.yaml", state_dir=tmp_path / "state")
    for name in ("connectors", "state_dir"):
        monkeypatch.setenv(f"CITYHUB_{name.upper()}", str(getattr(made, name)))
    (tmp_path / "connectors.yaml").write_text(json.dumps({"edges": {"calls": {"connector": "police"} | edge}}), "utf-8")
    return made


def fill(hub: Settings, publisher: MemoryPublisher, stretch: TimeStretch = STRETCH) -> list[tuple[str, int]]:
    backfill(load_edges(hub)["calls"], stretch, hub, RunnerOptions(checkpoint_rows=1), publisher)
    return [(event.source_ref, event.revision) for event in publisher.events]


def test_a_stretch_is_read_once_more_as_it_was_and_the_live_position_stays(hub: Settings) -> None:
    live = MemoryPublisher()
    run_edges(load_edges(hub).values(), hub, RunnerOptions(checkpoint_rows=1), lambda _domain: live)
    assert len(live.events) == ROWS
    position = (hub.state_dir / "edges" / "calls.json").read_bytes()
    again = MemoryPublisher()
    assert fill(hub, again) == INSIDE
    assert [event for event in live.events if event in again.events] == again.events, "it is no repeat for the hub"
    assert (hub.state_dir / "edges" / "calls.json").read_bytes() == position
    assert not list((hub.state_dir / "edges").glob("*.backfill-*")), "its position is of no use any more"
    run_edges(load_edges(hub).values(), hub, RunnerOptions(checkpoint_rows=1), lambda _domain: live)
    assert {event.source_ref for event in live.events[ROWS:]} <= {event.source_ref for event in live.events[:ROWS]}


@pytest.mark.parametrize("edge", [{"settings": {"file": "calls.csv"}}], ids=["file"])
def test_killed_it_goes_on_where_it_was(hub: Settings, edge: dict[str, Any], tmp_path: Path) -> None:
    police_file(tmp_path / "calls.csv", ROWS)
    for at in range(len(INSIDE)):
        killed = MemoryPublisher(die_at=at)
        with pytest.raises(KilledError):
            fill(hub, killed)
        rest = fill(hub, MemoryPublisher())
        assert rest == INSIDE[len(INSIDE) - len(rest) :]
        assert killed.acknowledged + len(rest) >= len(INSIDE)


@pytest.mark.parametrize("edge", [{"settings": {"file": "nowhere.csv"}}], ids=["file"])
def test_a_stretch_that_is_none_is_said(hub: Settings, edge: dict[str, Any]) -> None:
    with pytest.raises(FatalError, match="exchange --from and --to"):
        fill(hub, MemoryPublisher(), TimeStretch(5, 5))


@pytest.mark.parametrize("edge", [{"kind": "webhook", "settings": {"port": 0, "path": "/events"}}], ids=["webhook"])
def test_who_tells_nothing_twice_cannot_be_back_filled(hub: Settings, edge: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="tells nothing twice"):
        fill(hub, MemoryPublisher())


@pytest.mark.parametrize("edge", [{"settings": {"file": "calls.csv"}}], ids=["file"])
def test_the_command_says_what_it_did_for_machines_too(
    hub: Settings, edge: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    police_file(tmp_path / "calls.csv", ROWS)
    headers: list[dict[str, str]] = []

    def publisher(_settings: Settings, _domain: str, marks: dict[str, str]) -> MemoryPublisher:
        headers.append(marks)
        return MemoryPublisher()

    monkeypatch.setattr(under_test, "ensure_topics", lambda *_: None)
    monkeypatch.setattr(under_test, "KafkaPublisher", publisher)
    monkeypatch.setattr(command, "stop_on_signals", lambda: RunnerOptions().stop)
    arguments = ["backfill", "calls", "--from", _iso(STRETCH.from_ms), "--to", _iso(STRETCH.to_ms), "--json"]
    shown = CliRunner().invoke(connector, arguments)
    assert shown.exit_code == 0, shown.output
    found = json.loads(shown.stdout)
    assert (found["edge"], found["published"], found["filtered"]) == ("calls", 5, 4)
    assert list(headers[0]) == ["cityhub-backfill"]
    assert "/" in headers[0]["cityhub-backfill"]


@pytest.mark.parametrize("edge", [{"settings": {"file": "calls.csv"}}], ids=["file"])
def test_a_position_of_a_file_is_set_to_a_time(hub: Settings, edge: dict[str, Any], tmp_path: Path) -> None:
    police_file(tmp_path / "calls.csv", ROWS)
    for to, count in ((_iso(STRETCH.to_ms), 4), ("now", 0), ("start", ROWS)):
        shown = CliRunner().invoke(connector, ["reset", "calls", "--to", to])
        assert shown.exit_code == 0, shown.output
        live = MemoryPublisher()
        run_edges(load_edges(hub).values(), hub, RunnerOptions(), lambda _domain: live)  # noqa: B023 - called at once
        assert len(live.events) == count


@pytest.mark.parametrize(
    "edge", [{"kind": "folder", "settings": {"folder": "inbox", "complete": {"kind": "renamed"}, "follow": False}}]
)
def test_files_of_before_count_as_done_from_now_on(hub: Settings, edge: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    police_file(tmp_path / "inbox" / "old.csv", 3)
    assert CliRunner().invoke(connector, ["reset", "calls", "--to", "now"]).exit_code == 0
    (tmp_path / "inbox" / "new.csv").write_text(csv_text(POLICE_COLUMNS, [police_row(7)]), "utf-8")
    live = MemoryPublisher()
    run_edges(load_edges(hub).values(), hub, RunnerOptions(), lambda _domain: live)
    assert [event.source_ref for event in live.events] == ["JJ0007"]
