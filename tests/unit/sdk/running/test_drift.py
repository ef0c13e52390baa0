"""Columns that come or go are counted, shown and said once; without one that every item needs the edge stops."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from hub.sdk.contract import Batch, Config, Context, Item, Position, Source
from hub.sdk.errors import EdgeError
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import discover, find_manifest
from hub.sdk.mapping.mapping import Mapping, load_mapping
from hub.sdk.running.drift import ColumnDrift, column_label
from hub.sdk.running.positions import PositionFile
from hub.sdk.running.runner import Run, RunnerOptions
from hub.sdk.running.status import Board
from hub.sdk.sources.file.join import Input
from hub.sdk.sources.file.source import FileSource, file_config
from hub.testing.files import POLICE_COLUMNS, police_row
from hub.testing.source_suite import MemoryPublisher

POLICE = find_manifest("police")
ROW = dict(zip(POLICE_COLUMNS, police_row(1), strict=True))


class Rows(Source):
    """These rows, one a batch."""

    def __init__(self, rows: Sequence[dict[str, Any]], context: Context) -> None:
        super().__init__(Config(), context)
        self.rows, self.at = rows, 0

    def check(self) -> str:
        return "rows"

    def connect(self, position: Position | None) -> None:
        self.at = (position or {"at": 0})["at"]

    def read(self, timeout_seconds: float) -> Batch:
        items = [Item(row, "rows", self.at + 1) for row in self.rows[self.at : self.at + 1]]
        self.at += 1
        return Batch(items, {"at": self.at}, last=self.at >= len(self.rows))

    def close(self) -> None: ...


class Bench:
    def __init__(self, folder: Path) -> None:
        self.intake = MappingSet(POLICE)
        self.board = Board("calls", "police", folder)
        self.publisher = MemoryPublisher()
        self.position = PositionFile(folder / "calls.json")

    def run(self, rows: Sequence[dict[str, Any]]) -> None:
        source = Rows(rows, Context("police", self.intake.outcome, self.intake.mapping))
        Run(source, self.intake, self.position, RunnerOptions(), self.publisher, self.board).run()

    def counted(self, what: str) -> float:
        return REGISTRY.get_sample_value("hub_connector_drift_columns", {"edge": "calls", "what": what}) or 0.0

    def shown(self) -> tuple[Sequence[str], Sequence[str]]:
        status = Board.read("calls", "police", self.board._path.parent if self.board._path else Path())
        return status.appeared, status.vanished


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def rows(count: int, without: str = "", **more: str) -> list[dict[str, Any]]:
    return [
        {**{key: value for key, value in ROW.items() if key != without}, "JJDBH": f"P-{at}", **more}
        for at in range(count)
    ]


def test_a_column_that_comes_is_said_once_and_goes_on(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.run([*rows(3), *rows(5, squad="7")])
    assert len(bench.publisher.events) == 8
    assert (bench.counted("appeared"), bench.shown()) == (1, (("'squad'",), ()))
    assert caplog.text.count("'squad'") == 1


def test_a_column_that_stays_away_is_said_and_its_return_too(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.run([*rows(99, without="JQBT"), *rows(1), *rows(100, without="JQBT")])
    assert caplog.text.count("'JQBT' does not come any more, from which title is read") == 1
    assert (bench.counted("vanished"), bench.shown()) == (1, ((), ("'JQBT'",)))
    bench.run([*rows(200), *rows(100, without="JQBT"), *rows(1)])
    assert "'JQBT' is there again" in caplog.text
    assert (bench.counted("vanished"), bench.shown()) == (0, ((), ()))


def test_without_a_column_that_all_need_the_edge_stops_and_names_who_reads_it(bench: Bench) -> None:
    with pytest.raises(EdgeError, match="column 'BJSJ' is gone, from which reported_at is read"):
        bench.run([*rows(3), *rows(30, without="BJSJ")])
    assert (len(bench.publisher.events), len(bench.publisher.letters)) == (3, 20)
    stored = bench.position.load()
    assert stored is not None
    assert stored.position == {"at": 23}, "behind what was set aside"


@given(st.text(max_size=80))
def test_a_name_that_may_be_somebodys_is_not_shown(name: str) -> None:
    said = column_label(name)
    assert name in said or said == "one whose name is not shown"
    assert "13800138000" not in column_label(f"phone 13800138000 {name}")


def test_names_are_bounded(bench: Bench) -> None:
    bench.run([{**ROW, f"c{at}": ""} for at in range(200)])
    assert bench.counted("appeared") == 50


def _fixtures() -> Iterator[tuple[str, str, Path]]:
    for name, manifest in discover().items():
        for mapping in manifest.mappings:
            for file in sorted((manifest.folder / "fixtures").glob(f"{mapping}.*")):
                if ".join" not in file.suffixes:
                    yield name, mapping, file


@pytest.mark.parametrize(("name", "mapping", "file"), [*_fixtures()], ids=lambda each: str(getattr(each, "name", each)))
def test_our_own_mappings_expect_every_column_of_their_fixtures(
    name: str, mapping: str, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    intake = MappingSet(find_manifest(name))
    join = file.with_name(f"{mapping}.join.csv")
    given_ = Input(file=file, mapping=mapping, join=join if join.exists() else None)
    source = FileSource(file_config(inputs=(given_,)), Context(name, intake.outcome, intake.mapping))
    drift = ColumnDrift(intake.mapping, Board(name, name, None))
    with caplog.at_level(logging.WARNING):
        for item in source.sample(200):
            if item.values is not None:
                drift.note(item.mapping, item.values.keys())
    assert (drift.appeared, drift.vanished) == (set(), {})


def test_an_object_that_is_empty_is_no_column_that_is_gone() -> None:
    mapping: Mapping = load_mapping(find_manifest("hotline").mapping_path("demo"))
    drift = ColumnDrift(lambda _: mapping, Board("hotline", "hotline", None))
    whole = dict.fromkeys(mapping.file_columns(), "")
    empty = {name.partition(".")[0]: None for name in whole}
    assert any("." in name for name in whole)
    for _ in range(300):
        assert drift.note(None, empty.keys()) is None
    assert (drift.appeared, drift.vanished) == (set(), {})


def test_what_the_source_adds_by_itself_is_no_drift() -> None:
    mapping: Mapping = load_mapping(find_manifest("hotline").mapping_path("demo"))
    drift = ColumnDrift(lambda _: mapping, Board("hotline", "hotline", None), ("mqtt.",))
    columns = dict.fromkeys(mapping.file_columns(), "") | {"mqtt.retained": False, "mqttx": 1}
    drift.note(None, columns.keys())
    assert drift.appeared == {"mqttx"}
