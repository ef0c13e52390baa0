"""Files that were rotated more than once since somebody looked: Kafka was away, or the connector. What still lies there is read."""

from __future__ import annotations

import gzip
import os
import threading
from pathlib import Path

import pytest

from hub.sdk.contract import Context, Position
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import find_manifest
from hub.sdk.sources.file.source import FileConfig, FileSource
from hub.testing.files import POLICE_COLUMNS, csv_text, police_file, police_row

HOUR_SECONDS = 3600


class Follower:
    """A connector that reads only when it is told to."""

    def __init__(self, file: Path) -> None:
        intake = MappingSet(find_manifest("police"))
        self.said: list[str] = []
        context = Context("police", intake.outcome, intake.mapping, threading.Event(), self.said.append)
        self._source = FileSource(FileConfig(file=file, follow=True, settle_seconds=0.0), context)
        self._position: Position | None = None
        self.calls: list[str] = []
        self._source.connect(None)

    def read(self, *numbers: int) -> None:
        """Until these rows have come, of whatever else comes."""
        wanted = {police_row(number)[0] for number in numbers}
        while not wanted <= set(self.calls):
            batch = self._source.read(1.0)
            self.calls += [item.values[POLICE_COLUMNS[0]] for item in batch.items if item.values]
            self._position = batch.after or self._position

    def restart(self) -> None:
        self._source.close()
        self._source.connect(self._position)

    def close(self) -> None:
        self._source.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return police_file(tmp_path / "calls.csv", 2)


def write(file: Path, number: int, *, hours: int) -> None:
    """A file with one row, changed last so many hours after the first."""
    file.write_text(csv_text(POLICE_COLUMNS, [police_row(number)]), "utf-8")
    date(file, hours)


def date(file: Path, hours: int) -> None:
    os.utime(file, times=(1e9 + hours * HOUR_SECONDS, 1e9 + hours * HOUR_SECONDS))


def pack(file: Path) -> None:
    """As gzip does: the name is another file's, its time the same."""
    packed, at = file.with_name(file.name + ".gz"), file.stat().st_mtime
    packed.write_bytes(gzip.compress(file.read_bytes()))
    os.utime(packed, times=(at, at))
    file.unlink()


def rotate(file: Path, number: int, *, hours: int, keep: int = 9) -> None:
    """Rename all that is there, drop the oldest, and begin anew with one row."""
    for old in range(keep, 0, -1):
        for suffix in ("", ".gz"):
            lying = file.with_name(f"{file.name}.{old}{suffix}")
            if lying.exists() and old == keep:
                lying.unlink()
            elif lying.exists():
                lying.rename(file.with_name(f"{file.name}.{old + 1}{suffix}"))
    file.rename(file.with_name(f"{file.name}.1"))
    write(file, number, hours=hours)


def test_rotated_beyond_what_was_read_while_the_connector_was_away(file: Path) -> None:
    """Of what was read no file is left, of what came after it two are."""
    date(file, 0)
    follower = Follower(file)
    follower.read(0, 1)
    for number in range(2, 6):
        rotate(file, number, hours=number, keep=2)
    follower.restart()
    follower.read(3, 4, 5)
    follower.close()
    assert follower.calls == [police_row(number)[0] for number in (0, 1, 3, 4, 5)]
    assert "reading calls.csv.2, what was renamed after that, and then the new file" in follower.said[0]


def test_rotated_and_packed_twice_while_a_connector_did_not_look(file: Path) -> None:
    date(file, 0)
    follower = Follower(file)
    follower.read(0, 1)
    rotate(file, 2, hours=1)
    pack(file.with_name("calls.csv.1"))
    rotate(file, 3, hours=2)
    follower.read(2, 3)
    follower.close()
    assert follower.calls == [police_row(number)[0] for number in range(4)]


def test_cut_in_place_and_renamed_while_a_connector_did_not_look(file: Path) -> None:
    follower = Follower(file)
    follower.read(0, 1)
    write(file, 2, hours=1)
    rotate(file, 3, hours=2)
    rotate(file, 4, hours=3)
    follower.read(2, 3, 4)
    follower.close()
    assert follower.calls == [police_row(number)[0] for number in range(5)]


def test_replaced_and_renamed_while_a_connector_did_not_look(file: Path) -> None:
    date(file, 0)
    follower = Follower(file)
    follower.read(0, 1)
    write(new := file.with_name("new"), 2, hours=1)
    new.replace(file)
    rotate(file, 3, hours=2)
    follower.read(2, 3)
    follower.close()
    assert follower.calls == [police_row(number)[0] for number in range(4)]


def test_what_was_read_long_ago_is_not_read_again_where_a_file_is_written_anew(file: Path) -> None:
    """A year of files lies beside it, and all of them were done."""
    write(file.with_name("calls.csv.2"), 8, hours=-2)
    write(file.with_name("calls.csv.1"), 9, hours=-1)
    date(file, 0)
    follower = Follower(file)
    follower.read(0, 1)
    write(file, 2, hours=1)
    follower.restart()
    follower.read(2)
    follower.close()
    assert follower.calls == [police_row(number)[0] for number in range(3)]
