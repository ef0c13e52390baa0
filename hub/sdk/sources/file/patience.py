"""Does work in a thread of its own that may have to wait for a writer, so that who asks for it has an answer in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

_POLL_SECONDS = 0.1
_LEAST_SECONDS = 0.2
"""Even who does not want to wait gives it so long to begin."""


class PatientWork:
    """One kind of work, which ends soon once `halt` is set. Used by one thread, which asks for it again and again."""

    def __init__(self, work: Callable[[], None], halt: threading.Event) -> None:
        self._work, self._halt = work, halt
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="file")
        self._under_way: Future[None] | None = None

    @property
    def is_under_way(self) -> bool:
        """True if the work that was asked for has not ended, or nobody has heard yet how it did."""
        return self._under_way is not None

    def go_on(self, seconds: float, asked_to_stop: threading.Event) -> None:
        """Begin the work, unless it is under way. Returns once it has ended, or after about `seconds`; raises what it raises.

        After a wish to stop it is told to end, and waited for.
        """
        self._under_way = self._under_way or self._threads.submit(self._work)
        until = time.monotonic() + max(seconds, _LEAST_SECONDS)
        while not wait([self._under_way], _POLL_SECONDS).done:
            if asked_to_stop.is_set():
                self._halt.set()
            elif time.monotonic() >= until:
                return
        ended, self._under_way = self._under_way, None
        ended.result()

    def end(self) -> None:
        """Have it end, and wait for that. What it was about is begun again from the last position."""
        self._halt.set()
        self._threads.shutdown(wait=True)
        self._under_way = None
