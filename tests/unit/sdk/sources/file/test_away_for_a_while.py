"""A file system that does not answer, a right that is taken away, a share that is not mounted: all of it passes, and reading goes
on behind what was read."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from hub.errors import FatalError
from hub.sdk.contract import Context, Position
from hub.sdk.errors import TransientError
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import find_manifest
from hub.sdk.sources.file import watched
from hub.sdk.sources.file.source import FileConfig, FileSource
from hub.testing.files import POLICE_COLUMNS, csv_text, police_file, police_row

REAL_PREAD = os.pread
REAL_OPEN = watched.open_regular


class Reader:
    """Reads as its runner would: from the position that was stored last."""

    def __init__(self, file: Path) -> None:
        intake = MappingSet(find_manifest("police"))
        context = Context("police", intake.outcome, intake.mapping, threading.Event(), lambda said: None)
        self._source = FileSource(FileConfig(file=file, follow=True, settle_seconds=0.0), context)
        self._position: Position | None = None
        self.calls: list[str] = []

    def connect(self) -> None:
        self._source.connect(self._position)

    def read(self, count: int) -> None:
        """Until there are so many rows in all."""
        while len(self.calls) < count:
            self.once()

    def once(self) -> None:
        batch = self._source.read(0.2)
        self.calls += [item.values[POLICE_COLUMNS[0]] for item in batch.items if item.values]
        self._position = batch.after or self._position

    def close(self) -> None:
        self._source.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "share").mkdir()
    return police_file(tmp_path / "share" / "calls.csv", 2)


@pytest.fixture
def reader(file: Path) -> Any:
    reading = Reader(file)
    reading.connect()
    reading.read(2)
    yield reading
    reading.close()


def add(file: Path, number: int) -> None:
    with file.open("a", encoding="utf-8", newline="") as out:
        out.write(csv_text(POLICE_COLUMNS, [police_row(number)]).split("\n", 1)[1])


def denied(path: Path) -> BinaryIO:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def until_it_passes(reader: Reader) -> None:
    with pytest.raises(TransientError):
        reader.read(1_000)
    reader.close()


@pytest.mark.parametrize("code", [errno.ESTALE, errno.EIO, errno.ETIMEDOUT, errno.ENOTCONN])
def test_a_file_system_that_does_not_answer_is_waited_for(
    code: int, file: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(number: int, size: int, offset: int) -> bytes:
        raise OSError(code, os.strerror(code))

    add(file, 2)
    monkeypatch.setattr(os, "pread", away)
    until_it_passes(reader)
    monkeypatch.setattr(os, "pread", REAL_PREAD)
    reader.connect()
    reader.read(3)
    assert reader.calls == [police_row(number)[0] for number in range(3)]


@pytest.mark.parametrize("rotated", [True, False])
def test_a_right_that_is_taken_away_and_given_back(
    rotated: bool, file: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    if rotated:  # who rotates makes the new file first, and gives the right to it then
        file.rename(file.with_name("calls.csv.1"))
        file.write_text(csv_text(POLICE_COLUMNS, [police_row(2)]), "utf-8")
    else:
        add(file, 2)
    monkeypatch.setattr(watched, "open_regular", lambda path: denied(path) if path == file else REAL_OPEN(path))
    if not rotated:  # who has it open may go on; who starts again may not
        reader.close()
        reader.connect()
    until_it_passes(reader)
    monkeypatch.setattr(watched, "open_regular", REAL_OPEN)
    reader.connect()
    reader.read(3)
    assert reader.calls == [police_row(number)[0] for number in range(3)]


def test_a_file_that_was_never_read_is_to_be_mended_by_somebody(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "open_regular", denied)
    with pytest.raises(FatalError, match="cannot be opened"):
        Reader(file).connect()


def test_a_share_that_is_mounted_again_is_not_read_from_the_start(file: Path, reader: Reader) -> None:
    reader.close()
    away = file.parent.rename(file.parent.with_name("elsewhere"))
    file.parent.mkdir()  # where it is to be mounted
    reader.connect()
    for _ in range(3):
        reader.once()
    file.parent.rmdir()
    away.rename(file.parent)
    add(file, 2)
    reader.read(3)
    assert reader.calls == [police_row(number)[0] for number in range(3)]
