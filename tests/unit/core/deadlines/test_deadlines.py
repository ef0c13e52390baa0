"""Which clocks run and when they are due, by the city's deadline rows; and the examples beside each city."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.deadlines.columns import DueColumns
from hub.core.deadlines.rules import DeadlineRules
from hub.core.matching import matches
from hub.core.rules.examples import check_examples
from hub.policy import load_city
from hub.policy.models import CLOCKS, URGENCIES, DeadlineRule, DeadlineWhen
from hub.settings import ROOT

FOLDERS = sorted(path.parent for path in (ROOT / "ops" / "cities").glob("*/city.yaml"))
CITY = load_city(ROOT / "ops" / "cities" / "demo")
RULES = DeadlineRules(CITY)
OPENED = int(datetime(2026, 3, 4, 1, tzinfo=UTC).timestamp() * 1000)
events = st.tuples(
    st.sampled_from([*CITY.categories, "nobody knows"]),
    st.sampled_from(["police", "hotline", "petition", "citymgmt"]),
    st.sampled_from(URGENCIES),
    st.sampled_from([None, "LT01", "LT08"]),
    st.integers(OPENED, OPENED + 200 * 86_400_000),
)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_the_examples_of_every_city_hold(folder) -> None:  # type: ignore[no-untyped-def]
    city = load_city(folder)
    assert city.examples
    assert check_examples(city) == []


def test_an_example_that_does_not_hold_is_told() -> None:
    example = CITY.examples[0]
    due = dict(example.expect.due, accept=datetime(2026, 1, 1, tzinfo=UTC))
    wrong = example.expect.model_copy(update={"department": "roads", "area": "LT02", "rule": "x", "due": due})
    told = check_examples(replace(CITY, examples=(example.model_copy(update={"expect": wrong}),)))
    assert [part in " | ".join(told) for part in ("to water_supply", "row water", "area LT01", "accept is due")] == [
        True
    ] * 4
    silent = check_examples(replace(CITY, examples=(example,), deadlines=()))
    assert any("no accept clock runs" in one for one in silent)


@settings(deadline=None)
@given(st.lists(events, max_size=25))
def test_for_each_clock_the_first_row_applies_and_a_chunk_is_its_events(chunk) -> None:  # type: ignore[no-untyped-def]
    columns = [list(column) for column in zip(*chunk, strict=True)] or [[], [], [], [], []]
    found = RULES.due(*columns)
    assert len(found) == len(chunk)
    for (label, source, urgency, area, opened), dues in zip(chunk, found, strict=True):
        category = CITY.category_of(label)
        first = {
            clock: next(
                rule.id
                for rule in CITY.deadlines
                if rule.clock == clock and matches(rule.when, source, category, area, urgency)
            )
            for clock in CLOCKS
        }
        assert {one.clock: one.policy for one in dues} == first
        assert dues == RULES.due_one(label, source, urgency, area, opened)
        for one in dues:
            assert one.started_ms == opened < one.warn_ms < one.due_ms


@settings(deadline=None)
@given(st.lists(events, max_size=25))
def test_columns_say_what_due_says(chunk) -> None:  # type: ignore[no-untyped-def]
    columns = [list(column) for column in zip(*chunk, strict=True)] or [[], [], [], [], []]
    wanted = [(row, one.clock, one.policy, one.due_ms) for row, dues in enumerate(RULES.due(*columns)) for one in dues]
    for found in (
        RULES.columns(*columns),
        RULES.columns(*(pa.array(each, pa.string()) for each in columns[:4]), columns[4]),
    ):
        _same(found, wanted)


def _same(found: DueColumns, wanted: list[tuple[int, str, str, int]]) -> None:
    rows = found.row.tolist(), found.clock.to_pylist(), found.policy.to_pylist(), found.due_ms.tolist()
    assert list(zip(*rows, strict=True)) == wanted
    first = {row: min(due for at, _, _, due in wanted if at == row) for row, *_ in wanted}
    firsts = found.firsts()
    assert dict(zip(firsts.row.tolist(), firsts.due_ms.tolist(), strict=True)) == first


def test_without_a_row_no_clock_runs() -> None:
    only = DeadlineRule(id="one", clock="respond", when=DeadlineWhen(family=("road",)), duration=90, unit="minute")
    rules = DeadlineRules(replace(CITY, deadlines=(only,)))
    assert (
        rules.due(["road.pothole", "lighting.out"], ["hotline"] * 2, ["ROUTINE"] * 2, [None, None], [OPENED, OPENED])[1]
        == ()
    )
    (due,) = rules.due_one("road.pothole", "hotline", "ROUTINE", None, OPENED)
    assert (due.clock, due.policy, due.due_ms - OPENED, due.warn_ms - OPENED) == (
        "respond",
        "one",
        5_400_000,
        4_320_000,
    )


def test_the_warning_of_an_office_clock_falls_in_office_hours() -> None:
    """80 % of two working hours from 11:30 are 1 h 36 of open time: 15:06, not 12:42 in the midday break."""
    opened = int(datetime.fromisoformat("2026-03-06T11:30:00+08:00").timestamp() * 1000)
    accept = RULES.due_one("road.pothole", "hotline", "ROUTINE", None, opened)[0]
    assert accept.policy == "accept.default"
    assert accept.warn_ms == datetime.fromisoformat("2026-03-06T15:06:00+08:00").timestamp() * 1000
