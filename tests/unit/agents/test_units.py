"""A unit below a department, from the route to orders and changes, passed on within its department and put right by its source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hub import topics
from hub.model.event import CaseEvent, EventKind
from hub.model.ids import case_id
from hub.model.update import Update, UpdateStatus, UpdateStep
from hub.policy import City
from tests.unit.agents.small_world import MINUTE
from tests.unit.agents.test_own_steps import at
from tests.unit.agents.test_times import report
from tests.unit.agents.whole_hub import WholeHub
from tests.unit.policy.test_organisation import city_of

NOON = at("2026-03-02T12:00")
CASE = case_id("hotline", "H1")
ORDERS = topics.dept_orders("county").name


@pytest.fixture
def city(tmp_path: Path) -> City:
    return city_of(tmp_path)


def leak(grid: str, revision: int = 0, at_ms: int = NOON) -> CaseEvent:
    kind = EventKind.AMENDED if revision else EventKind.OPENED
    event = report("H1", at_ms, source="hotline", revision=revision, kind=kind, category="water.leak")
    place = event.place.model_copy(update={"code": None, "grid": grid, "lat": None, "lon": None})
    return event.model_copy(update={"place": place})


def said(number: int, step: UpdateStep, minute: int, by: str = "county", **more: Any) -> Update:
    return Update(
        update_id=f"U{number}", department=by, case_id=CASE, status=UpdateStatus.ACCEPTED, step=step,
        at=NOON + minute * MINUTE, **more,
    )  # fmt: skip


def told(hub: WholeHub, topic: str = ORDERS) -> list[tuple[str, str | None]]:
    return [(order["kind"], order["unit"]) for order in hub.records(topic)]


def test_order_and_case_name_the_unit_of_the_grid(city: City) -> None:
    with WholeHub(city, NOON) as hub:
        hub.report(leak("530402001003007"))
        hub.settle(NOON + 1 * MINUTE)
        assert told(hub) == [("ASSIGN", "grid7")]
        assert [each["unit"] for each in hub.records(topics.CASES.name)] == ["grid7"]
        account, state = hub.audit()
        assert account.good, [each for each in account.findings if each.count]
        assert state.good, state.findings


def test_passed_on_within_the_department_nobody_is_sent_away(city: City) -> None:
    with WholeHub(city, NOON) as hub:
        hub.report(leak("530402001003007"))
        hub.settle(NOON + 5 * MINUTE)
        hub.say(said(1, UpdateStep.TRANSFERRED, 5, to="town"))
        hub.settle(NOON + 6 * MINUTE)
        assert told(hub) == [("ASSIGN", "grid7"), ("AMEND", "town")]
        assert [each["outcome"] for each in hub.receipts()] == ["accepted"]
        last = hub.records(topics.CASES.name)[-1]
        assert (last["department"], last["unit"], last["change"]) == ("county", "town", "REROUTED")
        hub.say(said(2, UpdateStep.TRANSFERRED, 7, to="patrol"))
        hub.settle(NOON + 60 * MINUTE)
        assert told(hub)[2:] == [("WITHDRAW", "town")]
        assert told(hub, topics.dept_orders("roads").name) == [("ASSIGN", "patrol")]
        account, state = hub.audit()
        assert account.good, [each for each in account.findings if each.count]
        assert state.good, state.findings


def test_a_source_that_corrects_the_grid_moves_the_case_within_its_department(city: City) -> None:
    with WholeHub(city, NOON) as hub:
        hub.report(leak("530402001003007"))
        hub.settle(NOON + 5 * MINUTE)
        hub.report(leak("530402001004001", 1, NOON + 4 * MINUTE))
        hub.settle(NOON + 60 * MINUTE)
        assert told(hub) == [("ASSIGN", "grid7"), ("AMEND", "town")]


def test_who_is_no_unit_here_is_not_given_a_case(city: City) -> None:
    with WholeHub(city, NOON) as hub:
        hub.report(leak("530402001003007"))
        hub.settle(NOON + 5 * MINUTE)
        hub.say(said(1, UpdateStep.TRANSFERRED, 5, to="grid8"))
        hub.settle(NOON + 60 * MINUTE)
        (receipt,) = [each for each in hub.receipts() if each["outcome"] != "waiting"]
        assert (receipt["outcome"], "organisation.yaml" in receipt["detail"]) == ("not_allowed", True)


def test_who_of_the_department_says_so_is_kept(city: City) -> None:
    with WholeHub(city, NOON) as hub:
        hub.report(leak("530402001003007"))
        hub.settle(NOON + 5 * MINUTE)
        hub.say(said(1, UpdateStep.ARRIVED, 5, unit="grid7"))
        hub.settle(NOON + 60 * MINUTE)
        assert [each["update"]["unit"] for each in hub.records(topics.UPDATES.name)] == ["grid7"]
        assert [each["outcome"] for each in hub.receipts()] == ["accepted"]
