"""calendars.yaml: when an office is open, on which days it is not, and since when that holds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from hub.policy.models.base import Id, ShortText, Strict
from hub.policy.models.city import TimeZone
from hub.policy.statutory import PARTLY_WORKED, USUAL, StatutorySet, mistake_in

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Minutes = tuple[tuple[int, int], ...]
"""Open spans of a day, from and to, in minutes after local midnight."""

_SPAN = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})")
_MONTH_DAY = re.compile(r"(\d{2})-(\d{2})")


def parse_span(text: str) -> tuple[int, int]:
    """'08:30-12:00' as minutes after local midnight. Raises ValueError."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a span; write it like '08:30-12:00'")
    h1, m1, h2, m2 = map(int, match.groups())
    start, end = h1 * 60 + m1, h2 * 60 + m2
    if m1 > 59 or m2 > 59 or end > 24 * 60 or start >= end:
        raise ValueError(
            f"{text!r} is not within one day; write from-to between 00:00 and 24:00, two spans past midnight"
        )
    return start, end


def _span(text: str) -> str:
    parse_span(text)
    return text


def _month_day(text: str) -> str:
    match = _MONTH_DAY.fullmatch(text)
    try:
        date(2024, *map(int, match.groups() if match else (0, 0)))
    except ValueError:
        raise ValueError(f"{text!r} is not a day of the year; write month and day like '05-01'") from None
    return text


def _disjoint(every: Iterable[tuple[str, ...]]) -> None:
    for spans in every:
        ends = [minute for span in spans for minute in parse_span(span)]
        if ends != sorted(set(ends)):
            raise ValueError(f"spans {', '.join(spans)} touch, overlap or are out of order; sort and join them")


Span = Annotated[str, AfterValidator(_span)]
MonthDay = Annotated[str, AfterValidator(_month_day)]
Week = dict[Weekday, tuple[Span, ...]]


class YearPart(Strict):
    """A part of every year, both days included; from a later to an earlier day it spans New Year."""

    first_day: MonthDay
    last_day: MonthDay

    def holds_on(self, month_day: int) -> bool:
        """Of a day written as month * 100 + day."""
        first, last = (int(text.replace("-", "")) for text in (self.first_day, self.last_day))
        return first <= month_day <= last if first <= last else month_day >= first or month_day <= last


class Season(YearPart):
    """Hours of a part of every year (夏令/冬令作息)."""

    week: Week

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        _disjoint(self.week.values())
        return self


class Hours(Strict):
    """Open hours of a week, other ones in seasons, and those of days worked outside the week's."""

    week: Week = Field(default_factory=dict)
    seasons: tuple[Season, ...] = ()
    extra_spans: tuple[Span, ...] = ()

    def spans_on(self, weekday: int, month_day: int) -> Minutes:
        """Open spans of an ordinary day: weekday (0 is Monday) and month * 100 + day."""
        week = next((season.week for season in self.seasons if season.holds_on(month_day)), self.week)
        return tuple(parse_span(span) for span in week.get(WEEKDAYS[weekday], ()))

    def extra_on(self, weekday: int, month_day: int) -> Minutes:
        """Open spans of an extra working day: `extra_spans`, or that weekday's own, or those of the week's first open day."""
        if self.extra_spans:
            return tuple(parse_span(span) for span in self.extra_spans)
        days = [weekday, *range(7)]
        return next((spans for day in days if (spans := self.spans_on(day, month_day))), ())


class Revision(Hours):
    """The hours that hold from a local day on, in place of all earlier ones."""

    effective_from: date


