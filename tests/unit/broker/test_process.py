"""Starting and ending a child process that stands for the broker."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hub.broker import process
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.process


def spawn(tmp_path: Path, code: str, *, die_with_parent: bool = True) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-u", "-c", code]
    return process.spawn(argv, tmp_path / "log", dict(os.environ), die_with_parent=die_with_parent)


@pytest.mark.parametrize("die_with_parent", [True, False])
def test_output_goes_to_the_log_and_the_code_is_known(tmp_path: Path, die_with_parent: bool) -> None:
    child = spawn(tmp_path, "import sys; print('out'); sys.exit('err')", die_with_parent=die_with_parent)
    assert child.wait(PATIENCE_SECONDS) == 1
    assert process.tail(tmp_path / "log").splitlines() == ["out", "err"]


def test_what_it_writes_is_for_this_user_alone(tmp_path: Path) -> None:
    child = spawn(tmp_path, f"open({str(tmp_path / 'segment')!r}, 'w').close()")
    assert child.wait(PATIENCE_SECONDS) == 0
    assert (tmp_path / "segment").stat().st_mode & 0o777 == 0o600


def test_it_has_a_session_of_its_own(tmp_path: Path) -> None:
    child = spawn(tmp_path, "import os; print(os.getsid(0) == os.getpid())")
    child.wait(PATIENCE_SECONDS)
    assert process.tail(tmp_path / "log") == "True"


def test_it_outlives_the_thread_that_asked_for_it(tmp_path: Path) -> None:
    children: list[subprocess.Popen[bytes]] = []
    wait = "import os, time\nprint('up')\nwhile True: time.sleep(60)"
    asker = threading.Thread(target=lambda: children.append(spawn(tmp_path, wait)))
    asker.start()
    asker.join()
    with pytest.raises(subprocess.TimeoutExpired):
        children[0].wait(0.5)
    assert process.end(children[0], PATIENCE_SECONDS)


def test_one_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    child = spawn(tmp_path, "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('deaf')\ntime.sleep(60)")
    while "deaf" not in process.tail(tmp_path / "log"):
        assert child.poll() is None
    assert not process.end(child, 0.1)
    assert child.returncode == -9


def test_a_program_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        process.spawn(["/nowhere/java"], tmp_path / "log", {}, die_with_parent=False)


def test_a_pid_counts_only_with_its_mark() -> None:
    assert process.runs(os.getpid(), Path(sys.executable).name)
    assert not process.runs(os.getpid(), "no such word in the command line")
    assert not process.runs(999_999_999, "")


def test_the_tail_is_short_and_begins_where_this_start_began(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("earlier\n")
    offset = log.stat().st_size
    with log.open("a") as stream:
        stream.writelines(f"line {number}\n" for number in range(100))
    assert process.tail(log, offset, 2) == "line 98\nline 99"
    assert "earlier" not in process.tail(log, offset, 1000)
    assert process.tail(tmp_path / "none") == ""
