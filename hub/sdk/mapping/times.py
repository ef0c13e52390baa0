"""The times systems write, as milliseconds since 1970 UTC."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from hub.errors import Reason, RejectedRecordError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_DAY = timedelta(days=1)
_DATE_IN_ZONE = re.compile(r"(\d{4}-?\d\d-?\d\d)([Zz]|[+-]\d\d(?::?\d\d)?)")
"""A date of XML Schema. Python would take what stands behind the sign for the time of day."""
_END_OF_DAY = re.compile(r"(.*[ Tt])24(:?00(?::?00(?:[.,]0+)?)?)(?![\d:.,])(.*)")
_CHINESE_HALVES = {"上午": "AM", "下午": "PM"}
_SAMPLES = (datetime(2002, 3, 4, 17, 6, 7, tzinfo=UTC), datetime(2012, 11, 23, 12, 13, 14, tzinfo=UTC))
"""Days that read otherwise where day, month and year are exchanged, or where fewer digits are taken for one of them."""
_YMD = re.compile(r"(\d{1,4})[-/](\d{1,2})[-/](\d{1,2})(?:[ T](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,6}))?)?)?")


def parse_time(text: str, formats: Sequence[str], zone: ZoneInfo) -> int:
    """Read `text` by the first of `formats` that fits: `iso`, `epoch_s`, `epoch_ms`, `ymd` (year, month, day with - or /,
    leading zeros or not, time of day or not), or a strptime pattern, whose %p also reads 上午 and 下午. In `iso` and `ymd` 24:00 is
    the end of its day. A time without an offset is local to `zone`; of an hour that comes twice, the first is taken.

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
    if found := _DATE_IN_ZONE.fullmatch(text):
        if found[2].startswith("-"):  # west of Greenwich, or the hour: nothing tells
            raise ValueError
        return _local(datetime.fromisoformat(f"{found[1]}T00:00{found[2]}"), zone)
    if found := _END_OF_DAY.fullmatch(text):
        return _local(datetime.fromisoformat("00".join(found.group(1, 2)) + found[3]) + _ONE_DAY, zone)
    return _local(datetime.fromisoformat(text), zone)


def _ymd(text: str, _: str, zone: ZoneInfo) -> int:
    found = _YMD.fullmatch(text)
    if found is None:
        raise ValueError
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    micros = int((found.group(7) or "").ljust(6, "0"))
    ends = (hour, minute, second, micros) == (24, 0, 0, 0)
    moment = datetime(year, month, day, 0 if ends else hour, minute, second, micros)  # noqa: DTZ001 - local to zone
    return _local(moment + _ONE_DAY if ends else moment, zone)


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
    if "%p" in pattern:
        for chinese, english in _CHINESE_HALVES.items():
            text = text.replace(chinese, english)
    return _local(datetime.strptime(text, pattern), zone)  # noqa: DTZ007 - local to zone


def require_formats(formats: Sequence[str]) -> None:
    """Raises ValueError for what `parse_time` would never fit (another name, a pattern that is none), for a pattern that leaves out
    or reads wrongly what stands there, and for two formats that read the same text as two instants."""
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
        _require_whole(each)
    for later in formats:
        for earlier in takewhile(later.__ne__, formats):
            if later not in _READERS:
                _require_apart(earlier, later)


def _require_whole(pattern: str) -> None:
    """Python leaves some things out without a word."""
    asked = set(re.findall(r"%.", pattern))
    if "%Z" in asked:
        raise ValueError(
            f"{pattern!r}: the names of zones that %Z reads are read and not used; write the letters that stand there (as UTC) "
            "instead of it, and the zone as `time_zone`, or read offsets by %z"
        )
    if ("%I" in asked) != ("%p" in asked):
        raise ValueError(
            f"{pattern!r}: hours from 1 to 12 are read by %I with %p (AM, PM, 上午, 下午), hours to 23 by %H without it"
        )
    if not asked & {"%Y", "%y", "%G", "%c", "%x"}:
        raise ValueError(f"{pattern!r} has no year, so that all would be of 1900; join the columns of date and time")


def _require_apart(earlier: str, later: str) -> None:
    zone = ZoneInfo("UTC")
    for sample in _SAMPLES:
        text = sample.strftime(later)
        try:
            taken, meant = _READERS.get(earlier, _strptime)(text, earlier, zone), _strptime(text, later, zone)
        except (ValueError, OverflowError):
            continue
        if taken != meant:
            raise ValueError(
                f"{earlier!r} and {later!r} read {text} as two different times, so that one of them would be guessed; keep the one "
                "that the system writes, or put what only it writes first"
            )


_READERS: dict[str, Callable[[str, str, ZoneInfo], int]] = {
    "iso": _iso, "ymd": _ymd, "epoch_s": _epoch_s, "epoch_ms": _epoch_ms,
}  # fmt: skip
NAMED_FORMATS = tuple(_READERS)
