"""What people have written goes into no file that everybody on the machine may read, whatever the umask of who started it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from hub.cli.main import cli
from hub.handed_out import handed_out
from hub.ledger.database import Database
from hub.sdk.sink_contract import DeliveryBatch, DeliveryPlace, Sink, SinkContext
from hub.sdk.sinks.files.sink import FilesSettings, FilesSink
from hub.sdk.sinks.sql.sink import SqlSettings, SqlSink
from hub.settings import ROOT
from hub.testing.sinks import order
from tests.unit.web.board.city_days import city_ledger

OTHERS = 0o007


@pytest.fixture(autouse=True)
def careless() -> Iterator[None]:
    """An umask that takes nothing from anybody."""
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


def csv_files(folder: Path) -> Sink:
    return FilesSink(FilesSettings(folder=folder, every_seconds=0), context())


def workbooks(folder: Path) -> Sink:
    return FilesSink(FilesSettings(folder=folder, every_seconds=0, format="xlsx"), context())


def tables(folder: Path) -> Sink:
    folder.mkdir(mode=0o750)
    return SqlSink(SqlSettings.model_validate({"url": f"sqlite:///{folder / 'orders.db'}", "create": True}), context())


def context() -> SinkContext:
    return SinkContext("out", zone=ZoneInfo("Asia/Shanghai"))


@pytest.mark.parametrize("made", [csv_files, workbooks, tables])
def test_sinks_write_for_their_owner_and_group(made: Callable[[Path], Sink], tmp_path: Path) -> None:
    folder = tmp_path / "out"
    sink = made(folder)
    sink.connect()
    sink.write(DeliveryBatch([order(0)], {DeliveryPlace("dept.roads.orders", 0): 1}))
    during = modes(folder)
    sink.close()
    found = {"": folder.stat().st_mode, **during, **modes(folder)}
    assert len(found) > 2 or made is tables
    assert not {name: oct(mode) for name, mode in found.items() if mode & OTHERS}


def test_a_file_that_a_killed_writer_left_to_everybody_is_not_taken_up(tmp_path: Path) -> None:
    test_sinks_write_for_their_owner_and_group(csv_files, tmp_path)
    (file,) = (tmp_path / "out").glob("*.csv")
    file.with_name(f".{file.name}.tmp").touch(mode=0o666)
    sink = csv_files(tmp_path / "out")
    sink.connect()
    sink.write(DeliveryBatch([order(1)], {DeliveryPlace("dept.roads.orders", 0): 2}))
    sink.close()
    assert oct(file.stat().st_mode & 0o777) == oct(0o640)


@pytest.mark.parametrize("argv", [["cases", "--csv"], ["cases", "--xlsx"], ["audit", "export", "--output"]])
def test_exports_are_for_their_owner_and_group(argv: list[str], tmp_path: Path) -> None:
    ledger: Database = city_ledger(tmp_path)
    ledger.close()
    to = tmp_path / "export"
    runner = CliRunner(env={"CITYHUB_STATE_DIR": str(tmp_path)})
    result = runner.invoke(cli, [*argv, str(to)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert oct(to.stat().st_mode & 0o777) == oct(0o640)


def test_what_a_back_test_says_of_each_report_is_for_its_owner_and_group(tmp_path: Path) -> None:
    (tmp_path / "updates.csv").write_text("source_ref,at,status\nH1,nonsense,closed\n")
    (tmp_path / "rows.jsonl").write_text(
        json.dumps(
            {
                "order": {"id": "H1", "revision": 0, "event": "opened"},
                "time": {"occurred": None, "reported": "2026-01-06T12:01:38.123+08:00"},
                "category": {"code": "road"}, "urgency": "routine", "place": {"address": "East Hill 1"},
                "title": "Pothole", "text": "Pothole", "channel": "phone", "photos": [],
            }
        )
        + "\n"
    )  # fmt: skip
    argv = ["backtest", "--city", str(ROOT / "ops/cities/demo"), "--events", str(tmp_path / "rows.jsonl")]
    argv += ["--mapping", "hotline/demo", "--updates", str(tmp_path / "updates.csv"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(cli, argv, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    of_reports = {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "out").glob("*.csv")}
    assert of_reports == dict.fromkeys(("decisions.csv", "marked.csv", "rejects.csv"), oct(0o640))


def test_a_stricter_umask_has_its_way_and_so_has_who_owns_the_file(tmp_path: Path) -> None:
    os.umask(0o077)
    with open(tmp_path / "new", "w", opener=handed_out) as file:
        file.write("words")
    (tmp_path / "there").touch()
    (tmp_path / "there").chmod(0o644)
    with open(tmp_path / "there", "w", opener=handed_out) as file:
        file.write("words")
    assert modes(tmp_path) == {"new": 0o600, "there": 0o644}
