"""A clock that tells what it was set to, in place of the time of day."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock


class SetClock:
    """The time of day as a test sets it. It stands still in between."""

    def __init__(self, now_ms: int) -> None:
        self._ns = now_ms * 1_000_000

    @property
    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC; may be set, also backwards."""
        return self._ns // 1_000_000

    @now_ms.setter
    def now_ms(self, now_ms: int) -> None:
        self._ns = now_ms * 1_000_000

    def pass_seconds(self, seconds: float) -> None:
        self._ns += int(seconds * 1e9)

    def time_ns(self) -> int:
        """As the function of the module `time`, which this stands for in hub/clock.py."""
        return self._ns

    @contextmanager
    def everywhere(self) -> Iterator[None]:
        """While the block runs, whatever in this process asks `hub.clock` for the time of day is told this one."""
        with mock.patch("hub.clock.time", self):
            yield
