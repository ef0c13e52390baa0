"""What holds of every unit of durations, whichever there are: a unit that is registered is held to all of it."""

from __future__ import annotations

import dataclasses
import itertools
from datetime import date

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from hub.core.calendars.calendar import Calendar
from hub.core.deadlines.derivations import segments
from hub.core.deadlines.rules import DeadlineRules
from hub.core.deadlines.terms import Terms
from hub.millis import DAY_MS, HOUR_MS, MINUTE_MS
from hub.policy import load_city
from hub.policy.models import CalendarSpec, DeadlineRule
from hub.settings import ROOT
from hub.units import UNITS, Manner, Unit, unit_of, zh_name
from hub.units.continuous import Continuous
from hub.units.office import open_between
from hub.units.unit import NAMED_ENDS, registered

CITY = load_city(ROOT / "ops" / "cities" / "demo")
FIVE = ("mon", "tue", "wed", "thu", "fri")
OFFICE = CalendarSpec(
    week={**dict.fromkeys(FIVE, ("08:30-12:00", "14:00-17:30")), "sat": ("09:00-12:00",)},
    holidays=(date(2026, 10, 1), date(2026, 10, 2), date(2026, 3, 30)),
    extra_working_days=(date(2026, 10, 10), date(2026, 3, 29)),
)
ZONES = ("Asia/Shanghai", "America/New_York", "UTC")
CALENDARS = {zone: Calendar(OFFICE, zone) for zone in ZONES}
START_MS = 1_772_323_200_000
half_hours = st.integers(0, 300 * 24 * 2).map(lambda halves: START_MS + halves * HOUR_MS // 2)
"""When offices open and close."""
starts = half_hours | st.integers(0, 300 * 24 * 60).map(lambda minutes: START_MS + minutes * MINUTE_MS)
calendars = st.sampled_from(ZONES).map(CALENDARS.__getitem__)
laws = settings(deadline=None, max_examples=250)


def manners(unit: Unit) -> list[Manner]:
    """Every way in which a row may have a unit counted."""
    ends = [None, *(each for each in (*NAMED_ENDS, "17:00", "03:15:30") if unit.takes(each))]
    return [
        Manner(end, roll, first)
        for end in ends
        for roll in (False, True)[: 1 + unit.rolls]
        for first in (False, True)[: 1 + unit.first_day_may_count(end)]
    ]


COUNTS = [(unit, manner) for unit in UNITS.values() for manner in manners(unit)]
counts = st.sampled_from(sorted(UNITS)).flatmap(
    lambda name: st.sampled_from([count for count in COUNTS if count[0].name == name])
)
numbers = st.integers(1, 40)


def amount_of(unit: Unit, number: int) -> float:
    """Some amount that the unit can count."""
    return number if unit.whole else number * 30 / unit.parts


def due(calendar: Calendar, unit: Unit, manner: Manner, start: int, amount: float) -> int:
    return int(calendar.add(np.array([start]), amount, unit.name, **manner._asdict())[0])


def row(unit: Unit, manner: Manner, amount: float, **more: object) -> DeadlineRule:
    fields = {"id": "one", "clock": "resolve", "unit": unit.name, "duration": float(amount), **more}
    if manner.ends is not None:
        fields["ends"] = manner.ends
    if not unit.continuous:
        fields["calendar"] = "office"
    return DeadlineRule.model_validate(
        {**fields, "roll_forward": manner.roll_forward, "first_day_counts": manner.first_day_counts}
    )


def rules_of(rule: DeadlineRule) -> DeadlineRules:
    return DeadlineRules(dataclasses.replace(CITY, calendars={"office": OFFICE}, deadlines=(rule,)))


def test_a_unit_says_what_it_is_and_is_called() -> None:
    assert len({unit.zh for unit in UNITS.values()}) == len(UNITS) >= 8
    for name, unit in UNITS.items():
        assert unit_of(name) is unit
        assert (unit.name, zh_name(name)) == (name, unit.zh)
        assert unit.zh
        assert not (unit.continuous and unit.needs_office)
        assert unit.own_end in NAMED_ENDS
        assert unit.parts == 1 or not unit.whole


def test_a_unit_of_another_version_has_no_name() -> None:
    assert zh_name("fortnight") == ""


@pytest.mark.parametrize("method", sorted(Unit.__abstractmethods__))
def test_a_unit_that_lacks_a_method_is_none(method: str) -> None:
    """As it would be if somebody forgot it: it cannot be registered."""
    forgetful = type(
        "Forgetful", (Continuous,), {"name": "forgetful", "zh": "忘", "ms": 1, method: getattr(Unit, method)}
    )
    with pytest.raises(TypeError, match=method):
        registered(forgetful)
    assert "forgetful" not in UNITS


@pytest.mark.parametrize(("unit", "manner"), COUNTS)
def test_a_row_may_count_as_the_unit_allows(unit: Unit, manner: Manner) -> None:
    assert row(unit, manner, 2).manner == manner


@pytest.mark.parametrize("unit", UNITS.values(), ids=[*UNITS])
def test_a_row_may_not_count_otherwise(unit: Unit) -> None:
    everything = itertools.product((None, *NAMED_ENDS, "17:00"), (False, True), (False, True))
    for manner in set(itertools.starmap(Manner, everything)) - set(manners(unit)):
        with pytest.raises(ValidationError, match=r"remove it|natural_day"):
            row(unit, manner, 2)
    if unit.whole:
        with pytest.raises(ValidationError, match="whole number"):
            row(unit, Manner(), 1.5)


@laws
@given(calendars, counts, starts, numbers, st.integers(0, 20))
def test_more_time_and_a_later_start_are_never_due_earlier(calendar, count, start, number, more) -> None:  # type: ignore[no-untyped-def]
    unit, manner = count
    first = due(calendar, unit, manner, start, amount_of(unit, number))
    assert first > start or manner.first_day_counts
    assert first >= start
    assert due(calendar, unit, manner, start, amount_of(unit, number + more)) >= first
    assert due(calendar, unit, manner, start + more * HOUR_MS, amount_of(unit, number)) >= first or (
        calendar.time_zone == "America/New_York"  # when clocks are put forward, a wall's times come closer
    )


@laws
@given(calendars, counts, st.lists(starts, min_size=1, max_size=9), numbers)
def test_a_column_is_its_entries(calendar, count, begun, number) -> None:  # type: ignore[no-untyped-def]
    unit, manner = count
    amount = amount_of(unit, number)
    together = calendar.add(np.array(begun), amount, unit.name, **manner._asdict()).tolist()
    each = calendar.add(np.array(begun), np.full(len(begun), amount), unit.name, **manner._asdict()).tolist()
    assert together == each == [due(calendar, unit, manner, start, amount) for start in begun]


@laws
@given(calendars, counts, starts, numbers, st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_warnings_lie_within_the_clocks_time_in_order(calendar, count, start, number, one, other) -> None:  # type: ignore[no-untyped-def]
    unit, manner = count
    end = due(calendar, unit, manner, start, amount_of(unit, number))
    edges = np.array([start]), np.array([end])
    early, late = (int(calendar.after_share(*edges, share, unit.name)[0]) for share in sorted((one, other)))
    assert start <= early <= late <= end

    def run(until: int) -> int:
        """How much of the clock's own time has gone."""
        return int(open_between(calendar, edges[0], np.array([until]))[0]) if unit.needs_office else until - start

    assert abs(run(early) - run(end) * min(one, other)) <= 1


@laws
@given(calendars, counts, starts, numbers, st.integers(0, 4000), st.integers(0, 300), st.integers(0, 300))
def test_a_pause_is_as_long_as_its_parts_and_never_hurts(calendar, count, start, number, after, first, second) -> None:  # type: ignore[no-untyped-def]
    unit, manner = count
    end = due(calendar, unit, manner, start, amount_of(unit, number))
    a = start + after * HOUR_MS // 10
    b, c = a + first * HOUR_MS // 2, a + (first + second) * HOUR_MS // 2
    whole = unit.after_pause(calendar, end, a, c, manner)
    assert whole >= end
    assert unit.after_pause(calendar, end, a, a, manner) == end
    assert whole > end or c - a < 3 * DAY_MS or unit.needs_office  # holidays may be all there is in a pause
    if not manner.roll_forward and manner.ends not in ("close", "opening"):  # these move what is added on
        assert whole == unit.after_pause(calendar, unit.after_pause(calendar, end, a, b, manner), b, c, manner)


@laws
@given(calendars, counts, starts, numbers)
def test_segments_lead_from_start_to_end_and_sum_to_the_whole(calendar, count, start, number) -> None:  # type: ignore[no-untyped-def]
    unit, manner = count
    amount = amount_of(unit, number)
    end = due(calendar, unit, manner, start, amount)
    assume(end > start)  # the first day counts and its end has passed
    found = segments(row(unit, manner, amount), calendar, start, end)
    assert (found[0].from_ms, found[-1].to_ms) == (start, end)
    assert all(one.to_ms == other.from_ms for one, other in itertools.pairwise(found))
    assert all(one.from_ms <= one.to_ms for one in found)
    assert sum(one.counted for one in found) == pytest.approx(amount, abs=1e-6)
    assert all(one.counted == 0 for one in found if one.why != "counted")


@laws
@given(calendars, counts, starts, numbers)
def test_what_a_clock_counted_is_found_again(calendar, count, start, number) -> None:  # type: ignore[no-untyped-def]
    """So that a history can be learnt from."""
    unit, manner = count
    assume(not manner.first_day_counts)
    amount = amount_of(unit, number)
    end = due(calendar, unit, manner, start, amount)
    found = [int(each[0]) for each in unit.counted(calendar, np.array([start]), np.array([end]), manner)]
    assert round(amount * unit.parts) in found
    assert len(found) == 1 or manner.roll_forward


@laws
@given(counts, starts, st.integers(1, 20), st.integers(0, 3), st.sampled_from(sorted(UNITS)))
def test_extensions_lengthen_the_duration(count, start, number, times, other) -> None:  # type: ignore[no-untyped-def]
    """In its own unit by as much more from the start; in another, added at its end."""
    unit, manner = count
    extension = {"times": 3, "duration": 2.0, "unit": other, "approved_by": "head of unit"}
    rule = row(unit, manner, number, extension=extension)
    rules = rules_of(rule)
    end = int(rules.reckon(rule, np.array([start]))[0])
    extended = Terms(rules).due(rule, start, end, times, ())
    if other == unit.name:
        longer = rule.model_copy(update={"duration": rule.duration + 2 * times})
        assert extended == int(rules.reckon(longer, np.array([start]))[0])
    assert extended >= end
    assert times or extended == end
