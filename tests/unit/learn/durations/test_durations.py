"""What is learnt of durations and calendars, against cities whose rules are known because they were made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.calendars.calendar import Calendar
from hub.core.deadlines.rules import DeadlineRules
from hub.learn.durations.cases import DueReports, cases_from
from hub.learn.durations.learn import LearntDurations, learn_durations, learn_from
from hub.learn.durations.likeness import Likeness, words_of
from hub.learn.durations.policy import deadline_rules
from hub.learn.durations.versions import best_stretches, share_right
from hub.learn.history import History
from hub.policy.models import CalendarSpec, Statutory
from tests.unit.learn.durations.made_up_city import history, ms, week

CHINESE = CalendarSpec(week=week("08:30-12:00", "14:00-17:30"), statutory=Statutory(country="CN"))
SATURDAYS = CalendarSpec(
    week={**week("08:00-16:00"), "sat": ("09:00-12:00",)}, holidays=(date(2025, 7, 9), date(2025, 12, 24))
)
TWO, FIVE_DAYS = {"amount": 2, "unit": "work_day"}, {"amount": 5, "unit": "work_day"}


def due_again(learnt: LearntDurations, cases: DueReports, conditions: list[list[str]] | None = None) -> np.ndarray:  # type: ignore[type-arg]
    """Due instants by the hub's own rules, loaded with what was learnt."""
    city = SimpleNamespace(
        time_zone=cases.time_zone,
        calendars=dict(learnt.calendars),
        deadlines=deadline_rules(learnt),
        area_classes={},
        divisions=None,
        clocks={},
        category_of=lambda code: SimpleNamespace(code=code, family="any"),
    )
    count = len(cases)
    names = [cases.names[number] for number in cases.category.tolist()]
    found = DeadlineRules(city).due(
        names, ["hotline"] * count, ["ROUTINE"] * count, [None] * count, cases.opened, conditions
    )  # type: ignore[arg-type]
    return np.array([dues[0].due_ms if dues else -1 for dues in found])


def test_a_chinese_office_is_found_with_its_midday_break_and_make_up_days() -> None:
    rules = {
        "accepted": TWO,
        "settled": FIVE_DAYS,
        "answered": {"amount": 4, "unit": "work_hour"},
        "petition": {"amount": 15, "unit": "natural_day"},
        "rolled": {"amount": 15, "unit": "natural_day", "roll_forward": True},
        "urgent": {"amount": 24, "unit": "hour"},
    }
    cases = history(rules, CHINESE, "Asia/Shanghai", wrong=0.03, each=300)
    learnt = learn_from(cases)
    (office,) = learnt.calendars.values()
    assert dict(office.week) == week("08:30-12:00", "14:00-17:30")
    assert office.statutory is not None
    assert office.statutory.country == "CN"
    assert not learnt.single_days
    assert learnt.explained > 0.95
    right = np.abs(due_again(learnt, cases) - cases.due) <= 60_000
    assert right.mean() == pytest.approx(learnt.explained, abs=0.005)
    rolled = next(row for row in learnt.rows if row.category == "rolled")
    assert rolled.duration is not None
    assert rolled.duration.shape.roll_forward
    assert 0.9 < rolled.confidence < rolled.support / rolled.reports < 1


def test_half_days_and_days_off_that_no_country_keeps_are_found() -> None:
    cases = history({"a": TWO, "b": FIVE_DAYS}, SATURDAYS, "Europe/Berlin", each=900)
    learnt = learn_from(cases, countries=())
    (office,) = learnt.calendars.values()
    assert dict(office.week) == dict(SATURDAYS.week)
    assert office.holidays == SATURDAYS.holidays
    assert set(learnt.single_days) == set(SATURDAYS.holidays)
    assert learnt.explained == 1


