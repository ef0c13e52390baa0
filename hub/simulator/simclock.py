"""The simulation's time: a number of times faster than the wall, from an instant of its own."""

from __future__ import annotations

import time
from collections.abc import Callable


class SimulationClock:
    """`anchor_ms` plus the wall time since it was started, times `speed`. Safe to read from any thread.

    With `until_ms` it stands still there.
    """

    def __init__(
        self,
        anchor_ms: int,
        speed: float,
        until_ms: int | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if speed <= 0:
            raise ValueError(f"speed {speed} is not positive: 1 is real time, 1440 a day in a minute")
        self.speed = speed
        self._anchor_ms = anchor_ms
        self._until_ms = until_ms
        self._monotonic = monotonic
        self._started = monotonic()

    def now_ms(self) -> int:
        now = self._anchor_ms + round((self._monotonic() - self._started) * 1000 * self.speed)
        return now if self._until_ms is None else min(now, self._until_ms)

    def stop(self) -> None:
        """Stand still from now on."""
        self._until_ms = self.now_ms()

    def seconds_until(self, at_ms: int) -> float:
        """Wall seconds until the simulation reaches `at_ms`; 0 if it is past."""
        return max(0.0, (at_ms - self.now_ms()) / 1000 / self.speed)
