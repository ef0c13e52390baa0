"""Due times after extensions and pauses: never earlier, additive, and counted in the row's own unit."""

from __future__ import annotations

import dataclasses
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.deadlines.rules import DeadlineRules
from hub.core.deadlines.terms import Terms
from hub.policy import load_city
from hub.policy.models import DeadlineRule
from hub.settings import ROOT

HOUR = 3_600_000
START = 1_772_400_000_000
UNITS: dict[str, dict[str, object]] = {
    "hour": {}, "work_hour": {}, "work_day": {}, "work_day to its end": {"ends": "day_end"}, "natural_day": {},
    "natural_day rolled": {"roll_forward": True}, "month": {},
}  # fmt: skip


@pytest.fixture(scope="module")
def terms() -> tuple[Terms, DeadlineRules, dict[str, DeadlineRule]]:
    city = load_city(ROOT / "ops" / "cities" / "demo")
    calendar = next(name for name, spec in city.calendars.items() if not spec.always)
    rows = {}
    for name, more in UNITS.items():
        unit = name.split()[0]
        extension = {"times": 3, "duration": 2.0, "unit": unit, "approved_by": "head of unit"}
        rows[name] = DeadlineRule.model_validate({
            "id": name.replace(" ", "-"), "clock": "resolve", "duration": 5.0, "unit": unit, "calendar": calendar,
            "extension": extension, **more,
        })  # fmt: skip
    rules = DeadlineRules(dataclasses.replace(city, deadlines=tuple(rows.values())))
    return Terms(rules), rules, rows


starts = st.integers(0, 400 * 24).map(lambda hours: START + hours * HOUR)
units = st.sampled_from(sorted(UNITS))


def base(rules: DeadlineRules, rule: DeadlineRule, start_ms: int) -> int:
    return int(rules.reckon(rule, np.array([start_ms]))[0])


Kit = tuple[Terms, DeadlineRules, dict[str, DeadlineRule]]


@given(starts, units, st.integers(0, 3))
def test_extensions_are_a_longer_duration_from_the_start(terms: Kit, start_ms: int, unit: str, times: int) -> None:
    kit, rules, rows = terms
    rule = rows[unit]
    longer = rule.model_copy(update={"duration": rule.duration + 2 * times})
    due = kit.due(rule, start_ms, base(rules, rule, start_ms), times, ())
    assert due == base(rules, rule.model_copy(update={"duration": longer.duration}), start_ms)


@given(starts, units, st.integers(0, 2000), st.integers(0, 300), st.integers(0, 300))
def test_a_pause_never_hurts_and_one_pause_is_as_long_as_its_parts(
    terms: Kit, start_ms: int, unit: str, after: int, first: int, second: int
) -> None:
    kit, rules, rows = terms
    rule = rows[unit]
    due = base(rules, rule, start_ms)
    a = start_ms + after * HOUR // 10
    b, c = a + first * HOUR // 2, a + (first + second) * HOUR // 2
    whole = kit.due(rule, start_ms, due, 0, ((a, c),))
    assert whole >= due
    assert kit.due(rule, start_ms, due, 0, ((a, a),)) == due
    if "rolled" not in unit:  # what is rolled past days off twice may end later than what is rolled once
        assert whole == kit.due(rule, start_ms, due, 0, ((a, b), (b, c)))
    if unit == "hour":
        assert whole == due + c - a


def test_sixty_days_and_thirty_more_are_ninety(terms: Kit) -> None:
    _, rules, rows = terms
    rule = rows["natural_day"].model_copy(update={"duration": 60.0})
    extension = rule.extension.model_copy(update={"duration": 30.0}) if rule.extension else None
    rule = rule.model_copy(update={"extension": extension})
    start_ms = round(datetime.fromisoformat("2026-03-02T09:00:00+08:00").timestamp() * 1000)
    ninety = rule.model_copy(update={"duration": 90.0})
    due = Terms(rules).due(rule, start_ms, base(rules, rule, start_ms), 1, ())
    assert due == base(rules, ninety, start_ms)
