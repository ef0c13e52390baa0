"""What a unit below a department may say of its cases: of its own line of the tree, hand on within its department, give back to who
stands above it there. Grids, teams, posts and companies alike; it does not matter who writes first."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from hub import topics
from hub.declared.problems import DeclarationError
from hub.model.event import CaseEvent, EventKind
from hub.model.ids import case_id
from hub.model.update import Update, status_and_step
from hub.policy import City
from tests.unit.agents.any_order import CASE as OTHER
from tests.unit.agents.any_order import WIDER, come_to, findings, statement, update
from tests.unit.agents.small_world import MINUTE
from tests.unit.agents.test_own_steps import at
from tests.unit.agents.test_units import leak
from tests.unit.agents.whole_hub import WholeHub
from tests.unit.policy.test_organisation import city_of

NOON = at("2026-03-02T12:00")
CASE = case_id("hotline", "H1")
ORGANISATION = """\
departments:
  county: {parent: desk, kind: county, areas: ["530402"]}
units:
  - {id: town, parent: county, kind: town, areas: ["530402001"]}
  - {id: village, parent: town, kind: village, areas: ["530402001003"]}
  - {id: grid7, parent: village, kind: grid, areas: ["530402001003007"]}
  - {id: grid8, parent: village, kind: grid, areas: ["530402001003008"]}
  - {id: other_town, parent: county, kind: town, areas: ["530402002"]}
  - {id: sweepers, parent: county, kind: company}
  - {id: patrol, parent: roads, kind: team}
  - {id: officer_3, parent: patrol, kind: post}
  - {id: duty, parent: desk, kind: post}
"""


@pytest.fixture
def city(tmp_path: Path) -> City:
    return city_of(tmp_path, ORGANISATION)


def says(number: int, word: str, minute: int, by: str = "county", **more: Any) -> Update:
    status, step = status_and_step(word)
    return Update(
        update_id=f"U{number}", department=by, case_id=CASE, status=status, step=step, at=NOON + minute * MINUTE, note="so", **more,
    )  # fmt: skip


def played(city: City, *updates: Update, report: CaseEvent | None = None, at_once: bool = False) -> WholeHub:
    hub = WholeHub(city, NOON + 300 * MINUTE)
    hub.__enter__()
    hub.report(report or leak("530402001003007"))
    hub.run()
    for each in updates:
        hub.say(each)
        if not at_once:
            hub.settle(hub.clock.now_ms + MINUTE)
    hub.settle(NOON + 600 * MINUTE)
    return hub


def outcomes(hub: WholeHub) -> list[str]:
    """Of each update, by its number."""
    last = {each["update_id"]: each["outcome"] for each in hub.receipts()}
    return [last[each] for each in sorted(last)]


def orders(hub: WholeHub, department: str = "county") -> list[tuple[str, str | None]]:
    told = hub.records(topics.dept_orders(department).name)
    return [(each["kind"], each["unit"]) for each in told if each["kind"] != "REMIND"]


def now(hub: WholeHub) -> tuple[str, str | None]:
    last = hub.records(topics.CASES.name)[-1]
    return last["department"], last["unit"]


@pytest.mark.parametrize("unit", ["grid7", "village", "town"])
@pytest.mark.parametrize("word", ["ACCEPTED", "ARRIVED", "RESPONDED", "RESOLVED"])
def test_who_has_it_and_who_stands_above_may_say_what_the_department_may(city: City, unit: str, word: str) -> None:
    with played(city, says(1, word, 5, unit=unit)) as hub:
        assert outcomes(hub) == ["accepted"]
        assert [each["department"] for each in hub.replies()] == ["county"]
        assert findings(hub) == []


@pytest.mark.parametrize("unit", ["grid8", "other_town", "sweepers"])
@pytest.mark.parametrize("word", ["ACCEPTED", "RESOLVED", "REFUSED"])
def test_a_neighbour_has_no_say(city: City, unit: str, word: str) -> None:
    with played(city, says(1, word, 5, unit=unit)) as hub:
        assert outcomes(hub) == ["not_allowed"]
        (told,) = [each["detail"] for each in hub.receipts() if each["outcome"] == "not_allowed"]
        assert "其他单位承办: now grid7" in told
        assert hub.replies() == []
        assert now(hub) == ("county", "grid7")


@pytest.mark.parametrize("unit", ["patrol", "nobody", "county"])
def test_a_unit_that_is_none_of_the_department_says_nothing_for_it(city: City, unit: str) -> None:
    with played(city, says(1, "RESOLVED", 5, unit=unit)) as hub:
        assert outcomes(hub) == ["not_allowed"]
        assert "cityhub dept units" in hub.receipts(outcome="not_allowed")[0]["detail"]


def test_what_a_unit_refuses_goes_to_who_stands_above_it_and_its_department_keeps_the_case(city: City) -> None:
    """退回上级: no return of the department's, no clock of the department stops, nobody outside hears of it."""
    said = [
        says(1, "REFUSED", 5, unit="grid7"),
        says(2, "REFUSED", 10, unit="village"),
        says(3, "REFUSED", 15, unit="town"),
    ]
    with played(city, *said) as hub:
        assert outcomes(hub) == ["accepted"] * 3
        assert orders(hub) == [("ASSIGN", "grid7"), ("AMEND", "village"), ("AMEND", "town"), ("AMEND", None)]
        assert orders(hub, "desk") == []
        case = hub.tracked(CASE)
        assert case is not None
        assert [line.department for line in case.ledger] == ["county"]
        assert all(clock.ended_ms is None for clock in case.clocks)
        assert findings(hub) == []


