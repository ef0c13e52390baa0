"""Waiting for what others do: threads, workers, brokers. A busy machine puts it off, so it is never asserted at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from hub.errors import RetriableError

PATIENCE_SECONDS = 120.0
"""Longer than anything takes on a machine that has other things to do."""
T = TypeVar("T")


def wait_for(what: Callable[[], object], why: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Until it is true. Whoever says that it cannot be told just now is asked again. Fails, saying `why`, after `seconds`."""
    until = time.monotonic() + seconds
    while not _now(what):
        assert time.monotonic() < until, f"{why}: not after {seconds:.0f} s"
        time.sleep(0.05)


def wait_for_value(read: Callable[[], T], wanted: T, why: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Until `read` gives what is wanted. Fails, with what it gives instead, after `seconds`."""
    until = time.monotonic() + seconds
    while (found := _now(read)) != wanted and time.monotonic() < until:
        time.sleep(0.05)
    assert found == wanted, why


def _now(what: Callable[[], T]) -> T | None:
    try:
        return what()
    except RetriableError:
        return None
