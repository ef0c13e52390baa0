"""A writer and a reader in processes of their own, and the reader is killed: nothing is lost, and the order stays."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.settings import ROOT
from hub.testing.files import POLICE_COLUMNS, csv_text, police_file, police_row
from tests.processes import started
from tests.unit.sdk.sources.folder.inbox import said

_LIMIT_SECONDS, _KILLS = 120.0, 3


def _until(what: Callable[[], bool]) -> None:
    limit = time.monotonic() + _LIMIT_SECONDS
    while not what():
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.02)


def _lines(log: Path) -> list[str]:
    return log.read_text("utf-8").splitlines() if log.exists() else []


def _read_and_kill(
    where: Path, tmp_path: Path, write: Callable[[int], None], parts: int, over: Callable[[], bool]
) -> list[str]:
    """What a reader published that was killed three times while `write` wrote part by part, and then came to the end."""
    log = tmp_path / "log"
    command = [sys.executable, "-m", "tests.unit.sdk.sources.folder.reading", str(where), str(tmp_path / "s"), str(log)]
    third = parts // _KILLS
    for life in range(_KILLS + 1):
        with started(command, cwd=ROOT) as reader:
            before, first = len(_lines(log)), life * third
            if not life:  # of files that were rotated away before it has begun nobody has told it
                write(first)
                _until((tmp_path / "s" / "p.json").exists)
                first += 1
            for part in range(first, (life + 1) * third) if life < _KILLS else ():
                write(part)
            if life < _KILLS:
                _until(lambda: len(_lines(log)) > before)  # noqa: B023 - called at once
            else:
                _until(over)
            os.kill(reader.pid, signal.SIGKILL)
    return _lines(log)


@pytest.mark.crash
def test_a_writer_drops_files_while_the_reader_is_killed_again_and_again(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    rows, files = 25, 39

    def write(part: int) -> None:
        numbers = range(part * rows, (part + 1) * rows)
        hidden = inbox / f"calls-{part}.csv.tmp"
        hidden.write_text(csv_text(POLICE_COLUMNS, [police_row(number) for number in numbers]), "utf-8")
        hidden.rename(inbox / f"calls-{part}.csv")

    def over() -> bool:
        return not any(inbox.glob("*.csv")) and len(list((inbox / "done").glob("*.csv"))) == files

    published = _read_and_kill(inbox, tmp_path, write, files, over)
    _require_all_in_order(published, rows * files)


@pytest.mark.crash
def test_a_writer_rotates_its_file_while_the_reader_is_killed_again_and_again(tmp_path: Path) -> None:
    path, rows, parts = tmp_path / "live" / "calls.csv", 25, 39
    police_file(_made(path), 0)

    def write(part: int) -> None:
        if part % 7 == 6:
            for old in range(part // 7, 0, -1):
                rotated = path.with_name(f"calls.csv.{old}")
                if rotated.exists():
                    rotated.rename(path.with_name(f"calls.csv.{old + 1}"))
            path.rename(path.with_name("calls.csv.1"))
            police_file(path, 0)
        with path.open("a", encoding="utf-8", newline="") as file:
            text = csv_text((), [police_row(number) for number in range(part * rows, (part + 1) * rows)])
            file.write(text.lstrip("\n"))

    wanted = {f"{ref} {revision}" for ref, revision in said(*range(rows * parts))}
    published = _read_and_kill(path, tmp_path, write, parts, lambda: set(_lines(tmp_path / "log")) == wanted)
    _require_all_in_order(published, rows * parts)


def _made(path: Path) -> Path:
    path.parent.mkdir()
    return path


def _require_all_in_order(published: list[str], count: int) -> None:
    """Nothing is lost, nothing is read twice but for what was not acknowledged, and no case's statement comes before another's."""
    first = list(dict.fromkeys(published))
    assert sorted(first) == sorted(f"{ref} {revision}" for ref, revision in said(*range(count)))
    for call in range(10):
        revisions = [int(line.split()[1]) for line in first if line.startswith(f"JJ{call:04d} ")]
        assert revisions == sorted(revisions)
    assert len(published) - count <= _KILLS * 540, "more came again than stood between two positions"
