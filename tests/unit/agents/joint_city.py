"""Matters that a row of routes.yaml gives to several departments at once (联合处置): the city of these tests, and its hub."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from hub import topics
from hub.model.event import CaseEvent, EventKind
from hub.model.update import Update
from hub.policy.models import ClockSpec, DeadlineRule, Name, Route, RouteWhen
from tests.unit.agents.any_order import ARRIVAL, LATER, WIDER, statement
from tests.unit.agents.small_world import MINUTE, NOON
from tests.unit.agents.whole_hub import WholeHub

BURST = Route(
    id="joint.burst", when=RouteWhen(category=("water.burst",)), department="water_supply",
    co_handlers=("roads", "police_assistance"), joint=True,
)  # fmt: skip
COLLAPSE = Route(
    id="joint.collapse", when=RouteWhen(category=("road.collapse",)), department="water_supply", co_handlers=("roads", "housing"),
    joint=True,
)  # fmt: skip
PARKING = Route(
    id="joint.parking", when=RouteWhen(category=("traffic.parking",)), department="urban_mgmt",
    co_handlers=("police_assistance",), joint=True,
)  # fmt: skip


def city(*routes: Route, start: Sequence[str] = ("called",), minutes: float = 30, **row_has: Any) -> Any:
    """The demo city with these rows, and a clock for reporting in (报到)."""
    spec = ClockSpec.model_validate({"name": Name(en="report in", zh="报到"), "stop": ("arrived", "accepted")})
    row = DeadlineRule.model_validate(
        {
            "id": "report.in",
            "clock": "report_in",
            "duration": minutes,
            "unit": "minute",
            "start": tuple(start),
            **row_has,
        }
    )
    return dataclasses.replace(
        WIDER,
        routes=(*(routes or (BURST,)), *WIDER.routes),
        clocks={**WIDER.clocks, "report_in": spec},
        deadlines=(*WIDER.deadlines, row),
    )


def hub_of(rules: Any, *said: CaseEvent | Update, at_once: bool = False, partitions: int = 1) -> WholeHub:
    """A burst main at noon, and what is said of it, in this order."""
    hub = WholeHub(rules, ARRIVAL, partitions=partitions)
    hub.__enter__()
    hub.report(statement("H1", 0, EventKind.OPENED, 0))
    hub.run()
    for number, each in enumerate(said):
        astray = number % partitions if isinstance(each, Update) and partitions > 1 else None
        hub.publish(each, partition=astray)
        if not at_once:
            hub.run()
    hub.settle()
    hub.settle(LATER)
    return hub


def first(hub: WholeHub, department: str, kind: str = "ASSIGN") -> Any:
    return next(o for o in hub.records(topics.dept_orders(department).name) if o["kind"] == kind)


def due(order: Any) -> dict[str, int]:
    """Minutes after noon, by clock."""
    return {each["clock"]: int((each["due_at"] - NOON) // MINUTE) for each in order["deadlines"]}
