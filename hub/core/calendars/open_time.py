"""An office's open time between two years as arrays: the spans on the local clock and in UTC, and the days it works."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

import numpy as np
import numpy.typing as npt

from hub.core.calendars.zones import MillisArray, zone_of
from hub.millis import DAY_MS, MINUTE_MS
from hub.policy.models import CalendarSpec, Hours, parse_span
from hub.policy.models.calendars import Minutes
from hub.policy.statutory import days_of, known_through, named_in

_EPOCH = date(1970, 1, 1)
_THURSDAY = 3  # 1970-01-01; Monday is 0
DayNumbers = npt.NDArray[np.int64]


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH).days


def known_until_day(spec: CalendarSpec) -> int | None:
    """The last day whose holidays are settled, as a day number; None where they always are."""
    noticed = known_through(spec.statutory.set) if spec.statutory else None
    settled = [day for day in (spec.known_until, noticed) if day is not None]
    return day_number(min(settled)) if settled else None


class OpenTime:
    """Open time of one calendar from `first_year` to before `end_year`. All columns are int64, in order.

    `local_opens`, `local_closes`: spans on the local clock, as if it were milliseconds since 1970 UTC; `opens`, `closes`: the
    same in UTC; `before`, `after`: open milliseconds from the beginning to the start and end of each; `working_days`: numbers
    of the days on which some span opens.
    """

    def __init__(self, spec: CalendarSpec, time_zone: str, first_year: int, end_year: int) -> None:
        self.first_year, self.end_year = first_year, end_year
        self.zone = zone_of(time_zone, first_year - 1, end_year + 1)
        self.local_opens, self.local_closes = _local_spans(spec, first_year, end_year)
        self.working_days: DayNumbers = np.unique(self.local_opens // DAY_MS)
        self.last_closes: MillisArray = self._last_closes()
        self._first_day = day_number(date(first_year, 1, 1))
        counts = np.zeros(day_number(date(end_year, 1, 1)) - self._first_day + 1, dtype=np.int64)
        counts[self.working_days - self._first_day + 1] = 1
        self._working_before: DayNumbers = np.cumsum(counts)
        self.opens, self.closes = self._in_utc()
        self.after: MillisArray = np.cumsum(self.closes - self.opens)
        self.before: MillisArray = self.after - (self.closes - self.opens)

    def position(self, instants: MillisArray) -> MillisArray:
        """Open milliseconds from the beginning of the table to each instant."""
        index = np.searchsorted(self.opens, instants, side="right") - 1
        inside = np.minimum(instants, self.closes[index]) - self.opens[index]
        return np.where(index < 0, 0, self.before[index] + inside)

    def working_before(self, days: DayNumbers) -> DayNumbers:
        """How many working days of the table lie before each day."""
        place = np.clip(np.asarray(days) - self._first_day, 0, len(self._working_before) - 1)
        return np.asarray(self._working_before[place])

    def _last_closes(self) -> MillisArray:
        """The last closing time of each working day, local."""
        end = np.searchsorted(self.local_opens, (self.working_days + 1) * DAY_MS, side="left") - 1
        return np.asarray(self.local_closes[end])

    def _in_utc(self) -> tuple[MillisArray, MillisArray]:
        """Each stretch of constant offset takes the spans with its own local labels, so clock changes count as the wall shows."""
        opens, closes = [], []
        for start, end, offset in zip(self.zone.starts, self.zone.ends, self.zone.offsets, strict=True):
            first = np.searchsorted(self.local_closes, start + offset, side="right")
            last = np.searchsorted(self.local_opens, end + offset, side="left")
            opens.append(np.maximum(self.local_opens[first:last] - offset, start))
            closes.append(np.minimum(self.local_closes[first:last] - offset, end))
        return np.concatenate(opens), np.concatenate(closes)


def _local_spans(spec: CalendarSpec, first_year: int, end_year: int) -> tuple[MillisArray, MillisArray]:
    """Opening and closing times, local, in order, of the years from `first_year` to before `end_year`."""
    days = np.arange(day_number(date(first_year, 1, 1)), day_number(date(end_year, 1, 1)), dtype=np.int64)
    if spec.always:
        return days * DAY_MS, (days + 1) * DAY_MS
    groups: list[tuple[DayNumbers, Minutes]] = []
    own = _numbers(spec.days)
    groups += [
        (np.array([day_number(day)]), tuple(map(parse_span, spans)))
        for day, spans in spec.days.items()
        if first_year <= day.year < end_year
    ]
    off, extra = _special_days(spec, first_year, end_year)
    kept = ~np.isin(days, own)
    is_extra = np.isin(days, extra) & kept
    ordinary = ~is_extra & ~np.isin(days, off) & kept
    month_day = _month_day(days)
    parts, part = _partly_open(spec, days, ordinary, first_year, end_year)
    for hours, from_day, to_day in _regimes(spec):
        mine = (days >= from_day) & (days < to_day)
        for number, spans in enumerate((None, *parts)):
            chosen = mine & (ordinary | is_extra) & (part == number)
            for key, members in _alike(days, chosen, is_extra, month_day, hours).items():
                groups.append((members, spans or key))
    pairs = [(group, span) for group, spans in groups for span in spans]
    opens = np.concatenate([group * DAY_MS + start * MINUTE_MS for group, (start, _) in pairs])
    closes = np.concatenate([group * DAY_MS + end * MINUTE_MS for group, (_, end) in pairs])
    order = np.argsort(opens)
    return opens[order], closes[order]


def _special_days(spec: CalendarSpec, first_year: int, end_year: int) -> tuple[DayNumbers, DayNumbers]:
    """Numbers of days off and of days worked out of turn; the calendar's own word goes before the country's."""
    off, worked = set(spec.holidays), set(spec.extra_working_days)
    if spec.statutory:
        for year in range(first_year, end_year):
            known = days_of(spec.statutory.set, year)
            off |= known.off - worked
            worked |= known.worked - off
    return _numbers(off), _numbers(worked)


def _partly_open(
    spec: CalendarSpec, days: DayNumbers, ordinary: npt.NDArray[np.bool_], first_year: int, end_year: int
) -> tuple[list[Minutes], DayNumbers]:
    """The spans of statutory days on which the office is open for a part, and of each day which of them, from 1; 0: none."""
    parts, part = [], np.zeros(len(days), dtype=np.int64)
    for which, spans in spec.statutory.partly_open if spec.statutory else ():
        parts.append(spans)
        kept = _numbers(day for year in range(first_year, end_year) for day in named_in(which, year))
        part[np.isin(days, kept) & ordinary] = len(parts)
    return parts, part


def _regimes(spec: CalendarSpec) -> list[tuple[Hours, int, int]]:
    """Hours with the day numbers from and before which they hold."""
    starts = [-(1 << 40), *(day_number(revision.effective_from) for revision in spec.revisions)]
    return list(zip(spec.regimes, starts, [*starts[1:], 1 << 40], strict=True))


def _alike(
    days: DayNumbers,
    wanted: npt.NDArray[np.bool_],
    is_extra: npt.NDArray[np.bool_],
    month_day: DayNumbers,
    hours: Hours,
) -> dict[Minutes, DayNumbers]:
    """The wanted days, by their spans."""
    found: dict[Minutes, list[DayNumbers]] = defaultdict(list)
    season = np.zeros(len(days), dtype=np.int64)
    for number, each in reversed(list(enumerate(hours.seasons, 1))):
        in_season = np.fromiter((each.holds_on(day) for day in range(1300)), dtype=np.bool_, count=1300)
        season[in_season[month_day]] = number
    kind = (season * 7 + (days + _THURSDAY) % 7) * 2 + is_extra
    for one in np.unique(kind[wanted]):
        members = days[wanted & (kind == one)]
        weekday, sample = int(one) // 2 % 7, int(_month_day(members[:1])[0])
        spans = hours.extra_on(weekday, sample) if one % 2 else hours.spans_on(weekday, sample)
        if spans:
            found[spans].append(members)
    return {spans: np.concatenate(parts) for spans, parts in found.items()}


def _month_day(days: DayNumbers) -> DayNumbers:
    """month * 100 + day of day numbers."""
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    day = (dates - months).astype(np.int64) + 1
    return np.asarray((months.astype(np.int64) % 12 + 1) * 100 + day)


def _numbers(dates: Iterable[date]) -> DayNumbers:
    return np.array(sorted(day_number(day) for day in dates), dtype=np.int64)
