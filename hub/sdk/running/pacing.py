"""When to send an event: at once, or as its report time says, at the original or a multiplied pace."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from hub.errors import FatalError
from hub.millis import ms_of

_SLICE_SECONDS = 0.2


@dataclass(frozen=True)
class Anchor:
    """An instant of the data that is an instant of the wall: connectors that share one keep the same clock."""

    data_ms: int
    wall_seconds: float

    @classmethod
    def parse(cls, text: str) -> Anchor:
        """From `2015-09-01T00:00:00Z=1767672578.5`. Raises FatalError."""
        iso, _, wall = text.partition("=")
        try:
            moment = datetime.fromisoformat(iso)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return cls(ms_of(moment), float(wall))
        except ValueError as error:
            raise FatalError(
                f"--anchor {text!r}: write ISO_TIME=UNIX_SECONDS, e.g. 2015-09-01T00:00:00Z=1767672578 ({error})"
            ) from None


class Pace:
    """Waits until an event's time has come. `speed` is data seconds a wall second; None: never waits."""

    def __init__(
        self, speed: float | None, anchor: Anchor | None = None, *, now: Callable[[], float] = time.time
    ) -> None:
        if speed is not None and not 0 < speed < float("inf"):
            raise FatalError(
                f"--speed {speed}: give a number above 0, e.g. 1 for the original pace, 3600 for an hour a second"
            )
        self._speed = speed
        self._anchor = anchor
        self._now = now

    def seconds_until(self, data_ms: int) -> float:
        """How long to wait still; the first event asked for sets the anchor if none is given."""
        if self._speed is None:
            return 0.0
        if self._anchor is None:
            self._anchor = Anchor(data_ms, self._now())
        due = self._anchor.wall_seconds + (data_ms - self._anchor.data_ms) / 1000 / self._speed
        return max(0.0, due - self._now())

    def wait(self, data_ms: int, stop: threading.Event, meanwhile: Callable[[], None]) -> bool:
        """Wait, calling `meanwhile` several times a second. False if `stop` was set before."""
        while (left := self.seconds_until(data_ms)) > 0:
            meanwhile()
            if stop.wait(min(left, _SLICE_SECONDS)):
                return False
        return not stop.is_set()
