"""A file is cut, written anew, renamed or copied away while a connector follows it, or between two runs: no row is lost."""

from __future__ import annotations

import gzip
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.model.event import CaseEvent
from hub.sdk.manifest import find_manifest
from hub.sdk.running.runner import RunnerOptions, Summary, run_source
from hub.sdk.sources.file.join import Input
from hub.sdk.sources.file.rotation import written_after
from hub.settings import Settings
from hub.testing.files import POLICE_COLUMNS, csv_text, police_file, police_row
from hub.testing.source_suite import MemoryPublisher

POLICE = find_manifest("police")
_WITHIN_SECONDS = 120


def rows_of(*numbers: int) -> str:
    """Rows as they stand in the file, with a line end behind each."""
    return csv_text(police_row(numbers[0]), [police_row(number) for number in numbers[1:]]) if numbers else ""


def table(*numbers: int) -> str:
    return csv_text(POLICE_COLUMNS, []) + rows_of(*numbers)


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


class Heard(MemoryPublisher):
    """Lets the writer wait until something was published."""

    def __init__(self) -> None:
        super().__init__()
        self._some = threading.Condition()
        self._failed: BaseException | None = None

    def send(self, event: CaseEvent) -> None:
        with self._some:
            super().send(event)
            self._some.notify_all()

    @property
    def numbers(self) -> list[int]:
        start = int(police_row(0)[4])
        return [(int(event.reported_at) - start) // 60_000 for event in self.events]

    def wait(self, *numbers: int) -> None:
        with self._some:
            assert self._some.wait_for(lambda: self._failed or set(numbers) <= set(self.numbers), _WITHIN_SECONDS)
        assert self._failed is None

    def fail(self, error: BaseException) -> None:
        with self._some:
            self._failed = error
            self._some.notify_all()


def once(file: Path, publisher: MemoryPublisher | None = None, **more: object) -> tuple[Summary, list[int]]:
    publisher = publisher or Heard()
    options = RunnerOptions(cursor_dir=file.parent / "cursors", stop=publisher.stop, settle_seconds=0.0, **more)  # type: ignore[arg-type]
    summary = run_source(POLICE, [Input(file=file)], Settings(), options, publisher)
    assert isinstance(publisher, Heard)
    return summary, publisher.numbers


@contextmanager
def following(file: Path) -> Iterator[Heard]:
    """A connector at work; at the end it is stopped, and must end by itself."""
    heard, failed = Heard(), []

    def work() -> None:
        try:
            once(file, heard, follow=True)
        except BaseException as error:  # noqa: BLE001 - shown by the test
            failed.append(error)
            heard.fail(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        heard.stop.set()
        thread.join(_WITHIN_SECONDS)
        assert not thread.is_alive()
        assert not failed


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return police_file(tmp_path / "calls.csv", 3)


def renamed(file: Path, name: str = "calls.csv.1") -> Path:
    return file.rename(file.with_name(name))


def test_a_file_that_is_cut_in_place_is_read_from_its_start(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    with following(file) as heard:
        heard.wait(0, 1, 2)
        file.write_text(table(3), encoding="utf-8")
        heard.wait(3)
        append(file, rows_of(4))
        heard.wait(4)
    assert sorted(heard.numbers) == [0, 1, 2, 3, 4]
    assert caplog.text.count("calls.csv was") == 1


def test_a_file_that_is_written_anew_is_read_from_its_start(file: Path) -> None:
    with following(file) as heard:
        heard.wait(0, 1, 2)
        file.write_text(table(9, 8, 7, 6, 5, 4, 3), encoding="utf-8")
        heard.wait(9, 8, 7, 6, 5, 4, 3)
    assert sorted(heard.numbers) == list(range(10))


def test_of_a_file_that_is_copied_and_cut_what_was_not_read_is_read_from_the_copy(file: Path) -> None:
    once(file)
    append(file, rows_of(3, 4))
    shutil.copy(file, file.with_name("calls.csv.1"))
    file.write_text(table(5), encoding="utf-8")
    with following(file) as heard:
        heard.wait(3, 4, 5)
    assert heard.numbers == [3, 4, 5]


def test_a_file_that_is_renamed_is_read_to_its_end_and_then_the_new_one(file: Path) -> None:
    with following(file) as heard:
        heard.wait(0, 1, 2)
        old = renamed(file)
        append(old, rows_of(3))
        heard.wait(3)
        append(old, rows_of(4))
        file.write_text(table(5, 6), encoding="utf-8")
        heard.wait(4, 5, 6)
        append(file, rows_of(7))
        heard.wait(7)
    assert heard.numbers == list(range(8))


def test_files_are_renamed_again_and_again(file: Path) -> None:
    with following(file) as heard:
        for turn in range(1, 5):
            heard.wait(*range(3 * turn))
            renamed(file, f"calls.csv.{20260100 + turn}")
            file.write_text(table(*range(3 * turn, 3 * turn + 3)), encoding="utf-8")
        heard.wait(*range(15))
    assert heard.numbers == list(range(15))


def test_a_writer_that_never_waits_for_the_reader(file: Path) -> None:
    number = 3
    with following(file) as heard:
        for turn in range(60):
            for row in (rows_of(number), rows_of(number + 1)):
                append(file, row[: 5 * (turn % 7)])
                append(file, row[5 * (turn % 7) :])
            number += 2
            if turn % 4 == 0:
                heard.wait(0)
                for old in sorted(file.parent.glob("calls.csv.*"), key=lambda each: -int(each.suffix[1:])):
                    old.rename(file.with_name(f"calls.csv.{int(old.suffix[1:]) + 1}"))
                renamed(file)
                file.write_text(table(), encoding="utf-8")
        heard.wait(number - 1)
    assert heard.numbers == list(range(number))
    assert not heard.letters


@pytest.mark.parametrize("name", ["calls.csv.1", "calls-20260106.csv", "kept by somebody.csv"])
@pytest.mark.parametrize("follow", [False, True])
def test_a_file_that_was_renamed_between_two_runs_is_found_by_what_was_read(
    file: Path, name: str, follow: bool
) -> None:
    police_file(file.with_name("calls.csv.9"), 2)  # one with the same beginning, and another that is none
    file.with_name("notes.txt").write_text("other", "utf-8")
    once(file)
    append(file, rows_of(3, 4))
    renamed(file, name)
    file.write_text(table(5), encoding="utf-8")
    if not follow:
        assert once(file)[1] == [3, 4, 5]
        return
    with following(file) as heard:
        heard.wait(5)
        append(file, rows_of(6))
        heard.wait(6)
    assert heard.numbers == [3, 4, 5, 6]


def test_files_that_were_renamed_twice_and_packed_between_two_runs(file: Path) -> None:
    once(file)
    append(file, rows_of(3))
    packed = gzip.compress(file.read_bytes())
    file.with_name("calls.csv.3.gz").write_bytes(packed)
    file.with_name("calls.csv.2").write_text(table(4, 5), "utf-8")
    file.with_name("calls.csv.1").write_text(table(6), "utf-8")
    file.write_text(table(7), encoding="utf-8")
    assert once(file)[1] == [3, 4, 5, 6, 7]
    assert once(file)[1] == []


def test_a_stop_at_any_row_of_files_that_were_renamed_loses_nothing(file: Path) -> None:
    once(file)
    append(file, rows_of(3))
    renamed(file, "calls.csv.2")
    file.with_name("calls.csv.1").write_text(table(4, 5), "utf-8")
    file.write_text(table(6), encoding="utf-8")
    found: list[int] = []
    for _ in range(6):
        heard = Heard()
        heard._stop_at = 1
        found += once(file, heard)[1]
    assert found == [3, 4, 5, 6]


def test_the_last_line_of_a_renamed_file_is_whole_if_it_has_all_columns(file: Path) -> None:
    with following(file) as heard:
        heard.wait(0, 1, 2)
        append(file, rows_of(3)[:-1])
        renamed(file)
        file.write_text(table(4)[:-10], encoding="utf-8")
        heard.wait(3)
        renamed(file, "calls.csv.0")
        file.write_text(table(5), encoding="utf-8")
        heard.wait(5)
    assert heard.numbers == [0, 1, 2, 3, 5]
    assert [(letter.reason, letter.line) for letter in heard.letters] == [("bad_row", 2)]


def test_halves_of_rows_are_put_together(file: Path) -> None:
    with following(file) as heard:
        for number in range(3, 8):
            row = rows_of(number)
            append(file, row[:-7])
            append(file, row[-7:-1])
            heard.wait(number - 1)
            append(file, "\n")
    assert sorted(set(heard.numbers)) == sorted(heard.numbers)
    assert set(range(7)) <= set(heard.numbers)
    assert not heard.letters


@pytest.mark.parametrize("begun", ["", "JJDBH,X"])
def test_it_can_be_stopped_before_the_header_is_there(tmp_path: Path, begun: str) -> None:
    file = tmp_path / "calls.csv"
    file.write_text(begun, "utf-8")
    with following(file) as heard:
        pass
    assert not heard.events


def test_a_file_given_under_another_name_is_known(file: Path) -> None:
    once(file)
    new = renamed(file, "renamed by its owner.csv")
    append(new, rows_of(3))
    assert once(new)[1] == [3]
    other = police_file(file.with_name("other.csv"), 2)
    assert once(other)[1] == [0, 1]


def test_the_cursor_is_of_what_was_read_and_not_of_what_lies_there_by_then(file: Path) -> None:
    class Spoiling(Heard):
        """Writes the file anew after it was read, before the cursor is saved."""

        def flush(self) -> None:
            file.write_text(table(7, 8, 9), encoding="utf-8")

    assert once(file, Spoiling())[1] == [0, 1, 2]
    assert once(file)[1] == [7, 8, 9]


@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_whatever_is_done_between_runs_every_row_comes_once(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("rotated") / "calls.csv"
    file.write_text(table(), "utf-8")
    found: list[int] = []
    number = turn = 0
    for move in data.draw(st.lists(st.sampled_from(["append", "rename", "copy", "run"]), min_size=4, max_size=14)):
        if move == "append":
            append(file, rows_of(number, number + 1))
            number += 2
        elif move == "run":
            found += once(file)[1]
        else:
            if not found or file.read_text("utf-8") == table():
                continue  # a file of which nothing was read is no file's continuation
            turn += 1
            kept = file.with_name(f"calls.csv.{20260100 + turn}")
            (file.rename if move == "rename" else lambda to: shutil.copy(file, to))(kept)
            file.write_text(table(), "utf-8")
    found += once(file)[1]
    assert found == list(range(number))


def test_the_order_of_renamed_files(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    for name in (
        "calls.csv",
        "calls.csv.1",
        "calls.csv.2",
        "calls.csv.2.gz",
        "calls.csv.10.gz",
        "calls.csv.bak",
        "x.csv.1",
    ):
        (tmp_path / name).touch()
    for name in ("calls-2026-01-05.csv", "calls-2026-01-06.csv", "calls-2026-01-07.csv.gz"):
        (tmp_path / name).touch()

    def names(own: str) -> list[str]:
        return [each.name for each in written_after(path, tmp_path / own)]

    assert names("calls.csv.10.gz") == ["calls.csv.2", "calls.csv.1"]
    assert names("calls.csv.1") == names("calls.csv.bak") == []
    assert names("calls-2026-01-05.csv") == ["calls-2026-01-06.csv", "calls-2026-01-07.csv.gz"]
