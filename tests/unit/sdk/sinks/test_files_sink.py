"""A file a day: whole or not at all, each delivery once over kills, by the city's day, and nothing that a spreadsheet runs."""

from __future__ import annotations

import csv
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from python_calamine import CalamineWorkbook

from hub.sdk.errors import PositionLostError, TransientError
from hub.sdk.sink_contract import Delivery, DeliveryBatch, DeliveryPlace, SinkContext
from hub.sdk.sinks.files.sink import FilesSettings, FilesSink
from hub.sdk.sinks.rows import STREAM_COLUMNS
from hub.sdk.streams import Stream
from hub.testing.sink_conformance import SinkBench, SinkConformance
from hub.testing.sinks import NOON_MS, order, reply

DAY_MS = 86_400_000
PLACE = DeliveryPlace("dept.roads.orders", 0)


def sink(folder: Path, **settings: Any) -> FilesSink:
    config = FilesSettings.model_validate({"folder": folder, "every_seconds": 0, **settings})
    return FilesSink(config, SinkContext("files", zone=ZoneInfo("Asia/Shanghai")))


def rows(folder: Path) -> list[list[str]]:
    """Of all files, without their headers."""
    found: list[list[str]] = []
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            found += list(csv.reader(file))[1:]
    return found


def xlsx_rows(folder: Path) -> list[list[str]]:
    found: list[list[str]] = []
    for path in sorted(folder.glob("*.xlsx")):
        found += CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()[1:]
    return found


