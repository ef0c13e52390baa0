"""Starts and ends the broker's process, and tells whether one of an earlier run still lives."""

import os
import subprocess
import sys
import threading
from pathlib import Path

_CHILD = Path(__file__).with_name("child.py")


def spawn(argv: list[str], log: Path, environment: dict[str, str], *, die_with_parent: bool) -> subprocess.Popen[bytes]:
    """Start in a session of its own, so that a Ctrl-C at the terminal reaches only us and we stop it in order. What it writes is
    for this user alone."""
    if die_with_parent:
        argv = [sys.executable, "-I", "-S", str(_CHILD), str(os.getpid()), *argv]
    started: list[subprocess.Popen[bytes] | OSError] = []
    ready = threading.Event()

    def run() -> None:
        try:
            with log.open("ab") as out:
                process = subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    start_new_session=True,
                    umask=0o077,
                )
        except OSError as error:
            started.append(error)
            ready.set()
            return
        started.append(process)
        ready.set()
        process.wait()

    # XXX: Linux sends the parent-death signal when the *thread* that forked ends, not the process. So the fork
    # happens in a thread that lives as long as the child does.
    threading.Thread(target=run, name="broker-process", daemon=True).start()
    ready.wait()
    if isinstance(started[0], OSError):
        raise started[0]
    return started[0]


def end(process: subprocess.Popen[bytes], timeout_seconds: float) -> bool:
    """Ask it to end, and kill it if it has not in time. True if it ended by itself."""
    process.terminate()
    try:
        process.wait(timeout_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    return True


def runs(pid: int, mark: str) -> bool:
    """Whether that process lives and has `mark` in its command line: pids are reused, so living is not enough."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return mark in _command_line(pid)


def _command_line(pid: int) -> str:
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    shown = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout


def tail(log: Path, offset: int = 0, lines: int = 30) -> str:
    """The last lines of the log after that offset."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(offset, log.stat().st_size - 65536))
            return "\n".join(stream.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
