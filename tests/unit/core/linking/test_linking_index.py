"""Which incident a report is about, asked a chunk at a time: equal to looking at every report, whatever happens in between."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.linking import BY_PLACE, CaseClues, Clue, Incidents, distance_m
from hub.core.linking.ground.geo import EARTH_M
from hub.core.linking.incident import MOST_CLUES
from hub.policy import load_city
from hub.policy.models import LinkRule
from hub.settings import ROOT

HOUR = 3_600_000
DAY = 24 * HOUR
ROWS = (
    LinkRule(id="road", family=("road",), radius_m=100, window_hours=24, min_score=0.0),
    LinkRule(id="wide", family=("water",), radius_m=250, window_hours=20, min_score=0.2),
    LinkRule(id="again", family=("green",), radius_m=60, window_hours=24, after_close="reopen", after_close_days=0.25),
    LinkRule(id="across", between=("road", "water"), radius_m=50, window_hours=10),
    LinkRule(id="never", family=("noise",), radius_m=0, window_hours=1),
    LinkRule(id="door", family=("lift",), radius_m=0, window_hours=24, same=("address", "lift_number")),
)
CITY = replace(load_city(ROOT / "ops" / "cities" / "demo"), linking=ROWS)
METRE = math.degrees(1 / EARTH_M)
TIES = {
    ("road", "road"): ROWS[0], ("water", "water"): ROWS[1], ("green", "green"): ROWS[2],
    ("road", "water"): ROWS[3], ("water", "road"): ROWS[3],
}  # fmt: skip

families = st.sampled_from(["road", "water", "green", "noise"])
metres = st.integers(-130, 130).map(float)
latitudes = st.sampled_from([0.0, 34.05, -34.05, 69.9, 89.2])
reports = st.tuples(families, metres, metres, st.integers(0, 40 * HOUR))
closings = st.none() | st.integers(0, 60 * HOUR)


def clue(base: float, report: tuple[str, float, float, int]) -> Clue:
    family, north, east, at_ms = report
    return Clue(at_ms, family, base + north * METRE, 114.5 + east * METRE / math.cos(math.radians(base)))


def incident(case_id: str, one: Clue, closed_ms: int | None = None) -> CaseClues:
    return CaseClues(case_id, one.family, one.lat, one.lon, one.at_ms, closed_ms)


def slow_best(held: dict[str, CaseClues], one: Clue) -> tuple[float, int, str] | None:
    found = []
    for known in held.values():
        for other in known.every_clue():
            row = TIES.get((one.family or "", other.family or ""))
            if row is None or None in (one.lat, one.lon, other.lat, other.lon):
                continue
            far = distance_m(one.lat, one.lon, other.lat, other.lon)  # type: ignore[arg-type]
            apart = abs(one.at_ms - other.at_ms) / HOUR
            score = (1 - far / row.radius_m) * (1 - apart / row.window_hours)
            gone = known.closed_ms is not None and known.closed_ms + row.after_close_days * DAY <= one.at_ms
            if far <= row.radius_m and apart <= row.window_hours and score >= row.min_score and not gone:
                found.append((-score, other.at_ms, known.case_id))
    return min(found, default=None)


@settings(max_examples=100, deadline=None)
@given(
    latitudes,
    st.lists(st.tuples(reports, closings), max_size=15),
    st.lists(st.lists(st.tuples(reports, st.integers(0, 9), st.integers(0, 60 * HOUR)), max_size=6), max_size=3),
)
def test_a_chunk_is_decided_as_if_every_report_were_looked_at(base, before, chunks) -> None:  # type: ignore[no-untyped-def]
    """Reports open cases or join them; in between cases are closed, opened again, moved and forgotten."""
    index, held = Incidents(CITY), dict[str, CaseClues]()
    for number, (report, closed_ms) in enumerate(before):
        held[f"c{number}"] = incident(f"c{number}", clue(base, report), closed_ms)
        index.add(held[f"c{number}"])
    for turn, chunk in enumerate(chunks):
        clues = [clue(base, report) for report, _, _ in chunk]
        ahead = index.look_ahead(clues)
        for row, (one, (_, event, at_ms)) in enumerate(zip(clues, chunk, strict=True)):
            match, expected = ahead.best(row), slow_best(held, one)
            assert (match and match.case_id) == (expected and expected[2])
            if match and expected:
                assert match.score == pytest.approx(-expected[0])
                assert match.by == BY_PLACE
                known = held[match.case_id]
                changed = replace_incident(known, clues=(*known.clues, one))
            else:
                changed = incident(f"n{turn}.{row}", one)
            held[changed.case_id] = changed
            index.add(changed)
            other = sorted(held)[at_ms % len(held)]
            happens(index, held, other, event, at_ms, base)
    assert len(index) == len(held)


def replace_incident(known: CaseClues, **changes: object) -> CaseClues:
    fields = {name: getattr(known, name) for name in known.__struct_fields__}
    return CaseClues(**(fields | changes))


def happens(index: Incidents, held: dict[str, CaseClues], case_id: str, event: int, at_ms: int, base: float) -> None:
    if event == 0:
        held[case_id] = replace_incident(held[case_id], closed_ms=at_ms)
    elif event == 1:
        held[case_id] = replace_incident(held[case_id], closed_ms=None)
    elif event == 2:
        held[case_id] = replace_incident(held[case_id], lat=base, lon=114.5)
    elif event == 3:
        del held[case_id]
        index.remove(case_id)
        return
    index.add(held[case_id])


@given(st.lists(reports, min_size=1, max_size=30), st.randoms())
def test_the_order_of_adding_does_not_matter(held, random) -> None:  # type: ignore[no-untyped-def]
    known = [incident(f"c{number}", clue(34.05, report)) for number, report in enumerate(held)]
    shuffled = list(known)
    random.shuffle(shuffled)
    first, second = Incidents(CITY), Incidents(CITY)
    for one, other in zip(known, shuffled, strict=True):
        first.add(one)
        second.update(other)
    asked = clue(34.05, ("road", 0.0, 0.0, 20 * HOUR))
    assert first.find(asked) == second.find(asked)


def test_many_points_go_through_all_levels_and_are_found_again() -> None:
    index = Incidents(CITY)
    for number in range(6_000):
        one = Clue(number * 1000, "road", 34.0 + number % 97 * 0.002, 114.5 + number % 89 * 0.002)
        index.add(incident(f"c{number:04d}", one))
        if number % 3 == 0:
            index.remove(f"c{number - 300:04d}")
        if number % 700 == 0:
            index.find(one)
    assert len(index) == 6_000 - len(range(300, 6_000, 3))
    for number in (1, 302, 4_999, 5_999):
        one = index.get(f"c{number:04d}")
        assert one is not None
        match = index.find(one.lead)
        assert match is not None
        assert (match.case_id, match.score) == (one.case_id, 1.0)
    assert index.find(Clue(2_400_000, "road", 34.0 + 2400 % 97 * 0.002, 114.5 + 2400 % 89 * 0.002)) is None


@pytest.mark.parametrize("base", [0.0, 34.05, -60.0])
@pytest.mark.parametrize("far", [99.0, 101.0])
def test_the_radius_is_reached_in_every_direction(base: float, far: float) -> None:
    for degree in range(0, 360, 15):
        north, east = far * math.cos(math.radians(degree)), far * math.sin(math.radians(degree))
        index = Incidents(CITY)
        index.add(incident("c", clue(base, ("road", north, east, 0))))
        assert (index.find(clue(base, ("road", 0.0, 0.0, 0))) is not None) == (far < 100)


def test_thousands_of_reports_of_one_place_become_one_case() -> None:
    index = Incidents(CITY)
    clues = [Clue(number * 1000, "road", 34.0, 114.5) for number in range(1_500)]
    for start in (0, 500, 1_000):
        ahead = index.look_ahead(clues[start : start + 500])
        for row, one in enumerate(clues[start : start + 500]):
            match = ahead.best(row)
            known = index.get(match.case_id) if match else incident(f"c{start + row}", one)
            assert known is not None
            index.add(replace_incident(known, clues=(*known.clues, one)) if match else known)
    assert len(index) == 1
    assert index.get("c0") is not None
    assert len(index._store.ground._closed) <= MOST_CLUES + 1


def test_an_incident_closed_before_matches_as_the_row_says() -> None:
    index = Incidents(CITY)
    for family in ("road", "green"):
        index.add(CaseClues(family, family, 34.0, 114.5, 0, closed_ms=2 * HOUR))
    late = index.find(Clue(HOUR, "road", 34.0, 114.5))
    assert late is not None
    assert not late.closed
    assert index.find(Clue(2 * HOUR, "road", 34.0, 114.5)) is None
    again = index.find(Clue(3 * HOUR, "green", 34.0, 114.5))
    assert again is not None
    assert (again.closed, again.reopens) == (True, True)
    assert "closed before, allowed 0.25 d after (reopen)" in again.reasons
    assert index.find(Clue(8 * HOUR, "green", 34.0, 114.5)) is None


def test_the_same_address_or_facility_stands_for_the_same_place() -> None:
    index = Incidents(CITY)
    door, lift = ("address", 7), ("lift_number", 8)
    index.add(CaseClues("a", "lift", None, None, 0, keys=(door, lift)))
    for key in (door, lift):
        match = index.find(Clue(6 * HOUR, "lift", keys=(key,)))
        assert match is not None
        assert (match.case_id, match.by, match.score, match.distance_m) == ("a", key[0], 0.75, 0.0)
        assert f"same {key[0]}" in match.reasons
    assert index.find(Clue(6 * HOUR, "lift", keys=(("address", 9),))) is None
    assert index.find(Clue(6 * HOUR, "road", keys=(door,))) is None
    assert index.find(Clue(6 * HOUR, "lift", keys=(door,)), exclude="a") is None
    index.add(CaseClues("a", "lift", None, None, 0, closed_ms=HOUR, keys=(door, lift)))
    assert index.find(Clue(6 * HOUR, "lift", keys=(door,))) is None
    index.remove("a")
    assert not index._store.equal


def test_unplaced_and_never_linked_families_do_not_match() -> None:
    index = Incidents(CITY)
    index.add(CaseClues("a", "road", None, None, 0))
    index.add(CaseClues("b", "road", math.nan, math.nan, 0))
    index.add(CaseClues("n", "noise", 34.0, 114.5, 0))
    index.add(CaseClues("u", None, 34.0, 114.5, 0))
    assert len(index) == 4
    for family in ("road", "noise", None):
        assert index.find(Clue(0, family, 34.0, 114.5)) is None
        assert index.find(Clue(0, family, None, None)) is None
        assert index.find(Clue(0, family, math.nan, math.nan)) is None


def test_stale_incidents_are_those_nothing_new_can_match() -> None:
    index = Incidents(CITY)
    index.add(CaseClues("open", "road", 34.0, 114.5, 10 * HOUR))
    index.add(CaseClues("closed", "road", 34.0, 114.5, 10 * HOUR, closed_ms=12 * HOUR))
    index.add(CaseClues("old", "road", 34.0, 114.5, 0))
    index.add(CaseClues("joined", "road", 34.0, 114.5, 0, clues=(Clue(9 * HOUR, "road", 34.0, 114.5),)))
    index.add(CaseClues("never", "noise", 34.0, 114.5, 10 * HOUR))
    assert sorted(index.stale(25 * HOUR)) == ["closed", "never", "old"]


def test_a_link_says_why_in_words() -> None:
    index = Incidents(CITY)
    index.add(CaseClues("a", "road", 34.0, 114.5, 0))
    match = index.find(Clue(HOUR, "water", 34.0, 114.5))
    assert match is not None
    assert match.rule == "across"
    assert match.reasons == [
        "families water and road",
        "0 m apart, allowed 50 m",
        "60 min apart, allowed 10 h",
        "score 0.90, needed 0 (rule across)",
    ]


def test_of_equal_scores_the_earlier_then_the_smaller_id_wins() -> None:
    index = Incidents(CITY)
    for case_id, opened in (("b", 10), ("c", 12), ("a", 12)):
        index.add(CaseClues(case_id, "road", 34.0, 114.5, opened * HOUR))
    asked = Clue(11 * HOUR, "road", 34.0, 114.5)
    for expected in ("b", "a", "c"):
        match = index.find(asked)
        assert match is not None
        assert match.case_id == expected
        index.remove(expected)
    assert index.find(asked) is None


def test_what_changes_while_a_chunk_is_decided_counts_for_the_reports_after_it() -> None:
    index = Incidents(CITY)
    index.add(CaseClues("closed", "road", 34.0, 114.5, 0, closed_ms=HOUR))
    index.add(CaseClues("elsewhere", "road", 35.0, 114.5, 0))
    clues = [Clue(2 * HOUR, "road", lat, 114.5) for lat in (34.0, 34.0, 36.0, 36.0, 34.0)]
    ahead = index.look_ahead(clues)
    assert ahead.best(0) is None
    index.add(CaseClues("closed", "road", 34.0, 114.5, 0))
    again = ahead.best(1)
    assert again is not None
    assert again.case_id == "closed"
    assert ahead.best(2) is None
    index.add(CaseClues("elsewhere", "road", 36.0, 114.5, 0))
    moved = ahead.best(3)
    assert moved is not None
    assert moved.case_id == "elsewhere"
    index.remove("closed")
    assert ahead.best(4) is None
