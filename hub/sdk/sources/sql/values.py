"""Values of a database's columns: as a mapping reads them, as a position keeps them, and less an overlap."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

from hub.millis import datetime_of
from hub.sdk.errors import ConfigurationError

Kept: TypeAlias = int | str | list[str]
"""A value in a position: a number, a text, or its type and how it is written."""


def readable(value: Any) -> Any:
    """As a mapping reads it: texts, whole numbers, truth values, null, and what JSON columns hold."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return str(value) if isinstance(value, UUID) else value


def kept_value(value: Any) -> Kept:
    """Of a cursor or key. Raises ConfigurationError for a type that has no order to go by."""
    if isinstance(value, bool) or value is None:
        raise ConfigurationError("a cursor or key holds a truth value or nothing; choose another column")
    if isinstance(value, int | str):
        return value
    if isinstance(value, datetime):
        return ["datetime", value.isoformat()]
    if isinstance(value, date):
        return ["date", value.isoformat()]
    if isinstance(value, Decimal):
        return ["decimal", str(value)]
    if isinstance(value, UUID):
        return ["uuid", str(value)]
    raise ConfigurationError(f"a cursor or key is a {type(value).__name__}; choose a column of times, numbers or texts")


def value_of(value: Kept) -> Any:
    """What `kept_value` was given."""
    if not isinstance(value, list):
        return value
    kind, text = value
    makers: dict[str, Any] = {
        "datetime": datetime.fromisoformat, "date": date.fromisoformat, "decimal": Decimal, "uuid": UUID,
    }  # fmt: skip
    return makers[kind](text)


def less(value: Any, minutes: float | None, numbers: int | None) -> Any:
    """`value` less the overlap. Raises ConfigurationError if the overlap is none of its kind."""
    if numbers is not None and isinstance(value, int | Decimal) and not isinstance(value, bool):
        return value - numbers
    if minutes is not None and isinstance(value, datetime):
        return value - timedelta(minutes=minutes)
    if minutes is not None and isinstance(value, date):
        return value - timedelta(days=1 + int(minutes // 1440))
    if minutes is not None and isinstance(value, str):
        return like(_moment(value) - timedelta(minutes=minutes), value)
    kind = "overlap_minutes goes with times" if minutes is not None else "overlap_numbers goes with numbers"
    raise ConfigurationError(f"the cursor holds a {type(value).__name__}: {kind}")


def not_ahead(value: Any, now: datetime, zone: ZoneInfo) -> Any:
    """A time, but no later than `now`: one row that is dated ahead must not hide all that comes till then."""
    if isinstance(value, datetime):
        local = now if value.tzinfo else now.astimezone(zone).replace(tzinfo=None)
        return min(value, local)
    if isinstance(value, date):
        return min(value, now.astimezone(zone).date())
    if isinstance(value, str):
        try:
            moment = _moment(value)
        except ConfigurationError:
            return value
        local = now if moment.tzinfo else now.astimezone(zone).replace(tzinfo=None)
        return value if moment <= local else like(local, value)
    return value


def at_time(example: Any, at_ms: int, zone: ZoneInfo) -> Any:
    """The instant as the cursor would hold it, of which `example` is a value; None if it is no time."""
    moment = datetime_of(at_ms)
    local = moment.astimezone(zone).replace(tzinfo=None)
    if isinstance(example, datetime):
        return moment if example.tzinfo else local
    if isinstance(example, date):
        return moment.astimezone(zone).date()
    if isinstance(example, str):
        try:
            return like(moment if _moment(example).tzinfo else local, example)
        except ConfigurationError:
            return None
    return None


def like(moment: datetime, example: str) -> str:
    """Written as `example` is, so that texts keep the order of times."""
    separator = example[10] if len(example) > 10 else "T"
    text = moment.isoformat(separator, "seconds" if "." not in example else "microseconds")
    text = f"{text[:-6]}Z" if example.endswith("Z") and text.endswith("+00:00") else text
    return text[:10] if len(example) == 10 else text


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            "the cursor holds texts that are no ISO times, so no overlap can be taken; choose another column"
        ) from None
