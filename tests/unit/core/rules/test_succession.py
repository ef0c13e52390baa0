"""New rules take over whole or not at all, and each report is decided by the rules of its time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.rules.succession import Versions, succeed
from hub.policy import load_city
from hub.policy.models import Route, RouteWhen
from hub.settings import ROOT

CITY = load_city(ROOT / "ops" / "cities" / "demo")
OTHER = replace(CITY, fingerprint="another")


def test_the_same_rules_follow_with_nothing_to_tell() -> None:
    found = succeed(CITY, load_city(ROOT / "ops" / "cities" / "demo"))
    assert found.allowed
    assert found.changes == ()


def test_changes_are_told_by_row() -> None:
    first, second, *rest = OTHER.routes
    dearer = second.model_copy(update={"priority": 5})
    added = Route(id="extra", department="roads", when=RouteWhen(keywords=("never said",)))
    found = succeed(CITY, replace(OTHER, routes=(dearer, first, *rest[1:], added)))
    assert found.allowed
    assert sorted(found.changes) == sorted(
        [
            f"route 派单规则 {second.id}: changed",
            f"route 派单规则 {rest[0].id}: gone",
            "route 派单规则 extra: new",
            "route 派单规则: another order",
        ]
    )


FULL = load_city(ROOT / "ops" / "cities" / "cn-full")


@pytest.mark.parametrize(
    "table",
    [
        "categories",
        "departments",
        "routes",
        "deadlines",
        "calendars",
        "linking",
        "clocks",
        "conditions",
        "steps",
        "outcomes",
        "examples",
    ],
)
def test_a_row_that_is_gone_from_any_table_is_told(table: str) -> None:
    """A worker says "the same rules" where nothing is told."""
    rows = getattr(FULL, table)
    assert rows, "the city has some"
    fewer = dict(list(rows.items())[1:]) if isinstance(rows, Mapping) else tuple(rows[1:])
    found = succeed(FULL, replace(FULL, fingerprint="another", **{table: fewer}))
    assert any(change.endswith(": gone") for change in found.changes)


def test_what_decides_nothing_is_told_as_that_and_a_way_back_as_one() -> None:
    assert succeed(CITY, OTHER).changes == ("nothing that decides 规则未变: comments, layout or names",)
    earlier = CITY.file.model_copy(update={"effective_from": CITY.file.effective_from - timedelta(days=1)})
    assert any("goes back 回退" in change for change in succeed(CITY, replace(OTHER, file=earlier)).changes)


def test_an_example_that_no_longer_holds_forbids_it() -> None:
    found = succeed(CITY, replace(OTHER, routes=OTHER.routes[::-1]))
    assert not found.allowed
    assert any("examples.yaml" in problem for problem in found.problems)


def test_what_topics_and_state_are_keyed_by_must_stay() -> None:
    for changed, said in (
        (replace(OTHER, file=OTHER.file.model_copy(update={"id": "elsewhere"})), "the id is 'elsewhere'"),
        (replace(OTHER, file=OTHER.file.model_copy(update={"time_zone": "Asia/Urumqi"})), "the time zone was"),
        (replace(OTHER, file=OTHER.file.model_copy(update={"grid_degrees": 0.5})), "places are keyed by them"),
        (replace(OTHER, areas=OTHER.areas[1:]), "places are keyed by them"),
    ):
        assert any(said in problem for problem in succeed(CITY, changed).problems)


def test_a_department_with_open_cases_must_stay() -> None:
    departments = {name: one for name, one in CITY.departments.items() if name != "market"}
    routes = tuple(row for row in CITY.routes if row.department != "market")
    smaller = replace(OTHER, departments=departments, routes=routes, examples=())
    assert succeed(CITY, smaller).allowed
    assert "'market' is gone" in succeed(CITY, smaller, in_use=["market", "roads"]).problems[0]


@given(st.lists(st.integers(-1000, 1000), max_size=8), st.integers(-2000, 2000))
def test_the_rules_in_force_are_the_latest_added_that_had_begun(starts: list[int], at_ms: int) -> None:
    versions, in_force = Versions(CITY), [(-(1 << 62), "first")]
    for number, start in enumerate(starts):
        assert versions.add(replace(CITY, fingerprint=str(number)), start) == start
        in_force = [each for each in in_force if each[0] < start] + [(start, str(number))]
    expected = [name for start, name in in_force if start <= at_ms][-1]
    found = versions.in_force(at_ms).fingerprint
    assert found == (CITY.fingerprint if expected == "first" else expected)
    assert versions.latest.fingerprint == (CITY.fingerprint if len(in_force) == 1 else in_force[-1][1])


def test_by_default_rules_hold_from_the_local_start_of_their_day() -> None:
    versions = Versions(CITY)
    start = versions.add(OTHER)
    assert start == 1767196800000  # 2026-01-01T00:00+08:00
    assert versions.in_force(start - 1) is CITY
    assert versions.in_force(start) is OTHER
