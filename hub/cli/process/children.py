"""The worker and the connectors as child processes: started with the hub's settings, watched, ended in order."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from pydantic import SecretStr

from hub.broker import process
from hub.errors import FatalError
from hub.settings import Settings, variable

_STOP_SECONDS = 15.0
_LOG_LINES = 15


def environment_of(settings: Settings) -> dict[str, str]:
    """This process's environment with exactly these settings in it."""
    environment = {name: value for name, value in os.environ.items() if name not in Settings.variables()}
    for name, value in settings.model_dump().items():
        if value is not None and value != "":
            environment[variable(name)] = _text(value)
    return environment


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value.value if isinstance(value, Enum) else value)


class Child:
    """One `cityhub` command in a process of its own, which dies with this one. Its output goes to a log file."""

    def __init__(
        self, name: str, argv: Sequence[str], settings: Settings, log: Path, module: str = "hub.cli.main"
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._process = process.spawn(
            [sys.executable, "-m", module, *argv], log, environment_of(settings), die_with_parent=True
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    def ended(self) -> bool:
        """Whether it has ended, as it should. Raises FatalError, with the end of its log, if it has ended badly."""
        code = self._process.poll()
        if code:
            raise FatalError(f"{self.name} ended with exit code {code}. {self.last_words()}")
        return code is not None

    def must_run(self) -> None:
        """Raises FatalError if it has ended, well or badly."""
        if self.ended():
            raise FatalError(f"{self.name} ended before its work was done. {self.last_words()}")

    def last_words(self) -> str:
        """The end of its log, for an error message: the log itself may be gone by then."""
        return f"The end of {self.log}:\n{process.tail(self.log, lines=_LOG_LINES) or '(it is empty)'}"

    def stop(self) -> None:
        """Ask it to end, and kill it if it does not. May be called again."""
        if self._process.poll() is None:
            process.end(self._process, _STOP_SECONDS)

    def wait(self, timeout_seconds: float) -> None:
        """Raises TimeoutError."""
        try:
            self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"{self.name} still runs after {timeout_seconds:g} s") from error