def test_a_city_that_never_closes_has_no_calendar() -> None:
    rules = {
        "lift": {"amount": 30, "unit": "minute"},
        "water": {"amount": 2, "unit": "hour"},
        "lamp": {"amount": 7, "unit": "natural_day", "ends": "same_time"},
        "plan": {"amount": 1, "unit": "month", "ends": "same_time"},
    }
    learnt = learn_from(history(rules, CalendarSpec(always=True), "Europe/London", wrong=0.02, each=300))
    assert not learnt.calendars
    units = {rule.when.category: (rule.duration, rule.unit, rule.ends) for rule in deadline_rules(learnt)}
    assert units["lift",] == (30, "minute", None)
    assert units["water",] == (2, "hour", None)
    assert units["lamp",] == (7, "natural_day", "same_time")
    assert units["plan",] == (1, "month", "same_time")


def test_a_due_time_at_a_fixed_time_of_day_is_a_rule_of_its_own() -> None:
    spec = CalendarSpec(week=week("09:00-17:00"), statutory=Statutory(country="US", subdivision="TX"))
    rules = {
        "a": {"amount": 2, "unit": "work_day", "ends": "17:00"},
        "b": {"amount": 9, "unit": "work_day", "ends": "17:00"},
    }
    learnt = learn_from(history(rules, spec, "America/Chicago", each=300))
    assert {rule.ends for rule in deadline_rules(learnt)} == {"17:00"}
    assert learnt.explained > 0.99


def test_a_duration_that_changed_holds_from_its_day_and_a_burst_of_errors_changes_nothing() -> None:
    before = history({"a": TWO, "b": FIVE_DAYS}, CHINESE, "Asia/Shanghai", last="2025-06-10T00:00:00+08:00", each=250)
    after = history(
        {"a": FIVE_DAYS, "b": FIVE_DAYS}, CHINESE, "Asia/Shanghai", first="2025-06-10T00:00:00+08:00", each=250, seed=90
    )
    due = np.concatenate([before.due, after.due]).astype(np.float64)
    opened = np.concatenate([before.opened, after.opened])
    names = [before.names[number] for number in np.concatenate([before.category, after.category]).tolist()]
    november = ms("2025-11-01T00:00:00+08:00")
    burst = [at for at, name in enumerate(names) if name == "a" and opened[at] >= november][:4]
    due[burst] = Calendar(CHINESE, "Asia/Shanghai").add(opened[burst], 2, "work_day")  # as before, by mistake
    rows = [row for row in learn_from(cases_from(opened, due, names, "Asia/Shanghai")).rows if row.category == "a"]
    assert [(row.duration.number, row.effective_from) for row in rows if row.duration] == [
        (2, None),
        (5, rows[1].effective_from),
    ]
    assert rows[0].effective_until == rows[1].effective_from
    assert rows[1].effective_from is not None
    assert abs((rows[1].effective_from - date(2025, 6, 10)).days) <= 2


def test_where_the_channel_decides_rows_carry_it_as_a_condition() -> None:
    phone = history({"a": TWO, "b": FIVE_DAYS}, CHINESE, "Asia/Shanghai", each=200)
    web = history({"a": FIVE_DAYS, "b": FIVE_DAYS}, CHINESE, "Asia/Shanghai", each=200, seed=70)
    opened = np.concatenate([phone.opened, web.opened])
    names = [phone.names[number] for number in np.concatenate([phone.category, web.category]).tolist()]
    channel = ["Phone"] * len(phone) + ["Web Form"] * len(web)
    due = np.concatenate([phone.due, web.due]).astype(np.float64)
    cases = cases_from(opened, due, names, "Asia/Shanghai", {"channel": channel})
    learnt = learn_from(cases)
    assert {row.condition for row in learnt.rows if row.category == "b"} == {None}
    assert len({row.condition for row in learnt.rows if row.category == "a"}) == 2
    told = [[f"channel={cases.values['channel'][number]}"] for number in cases.columns["channel"].tolist()]
    assert (due_again(learnt, cases, told) == cases.due).mean() > 0.99


