"""The rules of one city as strict, frozen models: what may stand in the files of a policy folder, and nothing else."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Clock = Literal["accept", "respond", "resolve"]
Urgency = Literal["ROUTINE", "PROMPT", "URGENT", "EMERGENCY"]
Unit = Literal["minute", "hour", "urgent_work_hour", "work_hour", "work_day", "natural_day"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

CLOCKS: tuple[Clock, ...] = ("accept", "respond", "resolve")
URGENCIES: tuple[Urgency, ...] = ("ROUTINE", "PROMPT", "URGENT", "EMERGENCY")
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CONTINUOUS_UNITS: frozenset[Unit] = frozenset({"minute", "hour", "urgent_work_hour"})
"""Units whose clock never stands still; an urgent work hour (紧急工作时) runs at night and on holidays too."""
OFFICE_UNITS: frozenset[Unit] = frozenset({"work_hour", "work_day"})
"""Units that count only while the office is open, and so need a calendar."""

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


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{text!r} is not an IANA time zone; write one like 'Asia/Shanghai'") from None
    return text


def _span(text: str) -> str:
    parse_span(text)
    return text


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return text


def _four_decimals(value: float) -> float:
    if round(value, 4) != value:
        raise ValueError("default points are compared at 4 decimals; write no more than 4")
    return value


Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
RuleId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,79}$")]
Code = Annotated[str, Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$", max_length=80)]
Text = Annotated[str, Field(min_length=1, max_length=400)]
TimeZone = Annotated[str, AfterValidator(_zone)]
Span = Annotated[str, AfterValidator(_span)]
Pattern = Annotated[str, Field(min_length=1), AfterValidator(_pattern)]


class Strict(BaseModel):
    """Nothing is converted, nothing unknown passes, nothing changes after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Name(Strict):
    """What people read, in both languages."""

    en: Text
    zh: Text


class DefaultPoint(Strict):
    """Where a source's system puts what it cannot place: no place at all."""

    lat: Annotated[float, Field(ge=-90, le=90), AfterValidator(_four_decimals)]
    lon: Annotated[float, Field(ge=-180, le=180), AfterValidator(_four_decimals)]


class AreasFile(Strict):
    """Where the polygons are: a GeoJSON file of the folder and the properties that hold code and name."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    code: Text
    name: Text


class CityFile(Strict):
    """city.yaml"""

    id: Id
    name: Name
    time_zone: TimeZone
    effective_from: date
    dispatch_desk: Id
    areas: AreasFile | None = None
    grid_degrees: float = Field(0.02, ge=0.001, le=1)
    default_points: tuple[DefaultPoint, ...] = ()


class Category(Strict):
    """What a case is about. Linking works within a family."""

    code: Code
    name: Name
    family: Id
    aliases: tuple[Text, ...] = ()
    patterns: tuple[Pattern, ...] = ()


class TaxonomyFile(Strict):
    """taxonomy.yaml"""

    categories: tuple[Category, ...] = Field(min_length=1)


class Department(Strict):
    """Who acts."""

    id: Id
    name: Name


class DepartmentsFile(Strict):
    """departments.yaml"""

    departments: tuple[Department, ...] = Field(min_length=1)


class When(Strict):
    """Conditions; all that are given must hold, each by one of its values."""

    source: tuple[Id, ...] | None = Field(None, min_length=1)
    category: tuple[Code, ...] | None = Field(None, min_length=1)
    family: tuple[Id, ...] | None = Field(None, min_length=1)
    area: tuple[Text, ...] | None = Field(None, min_length=1)
    urgency: tuple[Urgency, ...] | None = Field(None, min_length=1)


class Route(Strict):
    """Who is responsible. The first row that matches decides."""

    id: RuleId
    when: When = When()
    department: Id
    priority: int | None = Field(None, ge=1, le=5)


class RoutesFile(Strict):
    """routes.yaml"""

    routes: tuple[Route, ...] = Field(min_length=1)


class DeadlineRule(Strict):
    """How long one clock may run. For each clock the first row that matches applies."""

    id: RuleId
    clock: Clock
    when: When = When()
    duration: float = Field(gt=0, le=10_000)
    unit: Unit
    calendar: Id | None = None
    warn_share: float = Field(0.8, gt=0, lt=1)
    roll_forward: bool = False
    legal_basis: Text | None = None

    @model_validator(mode="after")
    def _unit_and_calendar_agree(self) -> Self:
        if self.unit in OFFICE_UNITS and self.calendar is None:
            raise ValueError(f"unit {self.unit} needs a calendar; name one of calendars.yaml")
        if self.unit in ("work_day", "natural_day") and self.duration != int(self.duration):
            raise ValueError(f"a duration in {self.unit} is a whole number; write hours for parts of a day")
        if self.roll_forward and (self.unit != "natural_day" or self.calendar is None):
            raise ValueError("roll_forward needs unit natural_day and a calendar that says which days are holidays")
        return self


class DeadlinesFile(Strict):
    """deadlines.yaml"""

    deadlines: tuple[DeadlineRule, ...] = ()


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


class LinkRule(Strict):
    """How near in place and time two reports of a family must be to be one incident. No `family`: all others."""

    id: RuleId
    family: tuple[Id, ...] | None = Field(None, min_length=1)
    radius_m: float = Field(gt=0, le=20_000)
    window_hours: float = Field(gt=0, le=24 * 366)
    min_score: float = Field(ge=0, lt=1)


class LinkingFile(Strict):
    """linking.yaml"""

    linking: tuple[LinkRule, ...] = ()


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time without its offset is ambiguous; write it like 2026-03-02T09:00:00+08:00")
    return value


Instant = Annotated[datetime, AfterValidator(_aware)]


class ExampleEvent(Strict):
    """The report of an example."""

    source: Id
    category: Text
    urgency: Urgency = "ROUTINE"
    opened: Instant
    lat: float | None = None
    lon: float | None = None
    crs: str = "EPSG:4326"
    code: str | None = None


class ExampleOutcome(Strict):
    """What must come out. What is not given is not checked; `area: null` says it must be none."""

    department: Id
    area: str | None = None
    rule: str | None = None
    due: dict[Clock, Instant] = Field(default_factory=dict)


class Example(Strict):
    """A decision that must hold, whatever else is changed in the folder."""

    name: Text
    event: ExampleEvent
    expect: ExampleOutcome


class ExamplesFile(Strict):
    """examples.yaml"""

    examples: tuple[Example, ...] = ()
