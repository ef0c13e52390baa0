"""The times systems write, as milliseconds since 1970 UTC."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hub.errors import Reason, RejectedRecordError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YMD = re.compile(r"(\d{1,4})[-/](\d{1,2})[-/](\d{1,2})(?:[ T](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,6}))?)?)?")


def parse_time(text: str, formats: Sequence[str], zone: ZoneInfo) -> int:
    """Read `text` by the first of `formats` that fits: `iso`, `epoch_s`, `epoch_ms`, `ymd` (year, month, day with - or /,
    leading zeros or not, time of day or not), or a strptime pattern. A time without an offset is local to `zone`; of an hour that
    comes twice, the first is taken.

    Raises RejectedRecordError: bad_row if none fits, time_out_of_range if it is in a year that cannot be.
    """
    text = text.strip()
    for each in formats:
        try:
            return _READERS.get(each, _strptime)(text, each, zone)
        except ValueError:
            continue
        except OverflowError:
            break
    else:
        raise RejectedRecordError(Reason.BAD_ROW, f"a time is not in any of the formats {', '.join(formats)}")
    raise RejectedRecordError(Reason.TIME_OUT_OF_RANGE, "a time is in a year that cannot be; correct it at the source")


def _local(moment: datetime, zone: ZoneInfo) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _iso(text: str, _: str, zone: ZoneInfo) -> int:
    return _local(datetime.fromisoformat(text), zone)


def _ymd(text: str, _: str, zone: ZoneInfo) -> int:
    found = _YMD.fullmatch(text)
    if found is None:
        raise ValueError
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    micros = int((found.group(7) or "").ljust(6, "0"))
    return _local(datetime(year, month, day, hour, minute, second, micros), zone)  # noqa: DTZ001 - local to zone


def _epoch_s(text: str, _: str, __: ZoneInfo) -> int:
    seconds = float(_plain(text))
    if not abs(seconds) < 1e12:
        raise OverflowError
    return round(seconds * 1000)


def _epoch_ms(text: str, _: str, __: ZoneInfo) -> int:
    return int(_plain(text))


def _plain(text: str) -> str:
    """Digits as systems write them: Python would also read 1_000 and the digits of other scripts."""
    if "_" in text or not text.isascii():
        raise ValueError
    return text


def _strptime(text: str, pattern: str, zone: ZoneInfo) -> int:
    return _local(datetime.strptime(text, pattern), zone)  # noqa: DTZ007 - local to zone


def require_formats(formats: Sequence[str]) -> None:
    """Raises ValueError for what `parse_time` would never fit: another name, or a pattern that is none."""
    for each in formats:
        if each in _READERS:
            continue
        if "%" not in each:
            raise ValueError(
                f"there is no format of times {each!r}; write one of {', '.join(_READERS)}, or a strptime pattern as %d.%m.%Y %H:%M"
            )
        try:
            datetime.strptime("", each)  # noqa: DTZ007 - nothing is read
        except ValueError as error:
            if "directive" in str(error) or "stray" in str(error):
                raise ValueError(f"{each!r} is no strptime pattern: {error}") from None


_READERS: dict[str, Callable[[str, str, ZoneInfo], int]] = {
    "iso": _iso, "ymd": _ymd, "epoch_s": _epoch_s, "epoch_ms": _epoch_ms,
}  # fmt: skip
NAMED_FORMATS = tuple(_READERS)
