"""A due time explained: its segments follow each other, sum up, and lead to the instant that the calendar gives."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date, datetime

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hub.core.calendars.calendar import Calendar
from hub.core.deadlines.derivations import segments
from hub.core.deadlines.rules import DeadlineRules
from hub.policy import load_city
from hub.policy.models import CalendarSpec, DeadlineRule, Season, Statutory
from hub.settings import ROOT
from hub.units import Segment

CITY = load_city(ROOT / "ops" / "cities" / "demo")
FIVE = ("mon", "tue", "wed", "thu", "fri")
CALENDARS = {
    "chinese": CalendarSpec(
        week=dict.fromkeys(FIVE, ("08:30-12:00", "14:00-17:30")), statutory=Statutory(country="CN")
    ),
    "summer": CalendarSpec(
        time_zone="Europe/London",
        week={**dict.fromkeys(FIVE, ("09:00-17:00",)), "sat": ("09:00-12:00",)},
        seasons=(Season(first_day="06-01", last_day="08-31", week=dict.fromkeys(FIVE, ("07:00-13:00",))),),
        days={date(2026, 12, 24): ("09:00-11:00",), date(2026, 7, 1): ()},
    ),
    "nights": CalendarSpec(
        time_zone="America/New_York", week={"sun": ("00:00-05:00", "22:00-24:00"), "mon": ("00:00-06:00",)}
    ),
}
START = 1_767_225_600_000  # 2026-01-01 UTC
instants = st.integers(START, START + 350 * 86_400_000)
ends = st.sampled_from([None, "same_time", "day_end", "close", "17:00"])
rows = st.one_of(
    st.builds(lambda n, unit: {"duration": n / 4, "unit": unit}, st.integers(1, 400),
              st.sampled_from(["second", "minute", "hour", "urgent_work_hour"])),
    st.builds(lambda n, name: {"duration": n / 4, "unit": "work_hour", "calendar": name}, st.integers(1, 300),
              st.sampled_from([*CALENDARS])),
    st.builds(lambda n, name, end, first: {"duration": n, "unit": "work_day", "calendar": name, "ends": end,
                                           "first_day_counts": first and end not in (None, "same_time")},
              st.integers(1, 40), st.sampled_from([*CALENDARS]), ends, st.booleans()),
    st.builds(lambda n, name, end, first, roll: {"duration": n, "unit": "natural_day", "calendar": name, "ends": end,
                                                 "roll_forward": roll, "first_day_counts": first and end != "same_time"},
              st.integers(1, 90), st.sampled_from([*CALENDARS]), ends, st.booleans(), st.booleans()),
    st.builds(lambda n, name, end, roll: {"duration": n, "unit": "month", "calendar": name, "ends": end, "roll_forward": roll},
              st.integers(1, 14), st.sampled_from([*CALENDARS]), ends, st.booleans()),
)  # fmt: skip


def rules_of(fields: dict[str, object]) -> DeadlineRules:
    row = DeadlineRule.model_validate(
        {"id": "one", "clock": "resolve", **{k: v for k, v in fields.items() if v is not None}}
    )
    return DeadlineRules(replace(CITY, calendars=CALENDARS, deadlines=(row,)))


def told(rules: DeadlineRules, policy: str, start: int, due: int) -> list[Segment]:
    rule = rules.rule(policy)
    assert rule is not None
    return segments(rule, rules.calendar(rule), start, due)


@settings(deadline=None, max_examples=300)
@given(rows, instants)
def test_segments_follow_each_other_and_sum_to_the_whole(fields: dict[str, object], start: int) -> None:
    rules = rules_of(fields)
    (due,) = rules.due_one("road.pothole", "hotline", "ROUTINE", None, start)
    assume(due.due_ms > start)  # the first day counts and its end has passed
    found = told(rules, "one", start, due.due_ms)
    assert (found[0].from_ms, found[-1].to_ms) == (start, due.due_ms)
    assert all(one.to_ms == other.from_ms for one, other in itertools.pairwise(found))
    assert all(one.from_ms <= one.to_ms for one in found)
    assert sum(one.counted for one in found) == pytest.approx(float(str(fields["duration"])), abs=1e-6)
    assert all(one.counted == 0 for one in found if one.why != "counted")


def test_they_say_why_a_day_did_not_count() -> None:
    """Told on a Friday evening before a make-up Sunday (2026-09-20), and over the Mid-Autumn holiday."""
    rules = DeadlineRules(CITY)
    started, due = (
        int(datetime.fromisoformat(text).timestamp() * 1000)
        for text in ("2026-09-18T18:00:00+08:00", "2026-09-28T08:30:00+08:00")
    )
    assert [(one.counted, one.why) for one in told(rules, "resolve.default", started, due)] == [
        (0, "closed"), (0, "first_day"), (4, "counted"), (0, "closed"), (1, "counted"),
    ]  # fmt: skip


def test_a_changed_calendar_has_another_version_and_an_equal_one_the_same() -> None:
    def version(spec: CalendarSpec) -> str:
        return Calendar(spec, "Asia/Shanghai").version

    spec = CALENDARS["chinese"]
    assert version(spec) == version(CalendarSpec.model_validate(spec.model_dump()))
    assert version(spec) != version(spec.model_copy(update={"holidays": (date(2026, 3, 3),)}))


def test_a_row_that_runs_no_clock_has_nothing_to_explain() -> None:
    row = DeadlineRule(id="none", clock="resolve", runs=False)
    rules = DeadlineRules(replace(CITY, deadlines=(row,)))
    assert rules.due_one("road.pothole", "hotline", "ROUTINE", None, START) == ()
