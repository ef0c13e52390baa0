"""Which bulletins are due, and when the next are. Pure: told what time it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hub.ledger.figures import FigurePeriod

KEPT_DAYS = 7
"""So many days back a bulletin that was missed is still made, when whoever makes them was away."""


class DueBulletin(NamedTuple):
    """A day, or the month that begins on it."""

    kind: str
    first: date

    @property
    def name(self) -> str:
        """As in its file's name."""
        return self.first.isoformat() if self.kind == "day" else self.first.strftime("%Y-%m")

    def period(self, zone: ZoneInfo) -> FigurePeriod:
        return (FigurePeriod.day if self.kind == "day" else FigurePeriod.month)(self.first, zone)

    def before(self) -> DueBulletin:
        """The one that it is compared with."""
        earlier = self.first - timedelta(days=1)
        return self._replace(first=earlier if self.kind == "day" else earlier.replace(day=1))


def yesterdays(today: date) -> DueBulletin:
    """The bulletin of a morning."""
    return DueBulletin("day", today - timedelta(days=1))


def due_bulletins(now: datetime, morning_time: time) -> Iterator[DueBulletin]:
    """Those that should have been made by now, the oldest first: of the last days, and of months that ended among them."""
    today = now.date() if now.time() >= morning_time else now.date() - timedelta(days=1)
    for back in range(KEPT_DAYS - 1, -1, -1):
        morning = today - timedelta(days=back)
        yield yesterdays(morning)
        if morning.day == 1:
            yield DueBulletin("month", (morning - timedelta(days=1)).replace(day=1))


def next_morning(now: datetime, morning_time: time) -> datetime:
    """When the next is due, in the zone of `now`."""
    day = now.date() if now.time() < morning_time else now.date() + timedelta(days=1)
    return datetime.combine(day, morning_time, now.tzinfo)
