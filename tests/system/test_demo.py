"""The demo as its users run it: broker, worker, connectors and departments, to the last record."""

import json
import os
import signal
import subprocess
import sys
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import pytest

from tests.processes import line_with, started
from tests.waiting import wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(1200)]
_START_SECONDS = 300
"""Until a broker, a worker and four connectors run on a machine that has other things to do."""
_END_SECONDS = 300
"""Children have 15 seconds each to end in order, the broker 40, before they are killed."""
_DAY_SECONDS = 600
_REAP_SECONDS = 60.0


def demo(folder: Path, *options: str) -> AbstractContextManager[subprocess.Popen[str]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CITYHUB_DATA")}
    argv = [sys.executable, "-m", "hub.cli.main", "demo", "--keep", str(folder), *options]
    return started(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def test_a_small_day_adds_up_and_leaves_nobody_behind(tmp_path: Path) -> None:
    with demo(tmp_path, "--json", "--minutes", "0.2", "--rate", "900", "--seed", "3") as running:
        out, said = running.communicate(timeout=_DAY_SECONDS)
    assert running.returncode == 0, said
    report = json.loads(out)
    assert report["unaccounted"] == 0
    assert all(check["good"] for check in report["truth"]["checks"])
    assert report["truth"]["checks"][0]["wanted"] > 600
    assert report["cases"] > 200
    assert report["breaches"] > 0
    assert report["truth"]["links"]["recall"] > 0.8
    assert "0 unaccounted" in said
    for what in ("paused 中止", "extension granted 准予延期", "supervised 督办 by", "outcome 办理结果 solved"):
        assert what in said
    assert "Board 看板 http://127.0.0.1:" in said
    assert leftovers(tmp_path) == []


def test_ctrl_c_ends_everything(tmp_path: Path) -> None:
    with demo(tmp_path, "--minutes", "5") as running:
        assert running.stdout is not None
        line_with(running.stdout, "events", _START_SECONDS)
        running.send_signal(signal.SIGINT)
        try:
            out, said = running.communicate(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            pytest.fail(f"not ended {_END_SECONDS} s after Ctrl-C; these still work: {leftovers(tmp_path)}")
    assert running.returncode == 130, out + said
    assert "Stopped before the end" in out
    assert leftovers(tmp_path) == []


def leftovers(folder: Path) -> list[str]:
    """Command lines of processes that still work in the folder; those being reaped are given time."""
    found: list[str] = []

    def none() -> bool:
        lines = subprocess.run(["ps", "-ww", "-eo", "command="], capture_output=True, text=True, check=True).stdout
        found[:] = [line for line in lines.splitlines() if str(folder) in line]
        return not found

    with suppress(AssertionError):
        wait_for(none, "they still work", _REAP_SECONDS)
    return found
