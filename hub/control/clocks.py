"""Compares this machine's clock with the brokers'. Pure but for the clocks it is given; times in ms, monotonic ones in seconds.

A broker tells its time when it stamps a record: some time between the record's sending and the answer. From then on a monotonic
clock says what time it is there, so a jump of either clock shows as soon as anybody looks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from hub.clock import wall_ms

_KEEP_SECONDS = 60.0
"""A broker that has not answered for so long says nothing, if others do."""


class Stamp(NamedTuple):
    """What one answered record tells of a broker's time: it was `stamp_ms` at some moment from `sent` to `answered`."""

    stamp_ms: int
    sent: float
    answered: float

    def apart_ms(self, wall_ms: int, now: float) -> int:
        """How far `wall_ms` is ahead of the broker's clock for certain; negative: behind; 0: maybe not at all."""
        earliest = self.stamp_ms + int((now - self.answered) * 1000)
        latest = self.stamp_ms + int((now - self.sent) * 1000) + 1
        return max(0, wall_ms - latest) + min(0, wall_ms - earliest)


class ClockComparison(NamedTuple):
    """This machine's clock beside those of the brokers, at one moment."""

    apart_ms: int
    """By the middle one of the brokers; of the middle two, the one that differs more. Positive: this machine is ahead."""
    spread_ms: int
    """Between the brokers themselves."""


def compare_clocks(stamps: Mapping[int, Stamp], wall_ms: int, now: float) -> ClockComparison | None:
    """By each broker's newest stamp; None if there is none."""
    newest = max((stamp.answered for stamp in stamps.values()), default=now)
    usable = [stamp for stamp in stamps.values() if stamp.answered >= newest - _KEEP_SECONDS]
    if not usable:
        return None
    apart = sorted(stamp.apart_ms(wall_ms, now) for stamp in usable)
    middle = apart[(len(apart) - 1) // 2 : len(apart) // 2 + 1]
    return ClockComparison(max(middle, key=abs), apart[-1] - apart[0])


class CheckedClock:
    """The time of day, as far as the brokers' clocks agree with this machine's; a `hub.clock.Clock`."""

    def __init__(
        self,
        limit_ms: int | None = None,
        *,
        wall: Callable[[], int] = wall_ms,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`limit_ms`: how far they may be apart. None: the brokers are not asked, and nothing is in doubt."""
        self._limit_ms = limit_ms
        self._wall = wall
        self._monotonic = monotonic
        self._stamps: dict[int, Stamp] = {}

    def note(self, broker: int, stamp: Stamp) -> None:
        """Take note of what a broker's answer says of its time."""
        self._stamps = {**self._stamps, broker: stamp}

    def compared(self) -> ClockComparison | None:
        """As things stand now; None while no broker has told its time."""
        return compare_clocks(self._stamps, self._wall(), self._monotonic())

    @property
    def doubt(self) -> str | None:
        """Why the time of day is in doubt, with the way out: the clocks differ by more than the limit, or cannot be compared."""
        if self._limit_ms is None:
            return None
        found = self.compared()
        if found is None:
            return "no broker has told its time, see hub.workers in the log"
        if abs(found.apart_ms) <= self._limit_ms:
            return None
        where = "ahead of" if found.apart_ms > 0 else "behind"
        return (
            f"this machine's clock is {abs(found.apart_ms) / 1000:,.0f} s {where} the broker's "
            f"(CITYHUB_CLOCK_APART_SECONDS={self._limit_ms / 1000:g}); let NTP set both"
        )

    def now_ms(self) -> int:
        """The time of day; while the clocks differ, the earlier: nothing runs out, or is forgotten, before both say so."""
        wall, found = self._wall(), self.compared()
        if self._limit_ms is None or found is None or found.apart_ms <= self._limit_ms:
            return wall
        return wall - found.apart_ms

    def advance(self, seen_ms: int, who: str) -> int:
        """Now: a report's time does not move the time of day."""
        del seen_ms, who
        return self.now_ms()
