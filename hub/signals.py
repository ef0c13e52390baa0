"""Lets SIGTERM and SIGHUP end a command as Ctrl-C does: in order."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """The first such signal raises KeyboardInterrupt in the block; later ones do nothing, so that the ending is not broken off.

    Main thread only.
    """
    interrupted = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        if not interrupted:
            interrupted = True
            raise KeyboardInterrupt

    before = {each: signal.signal(each, interrupt) for each in _SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """The same, and the block is left in order when interrupted: the KeyboardInterrupt goes no further."""
    with suppress(KeyboardInterrupt), interrupted_by_signals():
        yield
