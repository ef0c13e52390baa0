"""The calendar as a child would count it: minute by minute, on the local clock. Slow, and meant to be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from hub.core.calendars.calendar import Calendar
from hub.policy.models import CalendarSpec, parse_span
from hub.units.office import open_between

MINUTE = timedelta(minutes=1)


def open_at(calendar: Calendar, instant_ms: int) -> bool:
    """Whether the office is open at an instant; at its closing time it is not."""
    return bool(open_between(calendar, np.array([instant_ms]), np.array([instant_ms + 1]))[0])


class SlowCalendar:
    def __init__(self, spec: CalendarSpec, time_zone: str) -> None:
        self._spec = spec
        self._zone = ZoneInfo(time_zone)

    def spans(self, day: date) -> tuple[tuple[int, int], ...]:
        if day in self._spec.extra_working_days:
            own = tuple(parse_span(span) for span in self._spec.extra_spans)
            return own or next(spans for spans in map(self._spec.minutes_of, range(7)) if spans)
        return () if day in self._spec.holidays else self._spec.minutes_of(day.weekday())

    def is_open(self, instant: datetime) -> bool:
        local = instant.astimezone(self._zone)
        minute = local.hour * 60 + local.minute
        return any(start <= minute < end for start, end in self.spans(local.date()))

    def add_minutes(self, start_ms: int, minutes: int) -> int:
        """Due time of a clock of so many open minutes, started on a whole minute."""
        instant = datetime.fromtimestamp(start_ms / 1000, UTC)
        while minutes:
            minutes -= self.is_open(instant)
            instant += MINUTE
        return int(instant.timestamp() * 1000)

    def add_work_days(self, start_ms: int, days: int) -> int:
        instant = datetime.fromtimestamp(start_ms / 1000, UTC)
        while not self.is_open(instant):
            instant += MINUTE
        local = instant.astimezone(self._zone)
        minute, day = local.hour * 60 + local.minute, local.date()
        while days:
            day += timedelta(days=1)
            days -= bool(self.spans(day))
        begun = [span for span in self.spans(day) if span[0] <= minute]
        minute = min(minute, begun[-1][1]) if begun else self.spans(day)[0][0]
        due = datetime(day.year, day.month, day.day, tzinfo=self._zone) + timedelta(minutes=minute)
        return int(due.timestamp() * 1000)

    def add_natural_days(self, start_ms: int, days: int, *, roll_forward: bool = False) -> int:
        last = datetime.fromtimestamp(start_ms / 1000, self._zone).date() + timedelta(days=days)
        while roll_forward and not self.spans(last):
            last += timedelta(days=1)
        end = last + timedelta(days=1)
        return int(datetime(end.year, end.month, end.day, tzinfo=self._zone).timestamp() * 1000)
