"""Processes that a test starts: always ended and closed with it, so that one failed test leaves nothing to the others."""

from __future__ import annotations

import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

from tests.waiting import wait_for


@contextmanager
def started(argv: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """A process for the block. Killed at the end if it is still there; its pipes are closed."""
    with subprocess.Popen(argv, preexec_fn=_hear_ctrl_c, **options) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def _hear_ctrl_c() -> None:
    """A suite that a script runs in the background ignores Ctrl-C, and so would whatever it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def line_with(stream: IO[str], part: str, seconds: float) -> str:
    """The next line of a stream that has `part` in it. Fails, with what was said instead, at its end or after `seconds`."""
    said: list[str] = []
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def pass_on() -> None:
        for line in stream:
            lines.put(line)
            if part in line:
                return
        lines.put("")

    threading.Thread(target=pass_on, daemon=True).start()
    until = time.monotonic() + seconds
    while True:
        try:
            line = lines.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            raise AssertionError(f"no line with {part!r} within {seconds:g} s; said so far:\n{''.join(said)}") from None
        assert line, f"it ended without a line with {part!r}; it said:\n{''.join(said)}"
        if part in line:
            return line
        said.append(line)


def wait_until(done: Callable[[], object], what: str, seconds: float) -> None:
    """Until `done` is true. Fails, saying what was waited for, after `seconds`."""
    wait_for(done, what, seconds)