def test_what_the_department_refuses_goes_to_the_desk_as_ever(city: City) -> None:
    with played(city, says(1, "REFUSED", 5, unit="grid7"), says(2, "REFUSED", 10)) as hub:
        assert now(hub) == ("desk", None)
        assert orders(hub)[-1][0] == "WITHDRAW"
        assert findings(hub) == []


def test_a_team_and_a_post_of_another_department(city: City) -> None:
    """An officer's post below a patrol: what it gives back is the patrol's, what the patrol gives back the department's."""
    hole = leak("530402001003007").model_copy(update={"category": "road.hole"})
    said = [
        says(1, "TRANSFERRED", 2, "roads", unit="patrol", to="officer_3"),
        says(2, "ARRIVED", 4, "roads", unit="officer_3"),
        says(3, "REFUSED", 6, "roads", unit="officer_3"),
        says(4, "RESOLVED", 8, "roads", unit="patrol"),
    ]
    with played(city, *said, report=hole) as hub:
        assert outcomes(hub) == ["accepted"] * 4
        assert orders(hub, "roads") == [("ASSIGN", "patrol"), ("AMEND", "officer_3"), ("AMEND", "patrol")]
        assert findings(hub) == []


def test_a_unit_hands_on_within_its_department_alone(city: City) -> None:
    said = [
        says(1, "TRANSFERRED", 5, unit="grid7", to="roads"),
        says(2, "TRANSFERRED", 6, unit="grid7", to="patrol"),
        says(3, "TRANSFERRED", 7, unit="grid7", to="sweepers"),
        says(4, "ACCEPTED", 8, unit="sweepers"),
        says(5, "ACCEPTED", 9, unit="grid7"),
        says(6, "TRANSFERRED", 10, to="county"),
        says(7, "ACCEPTED", 11, unit="grid8"),
    ]
    with played(city, *said) as hub:
        assert outcomes(hub) == [
            "not_allowed", "not_allowed", "accepted", "accepted", "not_allowed", "accepted", "accepted",
        ]  # fmt: skip
        assert now(hub) == ("county", None)
        assert findings(hub) == []


def test_a_designated_case_is_handed_on_within_the_department_and_still_not_returned(city: City) -> None:
    said = [
        says(1, "DESIGNATED", 5, "desk", to="roads"),
        says(2, "TRANSFERRED", 10, "roads", to="patrol"),
        says(3, "REFUSED", 12, "roads", reason="not ours"),
        says(4, "TRANSFERRED", 14, "roads", to="county"),
    ]
    with played(city, *said) as hub:
        assert outcomes(hub) == ["accepted", "accepted", "not_allowed", "not_allowed"]
        assert now(hub) == ("roads", "patrol")


