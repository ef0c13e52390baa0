"""A dispatch desk for each level: what no row takes in a county, and what is refused there, goes to the county's desk, in `route`
and in the telling of the case's life alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub import topics
from hub.model.event import CaseEvent
from hub.model.update import Update, UpdateStatus
from hub.policy import City, load_city
from tests.unit.agents.small_world import MINUTE
from tests.unit.agents.test_units import CASE, NOON, leak
from tests.unit.agents.whole_hub import WholeHub
from tests.unit.policy.test_divisions import folder_of
from tests.unit.policy.test_organisation import DEPARTMENTS

ROUTES = 'routes:\n  - {id: roads, when: {family: [road], area: ["530402"]}, department: roads}\n'
ORGANISATION = 'departments:\n  county: {parent: desk, kind: county, areas: ["530402"], desk: true}\n'


@pytest.fixture
def city(tmp_path: Path) -> City:
    folder_of(tmp_path, departments_yaml=DEPARTMENTS, routes_yaml=ROUTES, examples_yaml="examples: []\n")
    (tmp_path / "organisation.yaml").write_text(ORGANISATION, encoding="utf-8")
    return load_city(tmp_path)


def hole(grid: str) -> CaseEvent:
    return leak(grid).model_copy(update={"category": "road.hole"})


@pytest.mark.parametrize(("grid", "desk"), [("530402001003007", "county"), ("530403001", "desk"), ("110101", "desk")])
def test_what_no_row_takes(city: City, grid: str, desk: str) -> None:
    with WholeHub(city, NOON) as hub:
        hub.report(leak(grid))
        hub.settle(NOON + MINUTE)
        (change,) = hub.records(topics.CASES.name)
        assert (change["department"], change["rule"]) == (desk, "desk")


def test_what_is_refused(city: City) -> None:
    with WholeHub(city, NOON) as hub:
        hub.report(hole("530402001003007"))
        hub.settle(NOON + 5 * MINUTE)
        hub.say(
            Update(update_id="U1", department="roads", case_id=CASE, status=UpdateStatus.REFUSED, at=NOON + 4 * MINUTE)
        )
        hub.settle(NOON + 60 * MINUTE)
        assert [each["department"] for each in hub.records(topics.CASES.name)] == ["roads", "county"]
        assert [each["kind"] for each in hub.records(topics.dept_orders("county").name)] == ["ASSIGN"]
        tracked = hub.tracked(CASE)
        assert tracked is not None
        assert tracked.department == "county"
        account, state = hub.audit()
        assert account.good, [each for each in account.findings if each.count]
        assert state.good, state.findings


def test_a_desk_passes_on_what_it_holds_and_speaks_of_what_lies_in_its_areas(city: City) -> None:
    with WholeHub(city, NOON) as hub:
        hub.report(hole("530402001003007"))
        hub.settle(NOON + 5 * MINUTE)
        hub.say(
            Update(
                update_id="U1", department="county", case_id=CASE, status=UpdateStatus.RESOLVED, at=NOON + 4 * MINUTE
            )
        )
        hub.settle(NOON + 60 * MINUTE)
        assert [each["outcome"] for each in hub.receipts(update_id="U1")] == ["accepted"]
