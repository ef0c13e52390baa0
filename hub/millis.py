"""Time as the hub keeps it: instants are whole milliseconds since 1970 UTC, durations milliseconds."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, tzinfo
from zoneinfo import ZoneInfo

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
NEVER_MS = 1 << 62
"""After all that can happen; `-NEVER_MS` is before it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ms_of(moment: datetime) -> int:
    """The instant of a datetime, to the millisecond that has begun; one without a zone is UTC, as Avro codecs give it."""
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    return since.days * DAY_MS + since.seconds * SECOND_MS + since.microseconds // 1000


def datetime_of(ms: int, zone: tzinfo = UTC) -> datetime:
    """An instant as a datetime of a zone. Raises OverflowError, ValueError or OSError for one that no datetime can be."""
    return datetime.fromtimestamp(ms / 1000, zone)


def midnight_ms(day: date, time_zone: str) -> int:
    """The instant at which a day begins in a zone."""
    return ms_of(datetime.combine(day, time(), ZoneInfo(time_zone)))