def test_a_post_of_the_desk_speaks_as_the_desk(city: City) -> None:
    with played(
        city, says(1, "DESIGNATED", 5, "desk", unit="duty", to="duty"), says(2, "RESOLVED", 9, "desk", unit="duty")
    ) as hub:
        assert outcomes(hub) == ["accepted", "accepted"]


def test_units_of_who_helps_speak_of_its_own_part(city: City) -> None:
    calls = says(1, "WHISTLED", 5, unit="grid7", members=["roads"])
    there = says(2, "ARRIVED", 9, "roads", unit="officer_3")
    refuses = says(3, "REFUSED", 12, "roads", unit="patrol")
    with played(city, calls, there, refuses) as hub:
        assert outcomes(hub) == ["accepted"] * 3
        assert orders(hub, "roads")[0][0] == "ASSIGN"
        assert findings(hub) == []


def test_a_city_says_what_units_of_a_kind_may_say(tmp_path: Path) -> None:
    limited = ORGANISATION + "says:\n  grid: [accepted, arrived, refused]\n  company: []\n"
    city = city_of(tmp_path, limited)
    said = [
        says(1, "ACCEPTED", 5, unit="grid7"), says(2, "RESOLVED", 6, unit="grid7"), says(3, "RESOLVED", 7, unit="village"),
    ]  # fmt: skip
    with played(city, *said) as hub:
        assert outcomes(hub) == ["accepted", "not_allowed", "accepted"]
        assert "accepted, arrived, refused" in hub.receipts(outcome="not_allowed")[0]["detail"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("says:\n  gird: [accepted]\n", "no unit is a 'gird' 无此类单位; did you mean 'grid'?"),
        ("says:\n  grid: [acepted]\n", "nobody can say 'acepted'; did you mean 'accepted'?"),
    ],
)
def test_kinds_and_words_that_there_are_not(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(DeclarationError) as told:
        city_of(tmp_path, ORGANISATION + text)
    assert any(what in str(each) for each in told.value.problems), told.value


def test_without_an_organisation_a_unit_is_kept_and_no_more() -> None:
    with WholeHub(dataclasses.replace(WIDER, organisation=None), NOON) as hub:
        hub.report(statement("H1", 0, EventKind.OPENED, 0))
        hub.run()
        hub.say(update(1, "water_supply", "RESOLVED", 5, unit="team_9"))
        hub.settle()
        case = hub.tracked(OTHER)
        assert case is not None
        assert case.over_ms is not None


# -- the order of arrival --------------------------------------------------------------------------------------------------

LINE = [
    says(1, "TRANSFERRED", 10, to="town"),
    says(2, "TRANSFERRED", 20, to="sweepers"),
    says(3, "ACCEPTED", 25, unit="sweepers"),
    says(4, "REFUSED", 30, unit="sweepers"),
]
ACROSS = [
    says(1, "REFUSED", 10, unit="grid7"),
    says(2, "TRANSFERRED", 20, to="patrol"),
    says(3, "ARRIVED", 25, "roads", unit="officer_3"),
    says(4, "REFUSED", 30, "roads", unit="patrol"),
]


@pytest.mark.parametrize("updates", [LINE, ACROSS], ids=["line", "across"])
def test_which_unit_has_it_does_not_depend_on_who_writes_first(city: City, updates: Sequence[Update]) -> None:
    def outcome(order: Sequence[Update], *, at_once: bool) -> tuple[Any, ...]:
        with played(city, *order, at_once=at_once) as hub:
            assert findings(hub) == []
            return come_to(hub), now(hub), outcomes(hub)

    wanted = outcome(updates, at_once=False)
    assert wanted[2] == ["accepted"] * 4
    for order in list(permutations(updates))[::3]:
        assert outcome(order, at_once=True) == wanted
