"""Faults of three brokers, the short way: what went in is there once and remembered; what is sent again is not admitted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.settings import ROOT
from loadtests.faults.brokers.plan import faults_of_round
from loadtests.faults.brokers.run import Ground, play
from tests.system.test_demo import leftovers

pytestmark = [pytest.mark.crash, pytest.mark.timeout(1500)]
SEED = 20261129
KINDS = ("kill-coordinator", "pause-leader", "cut-clients")
_PATIENCE_SECONDS = 600.0


def test_a_few_of_each(tmp_path: Path) -> None:
    wanted = [faults_of_round(1, SEED, 1, (kind,))[0] for kind in KINDS]
    ground = Ground(tmp_path, SEED)
    try:
        outcome = play(ground, 1, wanted, rate=20, on_progress=lambda *_: None)
    finally:
        ground.close()
    assert outcome.good, json.dumps(outcome.as_dict(), ensure_ascii=False)
    assert outcome.made == len(KINDS)
    assert outcome.proof.sent > 200
    assert outcome.proof.fencing[1].committed > 50
    assert leftovers(tmp_path) == []


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "loadtests.faults", "--brokers", "3", "--faults", "50", "--seed", "1"]
    argv += ["--keep", str(tmp_path / "work"), "--out", str(tmp_path / "out"), "--json"]
    running = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)
    timeline = tmp_path / "work" / "round-0001" / "timeline.jsonl"
    try:
        wait_until(lambda: timeline.exists() and "at work" in timeline.read_text("utf-8"), running)
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=_PATIENCE_SECONDS)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == 130, said
    assert "The round under way is not counted" in said
    assert leftovers(tmp_path) == []


def wait_until(done: Callable[[], bool], running: subprocess.Popen[str]) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not done():
        assert running.poll() is None, running.communicate()[0]
        assert time.monotonic() < until, "the round did not begin"
        time.sleep(0.2)
