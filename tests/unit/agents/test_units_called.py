"""Whom of a called department an order means: the unit of it that serves the place, in each order and reminder to it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from hub import topics
from hub.model.update import UpdateStep
from hub.policy import City
from hub.policy.models import ClockSpec, DeadlineRule, Name
from tests.unit.agents.any_order import findings
from tests.unit.agents.small_world import MINUTE
from tests.unit.agents.test_units import NOON, leak, said
from tests.unit.agents.whole_hub import WholeHub
from tests.unit.policy.test_organisation import ORGANISATION, city_of

ROUTES = """\
routes:
  - {id: leak, when: {category: [water.leak]}, department: roads, unit: patrol, co_handlers: [county], joint: true}
  - {id: others, when: {area: ["530402"]}, department: roads}
"""
CALLED_BY_HAND = ROUTES.replace(", co_handlers: [county], joint: true", "")


def city_with_report_in(folder: Path, routes: str = ROUTES) -> City:
    city = city_of(folder, ORGANISATION, routes)
    spec = ClockSpec.model_validate({"name": Name(en="report in", zh="报到"), "stop": ("arrived",)})
    row = DeadlineRule.model_validate(
        {"id": "report.in", "clock": "report_in", "duration": 30, "unit": "minute", "start": ("called",)}
    )
    return dataclasses.replace(city, clocks={**city.clocks, "report_in": spec}, deadlines=(*city.deadlines, row))


def orders(hub: WholeHub, department: str) -> list[tuple[Any, ...]]:
    return [(o["kind"], o["unit"]) for o in hub.records(topics.dept_orders(department).name)]


@pytest.mark.parametrize(
    ("grid", "unit"), [("530402001003007", "grid7"), ("530402001004001", "town"), ("530402009", None)]
)
def test_a_joint_row_names_the_unit_of_each_called_department(tmp_path: Path, grid: str, unit: str | None) -> None:
    with WholeHub(city_with_report_in(tmp_path), NOON) as hub:
        hub.report(leak(grid))
        hub.settle(NOON + 60 * MINUTE)
        assert orders(hub, "county") == [("ASSIGN", unit), ("REMIND", unit), ("REMIND", unit)]
        assert {told for _, told in orders(hub, "roads")} == {"patrol"}
        assert findings(hub) == []


def test_whom_a_whistle_calls_is_named_and_sent_home_by_the_same_name(tmp_path: Path) -> None:
    with WholeHub(city_with_report_in(tmp_path, CALLED_BY_HAND), NOON) as hub:
        hub.report(leak("530402001003007"))
        hub.settle(NOON + 5 * MINUTE)
        hub.say(said(1, UpdateStep.WHISTLED, 5, by="roads", members=["county"]))
        hub.settle(NOON + 6 * MINUTE)
        hub.say(said(2, UpdateStep.TRANSFERRED, 7, by="roads", to="county"))
        hub.settle(NOON + 8 * MINUTE)
        assert orders(hub, "county") == [
            ("ASSIGN", "grid7"),
            ("ASSIGN", None),
        ]  # it leads now, and was given it as a whole
        assert ("WITHDRAW", "patrol") in orders(hub, "roads")


def test_who_held_it_as_a_whole_is_sent_home_as_a_whole(tmp_path: Path) -> None:
    routes = ROUTES.replace("department: roads, unit: patrol, co_handlers: [county], joint: true", "department: county")
    with WholeHub(city_with_report_in(tmp_path, routes), NOON) as hub:
        hub.report(leak("530402001003007"))
        hub.settle(NOON + 5 * MINUTE)
        hub.say(said(1, UpdateStep.TRANSFERRED, 5, to="roads"))
        hub.settle(NOON + 6 * MINUTE)
        assert orders(hub, "county") == [("ASSIGN", None), ("WITHDRAW", None)]
