"""Laws of the simulated stream: what every seed must give."""

from collections import defaultdict
from dataclasses import replace
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point

from hub.millis import DAY_MS, HOUR_MS
from hub.simulator.generate import Plan, statements
from hub.simulator.retelling import METRES_PER_DEGREE
from hub.simulator.scene import Scene
from hub.simulator.truth import Oddity, Statement, StatementKind, Truth
from tests.unit.simulator.simulated import START_MS, make_scene, simulate

SEEDS = st.integers(0, 10_000)
few = settings(max_examples=10, deadline=None)


def by_reference(said: list[Statement]) -> dict[tuple[str, str], list[Statement]]:
    found = defaultdict(list)
    for statement in said:
        if not statement.broken:
            found[statement.source, statement.ref].append(statement)
    return found


@few
@given(SEEDS)
def test_same_seed_same_city_and_another_seed_another(seed: int) -> None:
    assert simulate(seed) == simulate(seed)
    assert simulate(seed) != simulate(seed + 1)


@few
@given(SEEDS, st.sampled_from([0.3, 1.0, 1.5]))
def test_files_are_in_the_order_of_sending_and_end_in_time(seed: int, days: float) -> None:
    said = simulate(seed, days)
    sent = [statement.sent_ms for statement in said]
    assert sent == sorted(sent)
    assert sent[0] >= START_MS
    assert sent[-1] < START_MS + days * DAY_MS
    assert all(s.occurred_ms <= s.opened_ms <= s.reported_ms <= s.sent_ms for s in said)


@few
@given(SEEDS)
def test_a_shorter_run_is_the_beginning_of_a_longer_one(seed: int) -> None:
    assert simulate(seed, 0.5) == simulate(seed, 2)[: len(simulate(seed, 0.5))]


@few
@given(SEEDS)
def test_counts_add_up(seed: int) -> None:
    said, truth = simulate(seed), Truth()
    for statement in said:
        truth.add(statement)
    counts = truth.as_json()
    assert sum(truth.rows.values()) == len(said)
    assert len(said) == sum(truth.broken.values()) + sum(truth.repeats.values()) + sum(truth.kinds.values())
    assert truth.kinds["OPENED"] <= len(truth.reports)  # a late opening may fall behind the end
    assert truth.links == sum(len(references) - 1 for references in truth.incidents.values())
    assert truth.links == sum(len(references) - 1 for references in counts["linked"].values())


@few
@given(SEEDS)
def test_revisions_count_up_from_zero_and_are_late_only_where_marked(seed: int) -> None:
    for told in by_reference(simulate(seed)).values():
        first_time = [s for s in told if not s.repeat]
        in_order = sorted(first_time, key=lambda s: s.revision)
        revisions = [s.revision for s in in_order]
        assert len(set(revisions)) == len(revisions)
        missing = set(range(revisions[-1] + 1)) - set(revisions)
        assert all(n < revisions[-1] for n in missing)  # held back past the end of the run, so never sent
        assert [s.reported_ms for s in in_order] == sorted(s.reported_ms for s in in_order)
        assert all((s.kind is StatementKind.OPENED) == (s.revision == 0) for s in told)
        assert all(s.kind is StatementKind.AMENDED for s in in_order[1:-1])
        newest = -1
        for statement in first_time:
            assert statement.late == (statement.revision < newest)
            newest = max(newest, statement.revision)


@few
@given(SEEDS)
def test_an_exact_repeat_says_what_was_said_before(seed: int) -> None:
    seen: set[Statement] = set()
    repeats = 0
    for statement in simulate(seed):
        bare = replace(statement, sent_ms=0, repeat=False, late=False)
        assert (bare in seen) == statement.repeat
        repeats += statement.repeat
        seen.add(bare)
    assert repeats > 0


@few
@given(SEEDS)
def test_reports_of_one_incident_are_near_in_place_and_time(seed: int) -> None:
    reports: dict[int, list[Statement]] = defaultdict(list)
    for told in by_reference(simulate(seed)).values():
        if told[0].revision == 0:
            reports[told[0].incident].append(told[0])
    for told in reports.values():
        assert max(s.opened_ms for s in told) - min(s.opened_ms for s in told) <= 5 * HOUR_MS
        assert len({s.category for s in told}) == 1
        lats = [s.point[0] for s in told if s.point]
        if lats:
            assert (max(lats) - min(lats)) * METRES_PER_DEGREE <= 2 * 3 * 12 + 1
        if len(told) > 1:
            assert {s.oddity for s in told} == {None}


def is_inside(scene: Scene, statement: Statement) -> bool:
    assert statement.point is not None
    return any(area.shape.buffer(0.001).contains(Point(statement.point[1], statement.point[0])) for area in scene.areas)


def test_every_oddity_is_what_it_says() -> None:
    scene, found = make_scene(), defaultdict(list)
    codes = {kind.code for kind in scene.kinds}
    for statement in simulate(5, days=3, rate=4000):
        found[statement.oddity].append(statement)
        if statement.oddity is not Oddity.WRONG_CATEGORY:
            assert statement.category in codes | {"", "ZZ-99"}
    assert set(found) == {None, *Oddity}
    assert all(s.category == "ZZ-99" for s in found[Oddity.WRONG_CATEGORY])
    assert {(s.source == "hotline", s.point) for s in found[Oddity.UNPLACED]} == {(True, scene.nowhere), (False, None)}
    assert not any(is_inside(scene, s) for s in found[Oddity.OUTSIDE])
    assert all(is_inside(scene, s) for s in found[None] if s.point and s.revision == 0 and not s.repeat)


def test_a_day_has_about_the_asked_rows_a_rhythm_and_its_bursts() -> None:
    said = simulate(1, rate=6000)
    assert 5000 < len(said) < 7200
    hours = [(s.occurred_ms + 8 * HOUR_MS) // HOUR_MS % 24 for s in said if s.burst is None and s.revision == 0]
    assert sum(9 <= hour < 18 for hour in hours) > 5 * sum(hour < 5 for hour in hours)
    for burst, reports in {"outcry": 40, "storm": 60, "pile_up": 15}.items():
        told = [s for s in said if s.burst == burst and s.revision == 0 and not s.repeat]
        assert len({(s.source, s.ref) for s in told}) >= reports
        assert max(s.opened_ms for s in told) - min(s.opened_ms for s in told) < 8 * HOUR_MS
    assert len({s.source for s in said if s.burst == "outcry"}) >= 3


def test_a_city_without_end_goes_on() -> None:
    said = islice(statements(Plan(START_MS, 1, None, 300), make_scene()), 1000)
    assert list(said)[-1].sent_ms > START_MS + 2 * DAY_MS


@pytest.mark.parametrize("plan", [{"days": 0.0}, {"rate": 0}, {"days": -1.0}])
def test_a_plan_without_sense_is_refused(plan: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        Plan(START_MS, **plan)  # type: ignore[arg-type]
