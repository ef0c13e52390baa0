"""`.ci/run` as it is, with a `make` that runs a few tests made up here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hub.settings import ROOT

pytestmark = pytest.mark.process
TESTS = '''
import os
import time
from pathlib import Path

import pytest
from hypothesis import given, strategies

SEEN = Path(__file__).with_name("seen")

def fails_once():
    """Fails the first time that anybody calls it in a test of this name."""
    mark = SEEN / os.environ["PYTEST_CURRENT_TEST"].split("::")[1].split(" ")[0]
    if not mark.exists():
        SEEN.mkdir(exist_ok=True)
        mark.touch()
        raise AssertionError("late this time")

@pytest.mark.kafka
def test_late_once():
    fails_once()

@pytest.mark.process
@pytest.mark.timeout(1)
def test_hangs_each_time():
    time.sleep(1_000)

def test_pure_and_wrong_once():
    fails_once()

@pytest.mark.kafka
@given(strategies.none())
def test_law_and_wrong_once(_):
    fails_once()
'''
MAKE = """#!/bin/sh
# as make calls pytest, with all that the command line sets
for each in "$@"; do case "$each" in PYTEST_ARGS=*) arguments="${each#PYTEST_ARGS=}" ;; esac; done
eval "$PYTHON" -m pytest -c pyproject.toml "$TESTS" -n 1 -p no:cacheprovider "$arguments"
echo 'make: *** [Makefile:1: test] Error 1' >&2
exit 1
"""


def test_who_runs_processes_has_one_more_try_and_nobody_else(tmp_path: Path) -> None:
    (tmp_path / "test_made_up.py").write_text(TESTS, "utf-8")
    make = tmp_path / "bin" / "make"
    make.parent.mkdir()
    make.write_text(MAKE, "utf-8")
    make.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")} | {
        "PATH": f"{make.parent}{os.pathsep}{os.environ['PATH']}", "PYTHON": sys.executable,
        "TESTS": str(tmp_path / "test_made_up.py"),
    }  # fmt: skip
    run = subprocess.run(
        [ROOT / ".ci" / "run"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    said = run.stdout
    assert run.returncode != 0, said
    assert "3 failed, 1 passed, 2 rerun in" in said.splitlines()[-1], said
    listed, _, failed = said[said.index("rerun test summary info") :].partition("short test summary info")
    verdicts = {
        (line.split(" ")[0], line.rsplit("::")[-1])
        for line in listed.splitlines()
        if line.startswith(("RERUN", "PASSED", "FAILED"))
    }
    wanted = [
        ("RERUN", "late_once"),
        ("PASSED", "late_once"),
        ("RERUN", "hangs_each_time"),
        ("FAILED", "hangs_each_time"),
    ]
    assert verdicts == {(verdict, f"test_{name}") for verdict, name in wanted}, said
    assert "late this time" in listed, "why it needed the other try is shown"
    for name in ("test_hangs_each_time", "test_pure_and_wrong_once", "test_law_and_wrong_once"):
        assert f"::{name}" in failed, said