class Statutory(Strict):
    """Holidays and make-up working days (法定节假日与调休) that a country sets, from the library the hub comes with.

    `kinds` are the library's (bank, ...), days on which the office stays closed; without any, the public ones. `hours`: kinds of
    days on which it is open for a part (half_day 半日假), each with its spans; they count on days that the week has open.
    `observed`: a holiday that falls on a weekend is kept on the next weekday.
    """

    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    subdivision: ShortText | None = None
    kinds: tuple[Id, ...] = ()
    hours: dict[Id, tuple[Span, ...]] = Field(default_factory=dict)
    observed: bool = True

    @model_validator(mode="after")
    def _known(self) -> Self:
        mistake = mistake_in(self.set._replace(categories=(*self.kinds, *self.hours)))
        if mistake:
            raise ValueError(mistake)
        self._every_kind_is_closed_or_has_hours()
        return self

    def _every_kind_is_closed_or_has_hours(self) -> None:
        _disjoint(self.hours.values())
        for kind in self.kinds:
            if kind in self.hours:
                raise ValueError(f"the kind {kind!r} stands in `kinds`, as closed, and in `hours`; keep one")
            if kind in PARTLY_WORKED:
                raise ValueError(
                    f"days of kind {kind!r} are no whole days off, so they need hours; "
                    f"write `hours: {{{kind}: ['08:30-12:00']}}` with the office's own spans instead"
                )
        if not self.kinds and USUAL in self.hours:
            raise ValueError(
                f"`hours` gives the kind {USUAL!r} spans, on which an office stays closed where `kinds` names no others; "
                "name in `kinds` those on which it does"
            )
        empty = next((kind for kind, spans in self.hours.items() if not spans), None)
        if empty is not None:
            raise ValueError(f"`hours` gives the kind {empty!r} no span; write one, or name the kind in `kinds`")

    @property
    def set(self) -> StatutorySet:
        """The days on which the office stays closed."""
        return StatutorySet(self.country, self.subdivision, self.kinds, self.observed)

    @property
    def partly_open(self) -> tuple[tuple[StatutorySet, Minutes], ...]:
        """The days on which it is open for a part, with their spans."""
        return tuple(
            (self.set._replace(categories=(kind,)), tuple(map(parse_span, spans))) for kind, spans in self.hours.items()
        )


class CalendarSpec(Hours):
    """When an office is open. Shifts are spans; one past midnight is two, to 24:00 and from 00:00 of the next day.

    Which hours a day has is decided by the first of these that says so: `days` (that date's own spans; none: closed),
    `extra_working_days`, `holidays`, then `statutory` make-up days, holidays and half holidays, then season and week. Hours
    change from a day on by `revisions`. `known_until`: the last day whose holidays are settled; what is due later is
    provisional. With `statutory` that is known of itself.
    """

    always: bool = False
    time_zone: TimeZone | None = None
    """Where the office is; the city's own if not given."""
    statutory: Statutory | None = None
    holidays: tuple[date, ...] = ()
    extra_working_days: tuple[date, ...] = ()
    days: dict[date, tuple[Span, ...]] = Field(default_factory=dict)
    revisions: tuple[Revision, ...] = ()
    known_until: date | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.always:
            given = sorted(self.model_fields_set - {"always", "time_zone"})
            if any(getattr(self, name) for name in given):
                raise ValueError(
                    "a calendar that is always open has no week, holidays or extra days; remove one or the other"
                )
            return self
        for hours in self.regimes:
            if not any(any(week.values()) for week in (hours.week, *(season.week for season in hours.seasons))):
                raise ValueError("the calendar is never open; give `week` with spans, or `always: true`")
            _disjoint([*hours.week.values(), hours.extra_spans])
        _disjoint(self.days.values())
        both = set(self.holidays) & set(self.extra_working_days)
        if both:
            raise ValueError(f"{min(both)} is both holiday and extra working day; keep one")
        if any(later.effective_from <= earlier.effective_from for earlier, later in pairwise(self.revisions)):
            raise ValueError("revisions are out of order; sort them by effective_from, each day once")
        return self

    @property
    def regimes(self) -> tuple[Hours, ...]:
        """The hours from the beginning and after each revision."""
        return (self, *self.revisions)

    def minutes_of(self, weekday: int) -> Minutes:
        """Open spans of a weekday (0 is Monday) by the week as it is written, whatever the season."""
        if self.always:
            return ((0, 24 * 60),)
        return tuple(parse_span(span) for span in self.week.get(WEEKDAYS[weekday], ()))


class CalendarsFile(Strict):
    """calendars.yaml"""

    calendars: dict[Id, CalendarSpec] = Field(default_factory=dict)
