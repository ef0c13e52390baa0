"""Keeps one child process running: starts it again when it ends, slower each time, for as long as it is wanted.

It never gives up: what was started beside the child, an embedded Kafka above all, serves others too.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Protocol

from hub.backoff import Backoff

FIRST_SECONDS, MOST_SECONDS = 1.0, 30.0
QUICK_SECONDS = 30.0
"""A run that ends sooner than that has achieved nothing."""
_TRIES = 5
"""Quick ends in a row after which it is not chance."""


class SupervisedProcess(Protocol):
    """A process as hub.cli.process.children.Child has it."""

    @property
    def code(self) -> int | None: ...
    def last_words(self) -> str: ...
    def stop(self) -> None: ...


class Supervisor:
    """Call `look` often. `start` makes a new process; `now` is in seconds and never goes back."""

    def __init__(
        self,
        name: str,
        start: Callable[[], SupervisedProcess],
        say: Callable[[str], None],
        now: Callable[[], float],
        share: Callable[[], float] = random.random,
    ) -> None:
        self._name, self._start, self._say, self._now = name, start, say, now
        self._child: SupervisedProcess | None = start()
        self._started = now()
        self._again_at = 0.0
        self._backoff = Backoff(FIRST_SECONDS, MOST_SECONDS, share)

    def look(self) -> None:
        """Start it again if it is time, and say why it ended. After so many quick ends the waits grow no longer, and what it said
        last is shown no more: it is in the log."""
        if self._child is None:
            if self._now() >= self._again_at:
                self._child, self._started = self._start(), self._now()
            return
        code = self._child.code
        if code is None:
            return
        if self._now() - self._started >= QUICK_SECONDS:
            self._backoff.reset()
        wait = self._backoff.next_seconds()
        quick = self._backoff.tries
        said = f"The {self._name} ended with exit code {code}; it starts again in {wait:.1f} s. "
        if quick <= _TRIES:
            said += self._child.last_words()
        if quick >= _TRIES:
            said += (
                f"\nIt has ended {quick} times within {QUICK_SECONDS:.0f} s of its start: mend the cause. "
                "Everything else goes on and nothing is lost; Ctrl-C stops it all."
            )
        self._say(said)
        self._child, self._again_at = None, self._now() + wait

    def stop(self) -> None:
        """End it in order. May be called again."""
        if self._child is not None:
            self._child.stop()
