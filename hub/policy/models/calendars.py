"""calendars.yaml: when an office is open."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from hub.policy.models.base import Id, Strict

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_SPAN = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})")


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


Span = Annotated[str, AfterValidator(_span)]


class CalendarSpec(Strict):
    """When an office is open. `extra_working_days` (调休) have `extra_spans`, or those of the week's first open day."""

    always: bool = False
    week: dict[Weekday, tuple[Span, ...]] = Field(default_factory=dict)
    holidays: tuple[date, ...] = ()
    extra_working_days: tuple[date, ...] = ()
    extra_spans: tuple[Span, ...] = ()

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.always:
            if self.week or self.holidays or self.extra_working_days or self.extra_spans:
                raise ValueError(
                    "a calendar that is always open has no week, holidays or extra days; remove one or the other"
                )
            return self
        if not any(self.week.values()):
            raise ValueError("the calendar is never open; give `week` with spans, or `always: true`")
        for spans in [*self.week.values(), self.extra_spans]:
            ends = [minute for span in spans for minute in parse_span(span)]
            if ends != sorted(set(ends)):
                raise ValueError(f"spans {', '.join(spans)} touch, overlap or are out of order; sort and join them")
        both = set(self.holidays) & set(self.extra_working_days)
        if both:
            raise ValueError(f"{min(both)} is both holiday and extra working day; keep one")
        return self

    def minutes_of(self, weekday: int) -> tuple[tuple[int, int], ...]:
        """Open spans of a weekday (0 is Monday) in minutes after midnight."""
        if self.always:
            return ((0, 24 * 60),)
        return tuple(parse_span(span) for span in self.week.get(WEEKDAYS[weekday], ()))

    def extra_minutes(self) -> tuple[tuple[int, int], ...]:
        """Open spans of an extra working day, in minutes after midnight."""
        if self.extra_spans:
            return tuple(parse_span(span) for span in self.extra_spans)
        return next(spans for spans in map(self.minutes_of, range(7)) if spans)


class CalendarsFile(Strict):
    """calendars.yaml"""

    calendars: dict[Id, CalendarSpec] = Field(default_factory=dict)
