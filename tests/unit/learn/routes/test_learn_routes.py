"""Routing learnt from a past: the law behind a made-up past is found again, and the table decides as the trees behind it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from hub.backtest.judging.names import slug
from hub.learn.departments import DepartmentIds
from hub.learn.history import History
from hub.learn.routes.learn import RoutesDraft, learn_routes
from hub.learn.routes.tree import Growth
from hub.policy import load_city
from hub.policy.city import City
from hub.policy.models import Route
from hub.policy.reach import unreached
from hub.policy.space import Space
from hub.settings import ROOT
from tests.unit.learn.routes.made_up_routes import DAY_MS, START_MS, as_city, decisions, past

DEMO = load_city(ROOT / "ops" / "cities" / "demo")
LEARNT = past(1, 4_000, (0, 180))
LATER = past(2, 1_000, (180, 240))
EAGER = Growth(least_gain=0.2, gain_a_row=0.0, prior=0.3, deepest=5)


def drafted(history: History, growth: Growth | None = None) -> tuple[RoutesDraft, City]:
    ids = DepartmentIds(history.department.to_pylist())
    draft = learn_routes(history, ids, growth)
    return draft, as_city(draft, DEMO, ids.departments, sorted(set(history.category.to_pylist())))


@pytest.fixture(scope="module")
def learnt() -> tuple[RoutesDraft, City]:
    return drafted(LEARNT)


def share_right(city: City, history: History) -> tuple[float, float]:
    """Of queues and of departments; what is said to depend on the place is judged where there is one."""
    history = history.take(np.flatnonzero(history.lat.is_valid().to_numpy(zero_copy_only=False)))
    found = decisions(city, history)
    departments = [one.en.casefold() for one in (city.departments[each.department].name for each in found)]
    truth = [one.casefold() for one in history.department.to_pylist()]
    return (
        float(np.mean([each.queue == queue for each, queue in zip(found, history.queue.to_pylist(), strict=True)])),
        float(np.mean([one == other for one, other in zip(departments, truth, strict=True)])),
    )


def test_the_law_is_found_again(learnt: tuple[RoutesDraft, City]) -> None:
    queue, department = share_right(learnt[1], LATER)
    assert queue >= 0.97
    assert department >= 0.99


def test_noise_is_not_learnt_by_heart(learnt: tuple[RoutesDraft, City]) -> None:
    draft, city = drafted(past(3, 4_000, (0, 180), noise=0.15))
    assert share_right(city, LATER)[0] >= 0.95
    assert len(draft.routes) <= 2 * len(learnt[0].routes)


def test_areas_are_learnt_where_queues_divide_the_city(learnt: tuple[RoutesDraft, City]) -> None:
    (layer,) = learnt[0].layers
    assert {area.name for area in layer.areas} == {
        f"District {a} {b}" for a in ("north", "south") for b in ("east", "west")
    }
    for area in layer.areas:
        south, west = ("south" in area.name), ("west" in area.name)
        assert (area.geometry.centroid.y < 50.03) == south
        assert (area.geometry.centroid.x < 10.03) == west
        assert area.geometry.is_valid


def test_one_row_serves_all_categories_that_share_an_area(learnt: tuple[RoutesDraft, City]) -> None:
    rows = [
        each.row for each in learnt[0].routes if isinstance(each.row, Route) and each.row.queue == "District north east"
    ]
    assert any(set(row.when.category or ()) == {"pothole", "sweeping"} for row in rows)


def test_a_renamed_queue_goes_by_its_new_name(learnt: tuple[RoutesDraft, City]) -> None:
    bins = [
        each.row for each in learnt[0].routes if isinstance(each.row, Route) and "bin" in (each.row.when.category or ())
    ]
    assert {row.queue for row in bins} == {"Bins, new"}
    assert any("100.0% of the" in each.note for each in learnt[0].routes)


def test_rows_say_what_speaks_for_them(learnt: tuple[RoutesDraft, City]) -> None:
    assert sum(each.support or 0 for each in learnt[0].routes) == len(LEARNT)
    assert all(each.confidence is None or 0 <= each.confidence <= 1 for each in learnt[0].routes)


def test_the_same_past_gives_the_same_table(learnt: tuple[RoutesDraft, City]) -> None:
    again = drafted(LEARNT)[0]
    assert [(each.row, each.support, each.confidence) for each in again.routes] == [
        (each.row, each.support, each.confidence) for each in learnt[0].routes
    ]


@pytest.mark.parametrize("seed", range(6))
def test_the_table_decides_as_its_rows_say_and_every_row_is_reached(seed: int) -> None:
    """Rows of trees grown far too deep in noise: support and confidence are what the router itself makes of the past."""
    history = past(seed, 700, (0, 120), noise=0.6)
    draft, city = drafted(history, EAGER)
    rows = {each.row.id: each for each in draft.routes if isinstance(each.row, Route)}
    right: dict[str, list[bool]] = {name: [] for name in rows}
    for each, queue in zip(decisions(city, history), history.queue.to_pylist(), strict=True):
        right[each.rule].append(each.queue == queue)
    for name, found in right.items():
        assert len(found) == rows[name].support, name
        if found:
            assert rows[name].confidence == pytest.approx(np.mean(found)), name
    layers = {layer.layer: [area.code for area in layer.areas] for layer in draft.layers}
    table = [*city.routes]
    space = Space([row.when for row in table], list(city.categories.values()), layers)
    assert unreached([space.row(row, unknown_category=False) for row in table], space.domains) == {}


def test_departments_may_divide_the_city_among_themselves() -> None:
    """As street offices (街道) do: each has all kinds of reports, of its own part of the city."""
    history = past(4, 3_000, (0, 180))
    here = [queue.startswith("District") for queue in history.queue.to_pylist()]
    offices = [
        queue.replace("District", "Office of the") if local else department
        for queue, local, department in zip(
            history.queue.to_pylist(), here, history.department.to_pylist(), strict=True
        )
    ]
    blank = pa.nulls(len(history), pa.string())
    history = replace(history, department=pa.array(offices), queue=blank).between(until_ms=START_MS + 150 * DAY_MS)
    draft, city = drafted(history)
    (layer,) = draft.layers
    assert {area.name for area in layer.areas} == {slug(one) for one in offices if one.startswith("Office")}
    assert share_right(city, history)[1] >= 0.97


def test_without_truth_nothing_is_drafted() -> None:
    nobody = pa.nulls(len(LATER), pa.string())
    blank = replace(LATER, department=nobody, queue=nobody)
    assert learn_routes(blank, DepartmentIds([])) == RoutesDraft()


def test_without_queues_departments_are_learnt() -> None:
    history = replace(LEARNT, queue=pa.nulls(len(LEARNT), pa.string()))
    draft, city = drafted(history)
    assert draft.layers == []
    assert all(one.queue is None for one in city.routes)
    assert share_right(city, LATER)[1] >= 0.99
