"""Which open incident a report is about: equal to looking at every one, whatever is added, closed or removed."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.linking import EARTH_M, Incident, OpenIncidents, distance_m
from hub.policy import load_city
from hub.policy.models import LinkRule
from hub.settings import ROOT

HOUR = 3_600_000
CITY = replace(
    load_city(ROOT / "ops" / "cities" / "demo"),
    linking=(
        LinkRule(id="road", family=("road",), radius_m=100, window_hours=24, min_score=0.0),
        LinkRule(id="wide", family=("water",), radius_m=250, window_hours=20, min_score=0.2),
    ),
)
RULES = {"road": CITY.linking[0], "water": CITY.linking[1]}
METRE = math.degrees(1 / EARTH_M)

metres = st.integers(-130, 130).map(float)
latitudes = st.sampled_from([0.0, 34.05, -34.05, 69.9, 89.5])
entries = st.tuples(st.sampled_from(["road", "water", "noise"]), metres, metres, st.integers(0, 50 * HOUR),
                    st.none() | st.integers(0, 60 * HOUR))  # fmt: skip


def incident(number: int, base: float, entry: tuple[str, float, float, int, int | None]) -> Incident:
    family, north, east, opened, closed = entry
    return Incident(f"c{number}", family, base + north * METRE, 114.5 + east * METRE / math.cos(math.radians(base)),
                    opened, closed)  # fmt: skip


def slow_best(
    incidents: list[Incident], family: str, lat: float, lon: float, at_ms: int
) -> tuple[float, int, str] | None:
    rule, found = RULES.get(family), []
    for one in incidents:
        if rule is None or one.family != family or one.lat is None or one.lon is None:
            continue
        far, apart = distance_m(lat, lon, one.lat, one.lon), abs(at_ms - one.opened_ms) / HOUR
        score = (1 - far / rule.radius_m) * (1 - apart / rule.window_hours)
        late = one.closed_ms is not None and at_ms > one.closed_ms
        if far <= rule.radius_m and apart <= rule.window_hours and score >= rule.min_score and not late:
            found.append((-score, one.opened_ms, one.case_id))
    return min(found, default=None)


@settings(max_examples=300, deadline=None)
@given(
    latitudes, st.lists(entries, max_size=40), st.lists(entries, min_size=1, max_size=5), st.sets(st.integers(0, 39))
)
def test_the_index_finds_what_looking_at_all_finds(base, held, asked, gone) -> None:  # type: ignore[no-untyped-def]
    incidents = [incident(number, base, entry) for number, entry in enumerate(held)]
    index = OpenIncidents(CITY)
    for one in incidents:
        index.add(one)
    for number in gone:
        index.remove(f"c{number}")
    left = [one for number, one in enumerate(incidents) if number not in gone]
    assert len(index) == len(left)
    for number, entry in enumerate(asked):
        report = incident(number, base, entry)
        match = index.best(report.family, report.lat, report.lon, report.opened_ms)
        expected = slow_best(left, report.family, report.lat, report.lon, report.opened_ms)
        assert (match and match.case_id) == (expected and expected[2])
        if match and expected:
            assert match.score == pytest.approx(-expected[0])
            assert len(match.reasons) == 4


@given(st.lists(entries, max_size=20), st.randoms())
def test_the_order_of_adding_does_not_matter(held, random) -> None:  # type: ignore[no-untyped-def]
    incidents = [incident(number, 34.05, entry) for number, entry in enumerate(held)]
    shuffled = list(incidents)
    random.shuffle(shuffled)
    first, second = OpenIncidents(CITY), OpenIncidents(CITY)
    for one, other in zip(incidents, shuffled, strict=True):
        first.add(one)
        second.update(other)
    assert first.best("road", 34.05, 114.5, 20 * HOUR) == second.best("road", 34.05, 114.5, 20 * HOUR)


def test_of_equal_scores_the_earlier_then_the_smaller_id_wins() -> None:
    index = OpenIncidents(CITY)
    for case_id, opened in (("b", 10), ("c", 12), ("a", 12)):
        index.add(Incident(case_id, "road", 34.0, 114.5, opened * HOUR))
    match = index.best("road", 34.0, 114.5, 11 * HOUR)
    assert match is not None
    assert match.case_id == "b"
    index.remove("b")
    match = index.best("road", 34.0, 114.5, 11 * HOUR)
    assert match is not None
    assert match.case_id == "a"
    match = index.best("road", 34.0, 114.5, 11 * HOUR, exclude="a")
    assert match is not None
    assert match.case_id == "c"


def test_equal_scores_are_settled_across_cells_too() -> None:
    index = OpenIncidents(CITY)
    index.add(Incident("west", "road", 0.0, -0.0001, 2 * HOUR))
    index.add(Incident("east", "road", 0.0, 0.0001, 0))
    match = index.best("road", 0.0, 0.0, HOUR)
    assert match is not None
    assert match.case_id == "east"


@pytest.mark.parametrize("base", [0.0, 34.05, -60.0])
@pytest.mark.parametrize("far", [99.0, 101.0])
def test_the_radius_is_reached_in_every_direction(base: float, far: float) -> None:
    for degree in range(0, 360, 5):
        north, east = far * math.cos(math.radians(degree)), far * math.sin(math.radians(degree))
        index = OpenIncidents(CITY)
        index.add(incident(0, base, ("road", north, east, 0, None)))
        assert (index.best("road", base, 114.5, 0) is not None) == (far < 100)


def test_a_report_made_after_the_closing_does_not_link_one_made_before_does() -> None:
    index = OpenIncidents(CITY)
    index.add(Incident("a", "road", 34.0, 114.5, 0))
    assert index.best("road", 34.0, 114.5, 3 * HOUR) is not None
    index.update(Incident("a", "road", 34.0, 114.5, 0, closed_ms=2 * HOUR))
    assert len(index) == 1
    assert index.best("road", 34.0, 114.5, 3 * HOUR) is None
    assert index.best("road", 34.0, 114.5, 2 * HOUR) is not None


def test_unplaced_never_match() -> None:
    index = OpenIncidents(CITY)
    index.add(Incident("a", "road", None, None, 0))
    index.add(Incident("b", "road", math.nan, math.nan, 0))
    index.add(Incident("c", "road", 34.0, 114.5, 0))
    assert len(index) == 3
    assert index.best("road", None, None, 0) is None
    assert index.best("road", math.nan, math.nan, 0) is None
    index.remove("c")
    assert index.best("road", 34.0, 114.5, 0) is None
    assert index.remove("a") == Incident("a", "road", None, None, 0)
    assert index.remove("a") is None


def test_the_same_place_and_time_scores_one_and_says_why() -> None:
    index = OpenIncidents(CITY)
    index.add(Incident("a", "road", 34.0, 114.5, 0))
    match = index.best("road", 34.0, 114.5, 0)
    assert match is not None
    assert (match.score, match.distance_m, match.apart_seconds, match.rule) == (1.0, 0.0, 0.0, "road")
    assert "allowed 100 m" in " ".join(match.reasons)


def test_stale_incidents_are_those_nothing_new_can_match() -> None:
    index = OpenIncidents(CITY)
    index.add(Incident("open", "road", 34.0, 114.5, 10 * HOUR))
    index.add(Incident("closed", "road", 34.0, 114.5, 10 * HOUR, closed_ms=12 * HOUR))
    index.add(Incident("old", "road", 34.0, 114.5, 0))
    index.add(Incident("never", "noise", 34.0, 114.5, 10 * HOUR))
    assert sorted(index.stale(25 * HOUR)) == ["closed", "never", "old"]
    assert "open" in index
    assert index.get("open") is not None


def test_a_cell_with_many_is_searched_by_time() -> None:
    index = OpenIncidents(CITY)
    for number in range(200):
        index.add(Incident(f"c{number:03d}", "road", 34.0, 114.5, number * HOUR))
    match = index.best("road", 34.0, 114.5, 150 * HOUR)
    assert match is not None
    assert match.case_id == "c150"


@given(st.floats(-89, 89), st.floats(-179, 179), st.floats(-89, 89), st.floats(-179, 179))
def test_distance_is_a_distance(lat: float, lon: float, other_lat: float, other_lon: float) -> None:
    there, back = distance_m(lat, lon, other_lat, other_lon), distance_m(other_lat, other_lon, lat, lon)
    assert there == pytest.approx(back, abs=1e-3)
    assert 0 <= there <= math.pi * EARTH_M + 1
    assert distance_m(lat, lon, lat, lon) == 0
