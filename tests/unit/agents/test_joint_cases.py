"""Cases that several departments work together (吹哨报到、联合处置): whose clock runs from when, whose word stops it, who is sent
an order, and that it does not matter who writes first. What must come out was written down from the accounts of the cities."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest

from hub import topics
from hub.model.event import EventKind
from hub.model.update import Update
from hub.policy.models import ClockSpec, DeadlineRule, Name
from tests.unit.agents.any_order import ARRIVAL, CASE, LATER, WIDER, come_to, findings, statement, update
from tests.unit.agents.small_world import MINUTE, NOON
from tests.unit.agents.whole_hub import WholeHub

HOUR = 60
CALLED_AT = 3 * HOUR
"""Minutes after the opening."""
PARTIES = ("water_supply", "roads", "housing", "police_assistance", "dispatch_desk")


def city(minutes: float, **clock: Any) -> Any:
    """The demo city with a clock for being on the spot (到场)."""
    spec = ClockSpec.model_validate({"name": Name(en="on the spot", zh="到场"), "stop": ("arrived",), **clock})
    row = DeadlineRule.model_validate({"id": "arrive.row", "clock": "arrive", "duration": minutes, "unit": "minute"})
    return dataclasses.replace(WIDER, clocks={**WIDER.clocks, "arrive": spec}, deadlines=(*WIDER.deadlines, row))


def hub_of(rules: Any, *updates: Update, at_once: bool = False) -> WholeHub:
    """A case of the water works and what departments say of it, in this order."""
    hub = WholeHub(rules, ARRIVAL)
    hub.__enter__()
    hub.report(statement("H1", 0, EventKind.OPENED, 0))
    hub.run()
    for each in updates:
        hub.say(each)
        if not at_once:
            hub.run()
    hub.settle()
    hub.settle(LATER)
    return hub


def words(hub: WholeHub, clock: str) -> list[tuple[str, int, int, str]]:
    """What was said of a clock: what, when, due when (minutes), whose."""
    found = [ring for ring in hub.records(topics.DEADLINES.name, case_id=CASE) if ring["clock"] == clock]
    return [(r["kind"], _minute(r["at"]), _minute(r["due_at"]), r["department"]) for r in found]


def last(hub: WholeHub, clock: str) -> tuple[str, int, int, str]:
    return words(hub, clock)[-1]


def _minute(at_ms: int) -> int:
    return int((at_ms - NOON) // MINUTE)


def orders_to(hub: WholeHub, department: str) -> list[str]:
    return [order["kind"] for order in hub.records(topics.dept_orders(department).name) if order["kind"] != "REMIND"]


@pytest.mark.parametrize("start", [("dispatched",), ("called",), ("dispatched", "called")])
def test_a_called_unit_is_timed_from_its_call(start: tuple[str, ...]) -> None:
    """Opened at 10:00, called at 13:00, half an hour to be there, there at 13:20: in time, and never called late."""
    calls = update(1, "water_supply", "WHISTLED", CALLED_AT, members=["roads", "housing"])
    there = update(2, "roads", "ARRIVED", CALLED_AT + 20)
    with hub_of(city(30, start=start), calls, there) as hub:
        assert last(hub, "arrive/roads") == ("MET", CALLED_AT + 20, CALLED_AT + 30, "roads")
        assert last(hub, "arrive/housing") == ("BREACHED", CALLED_AT + 30, CALLED_AT + 30, "housing")
        order = next(o for o in hub.records(topics.dept_orders("roads").name) if o["kind"] == "ASSIGN")
        dues = {due["clock"]: _minute(due["due_at"]) for due in order["deadlines"]}
        assert dues["arrive"] == CALLED_AT + 30
        assert findings(hub) == []


def test_the_holder_is_not_late_for_the_unit_that_it_called() -> None:
    calls = update(1, "water_supply", "WHISTLED", CALLED_AT, members=["roads"])
    there = update(2, "roads", "ARRIVED", CALLED_AT + 20)
    with hub_of(city(30, start=("called",)), calls, there) as hub:
        assert words(hub, "arrive") == []


@pytest.mark.parametrize(("by", "verdict"), [("any", "MET"), ("helper", "MET"), ("holder", "BREACHED")])
def test_whose_word_stops_the_clock_of_the_case_is_the_rows_to_say(by: str, verdict: str) -> None:
    """1-3-5 minutes: the patrol that helps is there after three, and that is what the five-minute clock waits for."""
    calls = update(1, "water_supply", "WHISTLED", 1, members=["police_assistance"])
    there = update(2, "police_assistance", "ARRIVED", 3)
    with hub_of(city(5, by=by), calls, there) as hub:
        at = 3 if verdict == "MET" else 5
        assert last(hub, "arrive")[:3] == (verdict, at, 5)


def test_where_only_helpers_count_the_holders_word_stops_nothing() -> None:
    with hub_of(city(5, by="helper"), update(1, "water_supply", "ARRIVED", 3)) as hub:
        assert last(hub, "arrive")[0] == "BREACHED"


def test_the_word_of_a_helper_starts_a_clock_of_the_case_only_where_it_counts() -> None:
    calls = update(1, "water_supply", "WHISTLED", 1, members=["roads"])
    accepts = update(2, "roads", "ACCEPTED", 3)
    for by, started in (("holder", False), ("any", True)):
        with hub_of(city(5, start=("accepted",), by=by), calls, accepts) as hub:
            assert bool(words(hub, "arrive")) is started


def test_a_department_that_is_in_the_case_gets_no_second_order() -> None:
    calls = update(1, "water_supply", "WHISTLED", 10, members=["roads"])
    more = update(2, "water_supply", "WHISTLED", 20, members=["roads", "housing"])
    with hub_of(city(5), calls, more) as hub:
        assert [orders_to(hub, each) for each in ("water_supply", "roads", "housing")] == [["ASSIGN"]] * 3


def test_who_helps_is_told_of_another_lead_and_not_assigned_again() -> None:
    calls = update(1, "water_supply", "WHISTLED", 10, members=["roads", "housing"])
    passes_on = update(2, "water_supply", "TRANSFERRED", 20, to="housing")
    with hub_of(city(5), calls, passes_on) as hub:
        assert orders_to(hub, "roads") == ["ASSIGN", "AMEND"]
        assert orders_to(hub, "water_supply") == ["ASSIGN", "WITHDRAW"]
        assert orders_to(hub, "housing") == ["ASSIGN", "ASSIGN"]  # it helped, and leads now
        amend = hub.records(topics.dept_orders("roads").name, kind="AMEND")[-1]
        assert amend["lead"] == "housing"


def test_scores_go_both_ways() -> None:
    """互评: who called scores who came, and who came scores who called; nobody scores itself, or one it did not work with so."""
    calls = update(1, "water_supply", "WHISTLED", 10, members=["roads", "housing"])
    done = update(2, "water_supply", "RESOLVED", 20)
    scores = [
        update(3, "water_supply", "SCORED", 30, score=90, to="roads"),
        update(4, "roads", "SCORED", 31, score=70, to="water_supply"),
        update(5, "roads", "SCORED", 32, score=10, to="housing"),
        update(6, "roads", "SCORED", 33, score=100, to="roads"),
    ]
    with hub_of(city(5), calls, done, *scores) as hub:
        told = {r["update_id"]: r["outcome"] for r in hub.receipts() if r["outcome"] != "waiting"}
        assert [told[f"U{n}"] for n in (3, 4, 5, 6)] == ["accepted", "accepted", "not_allowed", "not_allowed"]


# -- the order of arrival ----------------------------------------------------------------------------------------------

MOVES = [
    update(1, "water_supply", "TRANSFERRED", 10, to="roads"),
    update(2, "roads", "REFUSED", 20, reason="not ours"),
    update(3, "dispatch_desk", "DESIGNATED", 30, to="police_assistance"),
    update(4, "police_assistance", "RESOLVED", 40),
]
JOINT = [
    update(1, "water_supply", "WHISTLED", 10, members=["roads", "housing"]),
    update(2, "roads", "ARRIVED", 20),
    update(3, "water_supply", "TRANSFERRED", 40, to="roads"),
    update(4, "roads", "RESOLVED", 50),
]
SAME_INSTANT = [
    update(1, "water_supply", "TRANSFERRED", 10, to="roads"),
    update(2, "water_supply", "TRANSFERRED", 10, to="housing"),
    update(3, "roads", "ACCEPTED", 12),
    update(4, "housing", "RESOLVED", 15),
]


@pytest.mark.parametrize("updates", [MOVES, JOINT, SAME_INSTANT], ids=["moves", "joint", "same-instant"])
def test_updates_in_one_batch_come_to_the_same_as_one_by_one_in_the_order_of_their_times(
    updates: Sequence[Update],
) -> None:
    """Who holds the case and for how long, who is credited, who is sent what, who is told what: whoever writes first."""
    rules = city(30, start=("called",))
    one_by_one = outcome(rules, updates, at_once=False)
    for order in permutations(updates):
        assert outcome(rules, order, at_once=True) == one_by_one


def outcome(rules: Any, updates: Sequence[Update], *, at_once: bool) -> dict[str, Any]:
    with hub_of(rules, *updates, at_once=at_once) as hub:
        assert findings(hub) == []
        found = come_to(hub)
        found["orders"] = sorted(
            (order["order_id"], order["department"], order["kind"])
            for each in PARTIES
            for order in hub.records(topics.dept_orders(each).name)
            if order["kind"] != "REMIND"
        )
        found["replies"] = sorted((r["status"], r["department"], r["at"], r["source_ref"]) for r in hub.replies())
        last = {r["update_id"]: (r["outcome"], r["counts_from"]) for r in hub.receipts()}
        return found | {"receipts": last}