def test_a_category_that_hardly_ever_has_a_due_time_gets_no_clock() -> None:
    cases = history({"a": TWO}, CHINESE, "Asia/Shanghai", each=200)
    opened = np.concatenate([cases.opened, cases.opened])
    due = np.concatenate([cases.due, np.full(len(cases), np.nan)])
    learnt = learn_from(cases_from(opened, due, ["a"] * len(cases) + ["talk"] * len(cases), "Asia/Shanghai"))
    (row,) = (row for row in learnt.rows if row.category == "talk")
    assert row.duration is None
    assert [rule.runs for rule in deadline_rules(learnt) if rule.when.category == ("talk",)] == [False]


def test_a_category_seen_once_counts_as_those_of_a_similar_name_do() -> None:
    """A day opened and due in office hours may be 24 hours or one working day; its name says which is likelier."""
    spec = CalendarSpec(week=week("08:30-17:00"))
    rules = {
        "street lamp repair": {"amount": 3, "unit": "natural_day", "ends": "same_time"},
        "street lamp wiring": {"amount": 9, "unit": "natural_day", "ends": "same_time"},
        "bin missing": TWO, "bin broken": FIVE_DAYS, "bin full": {"amount": 1, "unit": "work_day"},
    }  # fmt: skip
    many = history(rules, spec, "Asia/Shanghai", each=150)
    opened = np.append(many.opened, ms("2025-12-29T10:00:00+08:00"))
    due = np.append(many.due, ms("2025-12-30T10:00:00+08:00")).astype(np.float64)
    names = [many.names[number] for number in many.category.tolist()]
    for name, in_office in (("street lamp inspection", False), ("bin lid", True)):
        learnt = learn_from(cases_from(opened, due, [*names, name], "Asia/Shanghai"))
        (row,) = (row for row in learnt.rows if row.category == name)
        assert row.duration is not None
        assert (row.duration.shape.unit == "work_day") is in_office


def test_a_history_goes_in_and_its_columns_may_say_nothing() -> None:
    cases = history({"a": TWO, "b": FIVE_DAYS}, CHINESE, "Asia/Shanghai", each=150)
    count = len(cases)
    nothing = pa.nulls(count, pa.string())
    told = History(
        source=pa.array(["hotline"] * count), ref=pa.array([str(at) for at in range(count)]),
        opened_ms=pa.array(cases.opened), category=pa.array([cases.names[at] for at in cases.category.tolist()]),
        label=nothing, channel=nothing, urgency=nothing, lat=pa.nulls(count, pa.float64()), lon=pa.nulls(count, pa.float64()),
        address=nothing, title=nothing, text=nothing, due_ms=pa.array(cases.due), closed_ms=pa.nulls(count, pa.int64()),
        department=nothing, queue=nothing, duplicate=pa.nulls(count, pa.bool_()), duplicate_of=nothing,
        time_zone="Asia/Shanghai",
    )  # fmt: skip
    assert learn_durations(told).explained == 1
    without = replace(told, due_ms=pa.nulls(count, pa.int64()))
    assert learn_durations(without) == LearntDurations({}, (), 0, 0.0)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(1, 4))
def test_stretches_cover_every_row_once(flags: list[bool], candidates: int) -> None:
    right = np.stack([np.array(flags) ^ bool(at % 2) for at in range(candidates)], axis=1)
    found = best_stretches(right)
    assert [part.first for part in found] == [0, *(part.end for part in found[:-1])]
    assert found[-1].end == len(flags)
    wrong = sum(int((~right[part.first : part.end, part.candidate]).sum()) for part in found)
    assert wrong <= int((~right).sum(axis=0).min())


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_confidence_is_below_the_share_and_grows_with_it(right: list[bool]) -> None:
    share, low = share_right(np.array(right))
    assert 0 <= low <= share <= 1
    assert share_right(np.array(right * 4))[1] >= low - 1e-12


def test_chinese_names_are_alike_by_their_characters() -> None:
    assert words_of("路灯故障") == {"路灯", "灯故", "故障"}
    like = Likeness(["路灯故障", "路灯不亮", "垃圾满溢"])
    assert like.between("路灯故障", "路灯不亮") > like.between("路灯故障", "垃圾满溢") == 0