@pytest.fixture(params=["csv", "xlsx"])
def format_(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestContract(SinkConformance):
    @pytest.fixture
    def bench(self, format_: str, tmp_path: Path) -> SinkBench:
        folder = tmp_path / "out"
        read = rows if format_ == "csv" else xlsx_rows

        @contextmanager
        def away() -> Iterator[None]:
            folder.touch()
            yield
            folder.unlink()

        return SinkBench(
            make=lambda: sink(folder, format=format_),
            arrived=lambda: [row[0] for row in read(folder)],
            away=away,
            cannot={"poison": "a cell takes any text, and a text that is too long is cut: no delivery is refused"},
        )


def changed(delivery: Delivery, **fields: Any) -> Delivery:
    return type(delivery)(**{**vars(delivery), **fields})


def write(target: FilesSink, *deliveries: Delivery) -> None:
    target.connect()
    try:
        target.write(DeliveryBatch(deliveries, {each.place: each.offset + 1 for each in deliveries}))
    finally:
        target.close()


def test_the_day_is_the_citys(tmp_path: Path) -> None:
    """18:00 in UTC is the next day in Shanghai, whenever it is written down."""
    evening = NOON_MS - NOON_MS % DAY_MS + 18 * 3_600_000
    write(sink(tmp_path), order(0), changed(order(1), written_ms=evening), reply(0))
    assert sorted(path.name for path in tmp_path.glob("*.csv")) == [
        "orders-2026-03-02.csv", "orders-2026-03-03.csv", "replies-2026-03-02.csv",
    ]  # fmt: skip
    assert "2026-03-02T12:00:00+08:00" in (tmp_path / "orders-2026-03-02.csv").read_text("utf-8")


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+86-1", "-1+1", "@SUM(A1)", "\tx", "＝1"])
def test_what_a_sender_wrote_is_no_formula(format_: str, text: str, tmp_path: Path) -> None:
    made = reply(0)
    write(sink(tmp_path, format=format_), changed(made, values={**made.values, "text": text}))
    (shown,) = rows(tmp_path) if format_ == "csv" else xlsx_rows(tmp_path)
    assert shown[STREAM_COLUMNS[Stream.REPLIES].index("text")] == f"'{text}"


def test_what_a_case_came_to_is_the_last_column(format_: str, tmp_path: Path) -> None:
    made = reply(0)
    write(sink(tmp_path, format=format_), changed(made, values={**made.values, "outcome": "mediated"}))
    (shown,) = rows(tmp_path) if format_ == "csv" else xlsx_rows(tmp_path)
    assert shown[-1] == "mediated"


def test_a_reader_sees_whole_files_only(tmp_path: Path) -> None:
    """Whatever is there at any time begins with the header and ends with a whole row."""
    target, ended, seen = sink(tmp_path), threading.Event(), []

    def look() -> None:
        while not ended.is_set():
            for path in tmp_path.glob("*.csv"):
                with suppress(FileNotFoundError):
                    seen.append(path.read_bytes())

    reader = threading.Thread(target=look)
    reader.start()
    target.connect()
    for number in range(60):
        target.write(DeliveryBatch([order(number)], {PLACE: number + 1}))
    until = time.monotonic() + 120
    while not seen and time.monotonic() < until:
        time.sleep(0.01)
    ended.set()
    reader.join()
    target.close()
    assert seen
    assert all(each.startswith(b"\xef\xbb\xbforder_id,") and each.endswith(b"\n") for each in seen)


def test_rows_of_a_killed_writer_that_did_not_count_are_not_shown(tmp_path: Path) -> None:
    """It dies between the rows and the position that covers them; then between the position and the file."""
    target = sink(tmp_path)
    write(target, order(0))
    (spooled,) = (tmp_path / ".cityhub").glob("orders-*.jsonl")
    with spooled.open("ab") as file:
        file.write(b'{"order_id": "O-1", "half a r')
    write(target, order(1))
    assert [row[0] for row in rows(tmp_path)] == ["O-0", "O-1"]
    for path in tmp_path.glob("*.csv"):
        path.write_text("order_id\n", "utf-8")  # as it was before
    state = tmp_path / ".cityhub" / "state.json"
    state.write_text(state.read_text("utf-8").replace('"shown":{"orders-2026-03-02":', '"shown":{"other":'), "utf-8")
    target.connect()
    target.idle()
    target.close()
    assert [row[0] for row in rows(tmp_path)] == ["O-0", "O-1"]


def test_two_do_not_write_to_one_folder(tmp_path: Path) -> None:
    first = sink(tmp_path)
    first.connect()
    with pytest.raises(TransientError, match="another process writes"):
        sink(tmp_path).connect()
    first.close()


def test_a_spoilt_state_is_an_alarm(tmp_path: Path) -> None:
    write(sink(tmp_path), order(0))
    (tmp_path / ".cityhub" / "state.json").write_text("{", "utf-8")
    with pytest.raises(PositionLostError, match="is not what was saved"):
        sink(tmp_path).connect()


def test_a_state_of_another_release_is_read(tmp_path: Path) -> None:
    """One of before has no ids of topics, one of later has more than this knows."""
    write(sink(tmp_path), order(0))
    state = tmp_path / ".cityhub" / "state.json"
    kept = json.loads(state.read_text("utf-8"))
    del kept["topic_ids"]
    state.write_text(json.dumps(kept | {"of a later release": 1}), "utf-8")
    target = sink(tmp_path)
    target.connect()
    assert (target.positions(), target.topic_ids()) == ({PLACE: 1}, {})
    target.write(DeliveryBatch([order(1)], {PLACE: 2}, {PLACE: "id"}))
    assert (target.positions(), target.topic_ids()) == ({PLACE: 2}, {PLACE: "id"})
    target.close()
    assert [row[0] for row in rows(tmp_path)] == ["O-0", "O-1"]


def test_a_days_file_is_not_written_anew_for_each_delivery(tmp_path: Path) -> None:
    target = sink(tmp_path, every_seconds=3600)
    target.connect()
    for number in range(3):
        target.write(DeliveryBatch([order(number)], {PLACE: number + 1}))
    assert [row[0] for row in rows(tmp_path)] == ["O-0"]
    target.close()
    assert [row[0] for row in rows(tmp_path)] == ["O-0", "O-1", "O-2"]
