"""Who reads a file that is followed has an answer in time, whatever its writer leaves half done: the edge hears that it is to
pause, stores how far it is, and says that nothing comes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub.sdk.contract import Batch, Context
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import find_manifest
from hub.sdk.sources.file.source import FileConfig, FileSource
from hub.testing.files import POLICE_COLUMNS, csv_text, police_file, police_row
from tests.waiting import PATIENCE_SECONDS

ROW = csv_text(police_row(2), [])


def begin_a_row(file: Path) -> None:
    _append(file, ROW[:20])


def finish_it(file: Path) -> None:
    _append(file, ROW[20:])


def open_a_quote(file: Path) -> None:
    _append(file, _quoted()[:-10])


def close_it(file: Path) -> None:
    _append(file, _quoted()[-10:])


def _quoted() -> str:
    """A row of which a text spans lines, the last of them short."""
    cells = [f'"{cell}"' for cell in police_row(2)]
    cells[-1] = '"one\ntwo"'
    return ",".join(cells) + "\n"


def rotate(file: Path) -> None:
    file.rename(file.with_name("calls.csv.1"))
    file.touch()


def rotate_with_header(file: Path) -> None:
    file.rename(file.with_name("calls.csv.1"))
    file.write_text(csv_text(POLICE_COLUMNS, []), "utf-8")


def take_away(file: Path) -> None:
    file.rename(file.with_name("calls.csv.1"))


def fill(file: Path) -> None:
    file.write_text(csv_text(POLICE_COLUMNS, [police_row(2)]), "utf-8")


def _append(file: Path, text: str) -> None:
    with file.open("a", encoding="utf-8", newline="") as out:
        out.write(text)


def follower(file: Path, stop: threading.Event) -> FileSource:
    intake = MappingSet(find_manifest("police"))
    return FileSource(
        FileConfig(file=file, follow=True, settle_seconds=0.0),
        Context("police", intake.outcome, intake.mapping, stop),
    )


class Reading:
    """Reads in a thread, so that a read that does not come back fails a test and does not hang it."""

    def __init__(self, source: FileSource, stop: threading.Event) -> None:
        self.source, self._stop = source, stop
        self._thread = ThreadPoolExecutor(1)
        self.numbers: list[str] = []

    def once(self) -> Batch:
        reading = self._thread.submit(self.source.read, 0.0)
        try:
            batch = reading.result(PATIENCE_SECONDS)
        except TimeoutError:
            self._stop.set()
            pytest.fail("reading does not come back")
        self.numbers += [item.values[POLICE_COLUMNS[0]] for item in batch.items if item.values]
        return batch

    def until(self, rows: int) -> None:
        while len(self.numbers) < rows:
            self.once()


@pytest.mark.parametrize(
    ("halve", "complete"),
    [
        (begin_a_row, finish_it),
        (open_a_quote, close_it),
        (rotate, fill),
        (rotate_with_header, fill),
        (take_away, fill),
    ],
)
def test_reading_comes_back(halve: Callable[[Path], None], complete: Callable[[Path], None], tmp_path: Path) -> None:
    file, stop = police_file(tmp_path / "calls.csv", 2), threading.Event()
    source = follower(file, stop)
    source.connect(None)
    reading = Reading(source, stop)
    reading.until(2)
    halve(file)
    for _ in range(3):
        assert not reading.once().items
    complete(file)
    reading.until(3)
    assert reading.numbers == [police_row(number)[0] for number in range(3)]
    source.close()


def test_it_can_be_closed_and_connected_again_while_it_waits(tmp_path: Path) -> None:
    """As an edge that is told to pause does, and to resume."""
    file, stop = police_file(tmp_path / "calls.csv", 2), threading.Event()
    source, position = follower(file, stop), None
    source.connect(None)
    reading = Reading(source, stop)
    while len(reading.numbers) < 2:
        position = reading.once().after or position
    begin_a_row(file)
    reading.once()
    source.close()
    finish_it(file)
    source.connect(position)
    reading.until(3)
    assert reading.numbers == [police_row(number)[0] for number in range(3)]
    source.close()


def test_a_file_that_is_away_when_it_is_connected_is_waited_for_in_reading(tmp_path: Path) -> None:
    file, stop = police_file(tmp_path / "calls.csv", 2), threading.Event()
    source = follower(file, stop)
    source.connect(None)
    reading, position = Reading(source, stop), None
    while len(reading.numbers) < 2:
        position = reading.once().after or position
    source.close()
    file.unlink()
    connecting = threading.Thread(target=source.connect, args=[position], daemon=True)
    connecting.start()
    connecting.join(PATIENCE_SECONDS)
    if connecting.is_alive():
        stop.set()
    assert not connecting.is_alive()
    assert not reading.once().items
    fill(file)
    reading.until(3)
    source.close()
