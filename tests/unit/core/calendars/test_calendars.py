"""The vectorised calendar against the laws of counting time and a minute-by-minute reference."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.calendars.calendar import Calendar
from hub.core.calendars.zones import zone_of
from hub.errors import FatalError
from hub.millis import HOUR_MS, MINUTE_MS
from hub.policy import load_city
from hub.policy.models import CalendarSpec
from hub.settings import ROOT
from hub.units.office import open_between
from tests.unit.core.calendars.slow_calendar import SlowCalendar, open_at

ZONES = ("Asia/Shanghai", "America/New_York", "Europe/London", "Australia/Lord_Howe", "UTC")
FIVE_DAYS = ("mon", "tue", "wed", "thu", "fri")
OFFICE = CalendarSpec(
    week=dict.fromkeys(FIVE_DAYS, ("08:30-12:00", "14:00-17:30")),
    holidays=(date(2026, 10, 1), date(2026, 10, 2), date(2026, 3, 30), date(2026, 11, 3)),
    extra_working_days=(date(2026, 10, 10), date(2026, 3, 29)),
)
UNEVEN = CalendarSpec(
    week={"mon": ("09:00-12:30", "13:30-18:00"), "wed": ("10:00-16:00",), "sat": ("08:00-11:00", "15:00-20:00")},
    holidays=(date(2026, 10, 7),),
    extra_working_days=(date(2026, 10, 9),),
    extra_spans=("07:00-09:00",),
)
NIGHT = CalendarSpec(week={"sun": ("00:00-03:30", "22:00-24:00"), "mon": ("00:00-06:00",)})
"""Open while clocks are put forward and back."""
SPECS = (OFFICE, UNEVEN, NIGHT)
DAYTIME = (OFFICE, UNEVEN)

_FIRST = 29_498_000  # a minute in February 2026
minutes_2026 = st.integers(_FIRST, _FIRST + 300 * 24 * 60).map(lambda minute: minute * MINUTE_MS)
instants = st.integers(_FIRST * MINUTE_MS, (_FIRST + 300 * 24 * 60) * MINUTE_MS)
calendars = st.tuples(st.sampled_from(SPECS), st.sampled_from(ZONES))
daytime = st.tuples(st.sampled_from(DAYTIME), st.sampled_from(ZONES))
_made: dict[tuple[int, str], Calendar] = {}


def made(which: tuple[CalendarSpec, str]) -> Calendar:
    """One calendar object for each kind, so that its table also grows in the middle of things."""
    spec, zone = which
    return _made.setdefault((id(spec), zone), Calendar(spec, zone))


def one(found: np.ndarray) -> int:
    assert found.shape == (1,)
    return int(found[0])


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@settings(max_examples=60, deadline=None)
@given(calendars, minutes_2026, st.integers(1, 30 * 60))
def test_work_hours_equal_the_minute_count(which: tuple[CalendarSpec, str], start: int, minutes: int) -> None:
    due = one(made(which).add(np.array([start]), minutes / 60, "work_hour"))
    assert due == SlowCalendar(*which).add_minutes(start, minutes)


@settings(max_examples=100, deadline=None)
@given(daytime, minutes_2026, st.integers(1, 40))
def test_work_days_equal_the_day_count(which: tuple[CalendarSpec, str], start: int, days: int) -> None:
    due = one(made(which).add(np.array([start]), days, "work_day"))
    assert due == SlowCalendar(*which).add_work_days(start, days)


@settings(max_examples=200, deadline=None)
@given(daytime, minutes_2026, st.integers(1, 90), st.booleans())
def test_natural_days_equal_the_day_count(which: tuple[CalendarSpec, str], start: int, days: int, roll: bool) -> None:
    due = one(made(which).add(np.array([start]), days, "natural_day", roll_forward=roll))
    assert due == SlowCalendar(*which).add_natural_days(start, days, roll_forward=roll)


@given(calendars, instants)
def test_open_is_what_the_wall_says(which: tuple[CalendarSpec, str], instant: int) -> None:
    expected = SlowCalendar(*which).is_open(datetime.fromtimestamp(instant / 1000, zone_info(which[1])))
    assert open_at(made(which), instant) is expected


@given(daytime, st.lists(instants, min_size=2, max_size=30), st.integers(1, 60), st.sampled_from(
    ["minute", "hour", "urgent_work_hour", "work_hour", "work_day", "natural_day"]
))  # fmt: skip
def test_a_later_start_is_never_due_earlier(which, starts, amount, unit) -> None:  # type: ignore[no-untyped-def]
    ordered = np.sort(np.array(starts, dtype=np.int64))
    due = made(which).add(ordered, amount, unit)
    assert (np.diff(due) >= 0).all()
    assert (due > ordered).all()


@given(calendars, instants, st.integers(1, 5000), st.integers(1, 5000))
def test_work_hours_add_up(which: tuple[CalendarSpec, str], start: int, first: int, second: int) -> None:
    calendar = made(which)
    begin = np.array([start])
    at_once = calendar.add(begin, (first + second) / 60, "work_hour")
    in_turn = calendar.add(calendar.add(begin, first / 60, "work_hour"), second / 60, "work_hour")
    assert one(at_once) == one(in_turn)
    assert one(open_between(calendar, begin, at_once)) == (first + second) * MINUTE_MS


@given(daytime, instants, st.integers(1, 50), st.sampled_from(["work_hour", "work_day"]))
def test_nothing_is_due_in_closed_time(which, start, amount, unit) -> None:  # type: ignore[no-untyped-def]
    """At a closing time at the latest: the instant before, or the due time itself, is open."""
    due = made(which).add(np.array([start]), amount, unit)
    assert open_at(made(which), due[0] - 1) or open_at(made(which), due[0])


@given(daytime, instants, st.integers(1, 50), st.sampled_from(["hour", "work_hour", "work_day", "natural_day"]),
       st.floats(0.01, 0.99))  # fmt: skip
def test_the_warning_lies_at_its_share_of_the_clocks_own_time(which, start, amount, unit, share) -> None:  # type: ignore[no-untyped-def]
    calendar, begin = made(which), np.array([start])
    due = calendar.add(begin, amount, unit)
    warn = calendar.after_share(begin, due, share, unit)
    assert start <= one(warn) <= one(due)
    if unit.startswith("work"):
        run, whole = one(open_between(calendar, begin, warn)), one(open_between(calendar, begin, due))
    else:
        run, whole = one(warn) - start, one(due) - start
    assert abs(run - whole * share) <= 1


@given(calendars, st.lists(instants, max_size=20))
def test_a_column_is_its_entries(which: tuple[CalendarSpec, str], starts: list[int]) -> None:
    calendar = made(which)
    together = calendar.add(np.array(starts, dtype=np.int64), 7, "work_hour")
    assert together.tolist() == [one(calendar.add(np.array([start]), 7, "work_hour")) for start in starts]


@given(st.sampled_from(ZONES), instants)
def test_local_time_is_the_zones(zone: str, instant: int) -> None:
    table = zone_of(zone, 2025, 2028)
    expected = datetime.fromtimestamp(instant / 1000, zone_info(zone))
    offset = expected.utcoffset()
    assert offset is not None
    local = table.to_local(np.array([instant]))
    assert one(local) == instant + offset.total_seconds() * 1000
    again = one(table.to_utc(local))
    assert again == instant or one(table.to_local(np.array([again]))) == one(local)  # an hour that comes twice


@pytest.mark.parametrize("zone", ZONES)
def test_clocks_change_at_the_right_second(zone: str) -> None:
    table = zone_of(zone, 2024, 2030)
    assert len(table.starts) == (1 if zone in ("Asia/Shanghai", "UTC") else 13)
    around = np.concatenate([table.starts[1:] - 1000, table.starts[1:]])
    for instant, local in zip(around.tolist(), table.to_local(around).tolist(), strict=True):
        offset = datetime.fromtimestamp(instant / 1000, zone_info(zone)).utcoffset()
        assert offset is not None
        assert local - instant == offset.total_seconds() * 1000


@pytest.mark.parametrize(
    ("start", "amount", "unit", "due"),
    [
        ("2026-03-05T11:00:00+08:00", 2, "work_hour", "2026-03-05T15:00:00+08:00"),  # over midday
        ("2026-03-05T11:00:00+08:00", 1, "work_hour", "2026-03-05T12:00:00+08:00"),  # at the close, not at two
        ("2026-03-06T17:00:00+08:00", 1, "work_hour", "2026-03-09T09:00:00+08:00"),  # over the weekend
        ("2026-03-05T12:40:00+08:00", 1, "work_day", "2026-03-06T14:00:00+08:00"),  # told at midday
        ("2026-03-07T12:40:00+08:00", 1, "work_day", "2026-03-10T08:30:00+08:00"),  # told on a Saturday
        ("2026-09-30T10:00:00+08:00", 1, "work_day", "2026-10-08T10:00:00+08:00"),  # National Day
        ("2026-10-09T10:00:00+08:00", 1, "work_day", "2026-10-10T10:00:00+08:00"),  # a make-up Saturday
        ("2026-03-05T23:59:00+08:00", 1, "natural_day", "2026-03-07T00:00:00+08:00"),  # first day not counted
        ("2026-03-07T23:00:00+08:00", 3, "urgent_work_hour", "2026-03-08T02:00:00+08:00"),  # nights and weekends too
        ("2026-03-07T23:00:00+08:00", 90, "minute", "2026-03-08T00:30:00+08:00"),
    ],
)  # fmt: skip
def test_plain_cases(start: str, amount: float, unit, due: str) -> None:  # type: ignore[no-untyped-def]
    calendar = Calendar(load_city(ROOT / "ops" / "cities" / "demo").calendars["office"], "Asia/Shanghai")
    assert one(calendar.add(np.array([at(start)]), amount, unit)) == at(due)


def test_the_demo_year_has_as_many_working_days_as_the_notice_gives() -> None:
    calendar = Calendar(load_city(ROOT / "ops" / "cities" / "demo").calendars["office"], "Asia/Shanghai")
    begin, end = np.array([at("2026-01-01T00:00:00+08:00")]), np.array([at("2027-01-01T00:00:00+08:00")])
    assert one(open_between(calendar, begin, end)) == 248 * 7 * HOUR_MS


def test_the_table_grows_both_ways() -> None:
    calendar = Calendar(OFFICE, "Asia/Shanghai")
    fresh = Calendar(OFFICE, "Asia/Shanghai")
    early, late = at("1991-05-06T09:00:00+08:00"), at("2090-05-08T09:00:00+08:00")
    for start in (at("2026-03-05T09:00:00+08:00"), late, early):
        calendar.add(np.array([start]), 1, "work_hour")
    assert one(calendar.add(np.array([late]), 3000, "work_day")) == one(fresh.add(np.array([late]), 3000, "work_day"))


@pytest.mark.parametrize(("amount", "unit"), [(0, "hour"), (-1, "work_day"), (1.5, "work_day"), (0.5, "natural_day")])
def test_durations_without_sense_are_refused(amount: float, unit) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="a duration"):
        Calendar(OFFICE, "UTC").add(np.array([0]), amount, unit)


def test_a_deadline_that_never_ends_is_fatal() -> None:
    hardly = CalendarSpec(week={"mon": ("08:00-08:01",)})
    with pytest.raises(FatalError, match="2400"):
        Calendar(hardly, "UTC").add(np.array([at("2026-03-05T09:00:00+00:00")]), 10_000, "work_hour")


def test_no_events_no_due_times() -> None:
    calendar = Calendar(OFFICE, "UTC")
    nothing = np.array([], dtype=np.int64)
    assert calendar.add(nothing, 1, "work_day").size == 0
    assert calendar.after_share(nothing, nothing, 0.5, "work_day").size == 0


def zone_info(name: str):  # type: ignore[no-untyped-def]
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)
