"""Processes that are started again whenever they are gone, as a supervisor would, with what happened to them counted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import psutil

from hub.broker import process
from hub.cli.process.children import environment_of
from hub.settings import Settings

_AGAIN_SECONDS = 1.0
_STOP_SECONDS = 60.0


class Supervised:
    """One `cityhub` command. Faults come from one thread, `keep_up` from another; both are guarded here."""

    def __init__(self, name: str, role: str, argv: Sequence[str], settings: Settings, log: Path) -> None:
        self.name, self.role, self.log = name, role, log
        self.starts = 0
        self.ends: Counter[int] = Counter()
        """Exit codes of ends that nobody here caused."""
        self.finishing = False
        """Exit code 0 is its end, not to be started again."""
        self._argv, self._settings = list(argv), settings
        self._lock = threading.RLock()
        self._not_before = 0.0
        self._paused = False
        self._held = False
        self._process: subprocess.Popen[bytes] | None = None
        log.parent.mkdir(parents=True, exist_ok=True)
        self._start()

    def _start(self) -> None:
        argv = [sys.executable, "-m", "hub.cli.main", *self._argv]
        self._process = process.spawn(argv, self.log, environment_of(self._settings), die_with_parent=True)
        self.starts += 1

    @property
    def pid(self) -> int | None:
        """None while it is down."""
        with self._lock:
            return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def done(self) -> bool:
        """It ended as it should, and stays so."""
        with self._lock:
            return self.finishing and self._process is not None and self._process.poll() == 0

    def keep_up(self) -> None:
        """Start it again if it is gone and its time has come."""
        with self._lock:
            if self._held or self.done or time.monotonic() < self._not_before:
                return
            if self._process is not None:
                code = self._process.poll()
                if code is None:
                    return
                self.ends[code] += 1
                self._process, self._not_before = None, time.monotonic() + _AGAIN_SECONDS
                return
            self._start()

    def kill(self, down_seconds: float) -> None:
        """Kill -9, and start again after so long."""
        with self._lock:
            self._end(signal.SIGKILL)
            self._not_before = time.monotonic() + down_seconds

    def pause(self) -> bool:
        """False if it is not there to be stopped."""
        with self._lock:
            if (pid := self.pid) is None:
                return False
            os.kill(pid, signal.SIGSTOP)
            self._paused = True
            return True

    def resume(self) -> None:
        with self._lock:
            if self._paused and (pid := self.pid) is not None:
                os.kill(pid, signal.SIGCONT)
            self._paused = False

    def stop(self) -> int | None:
        """Ask it to end, for good; its exit code. Killed if it does not end in a minute, which is -9."""
        with self._lock:
            self._held = True
            self.resume()
            return self._end(signal.SIGTERM)

    def rss(self) -> int:
        """Bytes resident; 0 while it is down."""
        pid = self.pid
        try:
            return 0 if pid is None else int(psutil.Process(pid).memory_info().rss)
        except psutil.Error:
            return 0

    def _end(self, how: signal.Signals) -> int | None:
        child, self._process, self._paused = self._process, None, False
        if child is None:
            return None
        if child.poll() is None:
            child.send_signal(how)
        try:
            return child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            return child.wait()
