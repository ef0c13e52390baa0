"""Which days and hours an office keeps: statutory days against a second library, seasons, revisions, single days, time zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import chinese_calendar
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.calendars.calendar import Calendar
from hub.millis import MINUTE_MS
from hub.policy.models import CalendarSpec, Revision, Season, Statutory
from hub.policy.statutory import StatutorySet, days_of, known_through, mistake_in
from hub.units.office import open_between
from tests.unit.core.calendars.slow_calendar import SlowCalendar, open_at

FIVE = ("mon", "tue", "wed", "thu", "fri")
CHINA = StatutorySet("CN")
DISAGREED = {date(2005, 12, 31)}
"""A Saturday before New Year on which the two libraries differ."""
EVERY_DAY = CalendarSpec(week=dict.fromkeys((*FIVE, "sat", "sun"), ("09:00-17:00",)), statutory=Statutory(country="CN"))
OFFICE = CalendarSpec(week=dict.fromkeys(FIVE, ("08:30-12:00", "14:00-17:30")), statutory=Statutory(country="CN"))


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def open_minutes(calendar: Calendar, day: date, zone: str) -> int:
    begin = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    edges = [int(one.astimezone(UTC).timestamp() * 1000) for one in (begin, begin + timedelta(days=1))]
    return int(open_between(calendar, np.array(edges[:1]), np.array(edges[1:]))[0]) // MINUTE_MS


def test_chinas_working_days_are_those_of_a_second_library() -> None:
    day, differ = date(2004, 1, 1), set()
    while day.year <= min(2026, max(chinese_calendar.holidays).year):
        days = days_of(CHINA, day.year)
        works = day in days.worked or (day.weekday() < 5 and day not in days.off)
        if works != chinese_calendar.is_workday(day):
            differ.add(day)
        day += timedelta(days=1)
    assert differ == DISAGREED


@pytest.mark.parametrize(("year", "count"), [(2024, 251), (2025, 248), (2026, 248)])
def test_a_year_has_as_many_working_days_as_its_notice_gives(year: int, count: int) -> None:
    calendar = Calendar(OFFICE, "Asia/Shanghai")
    edges = [at(f"{year}-01-01T00:00:00+08:00"), at(f"{year + 1}-01-01T00:00:00+08:00")]
    assert int(open_between(calendar, np.array(edges[:1]), np.array(edges[1:]))[0]) == count * 7 * 60 * MINUTE_MS


def test_an_office_that_works_weekends_keeps_the_weekend_of_a_holiday() -> None:
    """2026-10-03 and 04, a weekend within the National Day holiday: the notice counts them, and so an office closes."""
    calendar = Calendar(EVERY_DAY, "Asia/Shanghai")
    found = {day: open_minutes(calendar, date(2026, 10, day), "Asia/Shanghai") for day in range(1, 12)}
    assert [day for day, minutes in found.items() if minutes] == [8, 9, 10, 11]
    assert open_minutes(calendar, date(2026, 10, 17), "Asia/Shanghai") == 480


def test_how_far_holidays_are_known() -> None:
    through = known_through(CHINA)
    assert through is not None
    assert through >= date(2026, 12, 31)
    assert known_through(StatutorySet("US", "MA")) is None
    calendar = Calendar(OFFICE, "Asia/Shanghai")
    edge = at(f"{through.year + 1}-01-01T00:00:00+08:00")
    assert calendar.is_provisional(np.array([edge - 1, edge, edge + 1])).tolist() == [False, False, True]
    fixed = Calendar(CalendarSpec(week={"mon": ("08:00-12:00",)}, known_until=date(2025, 6, 30)), "UTC")
    instants = np.array([at("2025-06-30T23:00:00+00:00"), at("2025-07-01T00:00:01+00:00")])
    assert fixed.is_provisional(instants).tolist() == [False, True]


@pytest.mark.parametrize(
    ("which", "words"),
    [
        (StatutorySet("XX"), "two letters"),
        (StatutorySet("US", "ZZ"), "no subdivision 'ZZ'"),
        (StatutorySet("US", None, ("bank",)), "of kind 'bank'"),
    ],
)
def test_a_set_that_the_library_does_not_know_is_refused(which: StatutorySet, words: str) -> None:
    assert words in (mistake_in(which) or "")
    with pytest.raises(ValueError, match=words):
        days_of(which, 2025)


def test_other_countries_and_their_parts_keep_their_own_days() -> None:
    patriots = date(2015, 4, 20)
    assert patriots in days_of(StatutorySet("US", "MA"), 2015).off
    assert patriots not in days_of(StatutorySet("US", "TX"), 2015).off
    sunday = date(2022, 12, 25)
    assert sunday + timedelta(days=1) in days_of(StatutorySet("US"), 2022).off
    assert sunday + timedelta(days=1) not in days_of(StatutorySet("US", observed=False), 2022).off


def test_a_city_may_add_days_off_and_work_on_statutory_ones() -> None:
    worked = (date(2026, 10, 6), date(2026, 4, 25))
    spec = OFFICE.model_copy(update={"holidays": (date(2026, 4, 20),), "extra_working_days": worked})
    calendar = Calendar(spec, "Asia/Shanghai")
    assert [open_minutes(calendar, day, "Asia/Shanghai") for day in (date(2026, 4, 20), *worked)] == [
        0, 420, 420,
    ]  # fmt: skip


def test_half_holidays_keep_their_own_hours_on_days_that_the_week_has_open() -> None:
    """2026-05-04 lies within the Labour Day holiday, 2026-03-08 is a Sunday, 2026-06-01 a Monday."""
    half = Statutory(country="CN", hours={"half_day": ("08:30-12:00",)})
    calendar = Calendar(OFFICE.model_copy(update={"statutory": half}), "Asia/Shanghai")
    days = (date(2026, 5, 4), date(2025, 6, 2), date(2026, 6, 1), date(2026, 6, 2), date(2026, 3, 8), date(2026, 3, 7))
    assert [open_minutes(calendar, day, "Asia/Shanghai") for day in days] == [0, 0, 210, 420, 0, 0]
    every_day = Calendar(EVERY_DAY.model_copy(update={"statutory": half}), "Asia/Shanghai")
    assert [open_minutes(every_day, day, "Asia/Shanghai") for day in days[4:]] == [210, 480]


def test_seasons_revisions_and_single_days() -> None:
    spec = CalendarSpec(
        week=dict.fromkeys(FIVE, ("09:00-17:00",)),
        seasons=(Season(first_day="11-01", last_day="02-28", week=dict.fromkeys(FIVE, ("10:00-16:00",))),),
        days={date(2026, 12, 24): ("10:00-12:00",), date(2026, 7, 6): ()},
        revisions=(Revision(effective_from=date(2027, 1, 1), week=dict.fromkeys(("mon", "sat"), ("08:00-09:00",))),),
    )
    calendar = Calendar(spec, "Europe/London")
    expected = {
        date(2026, 10, 30): 480, date(2026, 11, 2): 360, date(2026, 2, 27): 360, date(2026, 3, 2): 480,
        date(2026, 12, 24): 120, date(2026, 7, 6): 0, date(2026, 12, 31): 360,
        date(2027, 1, 2): 60, date(2027, 1, 4): 60, date(2027, 1, 5): 0,
    }  # fmt: skip
    assert {day: open_minutes(calendar, day, "Europe/London") for day in expected} == expected


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from([0, 360, 510, 720, 840, 1050, 1320, 1440]), min_size=2, max_size=6, unique=True).map(sorted),
       st.integers(0, 400), st.integers(1, 2000), st.sampled_from(["Asia/Shanghai", "America/New_York"]))  # fmt: skip
def test_shifts_count_as_the_minute_count_does(edges: list[int], day: int, minutes: int, zone: str) -> None:
    spans = tuple(
        f"{a // 60:02d}:{a % 60:02d}-{b // 60:02d}:{b % 60:02d}" for a, b in zip(edges[::2], edges[1::2], strict=False)
    )
    spec = CalendarSpec(week={"mon": spans, "wed": spans, "sun": spans})
    start = at("2025-12-01T00:00:00+00:00") + day * 86_400_000 + 7 * MINUTE_MS
    due = Calendar(spec, zone).add(np.array([start]), minutes / 60, "work_hour")
    assert int(due[0]) == SlowCalendar(spec, zone).add_minutes(start, minutes)


def test_a_calendar_may_lie_in_another_time_zone_than_its_city() -> None:
    spec = CalendarSpec(week=dict.fromkeys(FIVE, ("09:00-17:00",)), time_zone="Asia/Urumqi")
    assert open_at(Calendar(spec, "Asia/Shanghai"), at("2026-03-05T11:30:00+08:00"))
    assert not open_at(Calendar(spec, "Asia/Shanghai"), at("2026-03-05T10:30:00+08:00"))


@pytest.mark.parametrize(
    ("start", "amount", "unit", "how", "due"),
    [
        ("2026-01-31T10:00:00+08:00", 1, "month", {}, "2026-03-01T00:00:00+08:00"),  # the month's last day, to its end
        ("2024-01-31T10:00:00+08:00", 1, "month", {"ends": "same_time"}, "2024-02-29T10:00:00+08:00"),
        ("2026-08-31T10:00:00+08:00", 1, "month", {"roll_forward": True}, "2026-10-01T00:00:00+08:00"),
        ("2026-09-01T10:00:00+08:00", 1, "month", {"roll_forward": True}, "2026-10-09T00:00:00+08:00"),  # National Day
        ("2026-03-05T10:00:00+08:00", 2, "work_day", {"ends": "close"}, "2026-03-09T17:30:00+08:00"),
        ("2026-03-07T10:00:00+08:00", 1, "work_day", {"ends": "day_end"}, "2026-03-10T00:00:00+08:00"),  # told on a Saturday
        ("2026-03-05T20:00:00+08:00", 1, "work_day", {"ends": "16:00"}, "2026-03-06T16:00:00+08:00"),
        ("2026-03-05T10:00:00+08:00", 1, "natural_day", {"first_day_counts": True}, "2026-03-06T00:00:00+08:00"),  # the same day
        ("2026-03-07T10:00:00+08:00", 1, "work_day", {"ends": "close", "first_day_counts": True}, "2026-03-09T17:30:00+08:00"),
        ("2026-03-05T10:00:00+08:00", 2, "work_day", {"ends": "close", "first_day_counts": True}, "2026-03-06T17:30:00+08:00"),
        ("2026-03-05T10:00:00+08:00", 7, "natural_day", {"ends": "same_time"}, "2026-03-12T10:00:00+08:00"),
        ("2026-03-05T10:00:00+08:00", 2, "work_hour", {"ends": "opening"}, "2026-03-05T14:00:00+08:00"),
        ("2026-03-05T10:00:00+08:00", 90, "second", {}, "2026-03-05T10:01:30+08:00"),
    ],
)  # fmt: skip
def test_how_a_clock_in_days_ends(start: str, amount: float, unit, how, due: str) -> None:  # type: ignore[no-untyped-def]
    assert Calendar(OFFICE, "Asia/Shanghai").add(np.array([at(start)]), amount, unit, **how).tolist() == [at(due)]


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=20),
    st.sampled_from(["work_day", "natural_day", "month", "work_hour"]),
)
@settings(deadline=None)
def test_a_column_of_amounts_is_its_entries(amounts: list[int], unit) -> None:  # type: ignore[no-untyped-def]
    calendar, start = Calendar(OFFICE, "Asia/Shanghai"), at("2025-03-05T10:00:00+08:00")
    together = calendar.add(np.full(len(amounts), start), np.array(amounts), unit)
    assert together.tolist() == [int(calendar.add(np.array([start]), amount, unit)[0]) for amount in amounts]
