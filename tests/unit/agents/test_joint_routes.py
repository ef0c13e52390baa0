"""Matters that a row of routes.yaml gives to several departments at once (联合处置), one of which leads: orders, clocks of
their own, who leaves and who comes, scores. What must come out was written down beforehand, from how cities work them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import permutations

import pytest

from hub import topics
from hub.model.event import CaseEvent, EventKind, Urgency
from hub.model.update import Update
from hub.policy.models import Route, RouteWhen
from tests.unit.agents.any_order import CASE, findings, statement, update
from tests.unit.agents.joint_city import BURST, COLLAPSE, PARKING, city, due, first, hub_of
from tests.unit.agents.small_world import MINUTE, NOON
from tests.unit.agents.test_joint_cases import last, orders_to, words

PARTIES = ("water_supply", "roads", "housing", "police_assistance", "urban_mgmt", "dispatch_desk")


def test_each_is_told_at_once_who_leads_and_beside_whom_it_works() -> None:
    with hub_of(city()) as hub:
        told = {each: first(hub, each) for each in ("water_supply", "roads", "police_assistance")}
        assert {who: (o["lead"], o["called"], o["joined"], o["rule"]) for who, o in told.items()} == {
            "water_supply": (None, False, ["roads", "police_assistance"], "joint.burst"),
            "roads": ("water_supply", True, ["water_supply", "police_assistance"], "joint.burst"),
            "police_assistance": ("water_supply", True, ["water_supply", "roads"], "joint.burst"),
        }
        (opened,) = hub.records(topics.CASES.name, change="OPENED")
        assert (opened["co_handlers"], opened["called"]) == (["roads", "police_assistance"],) * 2
        assert findings(hub) == []


def test_who_only_helps_by_a_row_is_not_called() -> None:
    """协办, not 联合处置: it shares the clocks of the case, and is told beside whom it works all the same."""
    rules = city(BURST.model_copy(update={"joint": False}), start=("dispatched",))
    with hub_of(rules) as hub:
        order = first(hub, "roads")
        assert (order["called"], order["joined"]) == (False, ["water_supply", "police_assistance"])
        assert words(hub, "report_in/roads") == []
        assert last(hub, "report_in")[0] == "BREACHED"


@pytest.mark.parametrize("start", [("called",), ("dispatched",)])
def test_each_called_one_has_its_own_clock_from_the_dispatch_on(start: Sequence[str]) -> None:
    there = update(1, "roads", "ARRIVED", 20)
    with hub_of(city(start=start), there) as hub:
        assert due(first(hub, "roads"))["report_in"] == 30
        assert last(hub, "report_in/roads") == ("MET", 20, 30, "roads")
        assert last(hub, "report_in/police_assistance") == ("BREACHED", 30, 30, "police_assistance")
        assert bool(words(hub, "report_in")) is (start == ("dispatched",))  # the lead was not called, it was sent
        assert findings(hub) == []


def test_a_called_one_that_is_in_the_case_gets_no_second_order() -> None:
    calls = update(1, "water_supply", "WHISTLED", 10, members=["roads", "housing"])
    with hub_of(city(), calls) as hub:
        assert [orders_to(hub, each) for each in ("water_supply", "roads", "housing")] == [["ASSIGN"]] * 3
        assert first(hub, "housing")["joined"] == ["water_supply", "roads", "police_assistance"]
        assert due(first(hub, "housing"))["report_in"] == 40
        assert last(hub, "report_in/roads")[2] == 30  # its own clock is that of the first call


def test_a_further_report_reaches_all_with_the_clocks_that_run_for_each() -> None:
    linked = statement("P1", 0, EventKind.OPENED, 5, "police")
    calls = update(1, "water_supply", "WHISTLED", 10, members=["housing"])
    more = statement("P2", 0, EventKind.OPENED, 15, "police")
    with hub_of(city(), linked, calls, more) as hub:
        links = [o for each in PARTIES for o in hub.records(topics.dept_orders(each).name, kind="LINK")]
        assert [(o["department"], o["called"], due(o).get("report_in")) for o in links] == [
            ("water_supply", False, None), ("water_supply", False, None), ("roads", True, 30), ("roads", True, 30),
            ("housing", True, 40), ("police_assistance", True, 30), ("police_assistance", True, 30),
        ]  # fmt: skip
        assert {tuple(o["joined"]) for o in links if o["department"] == "housing"} == {
            ("water_supply", "roads", "police_assistance")
        }


def test_who_was_called_is_told_of_its_first_clock_again_once_it_is_known_that_the_case_was_never_over() -> None:
    """Who resolved it had handed it over before: that comes in after a desk has brought it back."""
    resolved = update(1, "water_supply", "RESOLVED", 20)
    back = update(2, "dispatch_desk", "REOPENED", 60)
    before = update(3, "water_supply", "TRANSFERRED", 10, to="housing")
    with hub_of(city(), resolved, back) as hub:
        assert due(hub.records(topics.dept_orders("roads").name)[-1])["report_in"] == 90
    with hub_of(city(), resolved, back, before) as hub:
        amends = hub.records(topics.dept_orders("roads").name, kind="AMEND")
        assert [due(order)["report_in"] for order in amends] == [30] * len(amends)
        assert amends
        assert findings(hub) == []


# -- who leaves, who comes ---------------------------------------------------------------------------------------------------


def test_a_called_one_that_refuses_leaves_the_case_to_the_others() -> None:
    """It is not theirs: no clock of its own runs any more, nobody else's does otherwise, and who leads is told."""
    refuses = update(1, "roads", "REFUSED", 10, reason="the main is not under a road")
    resolved = update(2, "water_supply", "RESOLVED", 50)
    with hub_of(city(), refuses, resolved) as hub:
        assert last(hub, "report_in/roads")[:2] == ("CANCELLED", 10)
        assert last(hub, "resolve")[0] == "MET"
        assert orders_to(hub, "roads") == ["ASSIGN", "WITHDRAW"]
        assert orders_to(hub, "dispatch_desk") == []
        amend = first(hub, "water_supply", "AMEND")
        assert ("roads" in amend["reason"], amend["joined"], amend["event"]) == (True, ["police_assistance"], None)
        case = hub.tracked(CASE)
        assert case is not None
        assert case.department == "water_supply"
        assert findings(hub) == []


def test_who_has_left_says_nothing_more_and_may_be_called_again() -> None:
    refuses = update(1, "roads", "REFUSED", 10, reason="not ours")
    there = update(2, "roads", "ARRIVED", 20)
    again = update(3, "water_supply", "WHISTLED", 40, members=["roads"])
    back = update(4, "roads", "ARRIVED", 45)
    with hub_of(city(), refuses, again, back) as hub:
        assert orders_to(hub, "roads") == ["ASSIGN", "WITHDRAW", "ASSIGN"]
        assert findings(hub) == []
    with hub_of(city(), refuses, there) as hub:
        assert [r["outcome"] for r in hub.receipts() if r["update_id"] == "U2"][-1] == "not_allowed"


def test_a_refusal_without_a_reason_is_none_for_a_called_one_either() -> None:
    life = city().file.life.model_copy(update={"refusal_needs_reason": True})
    base = city()
    rules = dataclasses.replace(base, file=base.file.model_copy(update={"life": life}))
    silent = update(1, "roads", "REFUSED", 10).model_copy(update={"note": ""})
    with hub_of(rules, silent) as hub:
        assert [r["outcome"] for r in hub.receipts()][-1] == "not_allowed"
        assert orders_to(hub, "roads") == ["ASSIGN"]


def test_the_lead_refuses_and_who_was_called_goes_on_under_the_desk() -> None:
    """Wrong lead, right helpers: who closes the road does not go home because the water works say that the main is not theirs."""
    refuses = update(1, "water_supply", "REFUSED", 10, reason="a heating main")
    there = update(2, "roads", "ARRIVED", 20)
    with hub_of(city(), refuses, there) as hub:
        assert orders_to(hub, "roads") == ["ASSIGN", "AMEND"]
        assert first(hub, "roads", "AMEND")["lead"] == "dispatch_desk"
        assert last(hub, "report_in/roads")[:2] == ("MET", 20)
        assert findings(hub) == []


def test_the_lead_hands_over_while_a_called_one_says_that_it_is_done() -> None:
    hands_over = update(1, "water_supply", "TRANSFERRED", 20, to="housing")
    done = update(2, "roads", "RESOLVED", 20)
    for said in permutations((hands_over, done)):
        with hub_of(city(), *said, at_once=True) as hub:
            case = hub.tracked(CASE)
            assert case is not None
            assert (case.department, case.over_ms) == ("housing", None)
            assert orders_to(hub, "police_assistance") == ["ASSIGN", "AMEND"]
            assert findings(hub) == []


def test_a_called_one_that_takes_the_lead_and_gives_it_up_has_no_part_any_more() -> None:
    takes = update(1, "water_supply", "TRANSFERRED", 5, to="roads")
    gives = update(2, "roads", "TRANSFERRED", 10, to="housing")
    with hub_of(city(), takes, gives) as hub:
        assert last(hub, "report_in/roads")[:2] == ("CANCELLED", 10)
        assert orders_to(hub, "roads") == ["ASSIGN", "ASSIGN", "WITHDRAW"]
        assert findings(hub) == []


# -- extensions and pauses of its own clock -----------------------------------------------------------------------------------

LONGER = {"extension": {"times": 1, "duration": 20, "unit": "minute", "approved_by": "the desk"}}
PAUSES = {"pause": {"reasons": ("挂账",), "times": 1}}


@pytest.mark.parametrize("clock", ["report_in", "report_in/roads"])
def test_the_desk_extends_the_clock_of_a_called_one(clock: str) -> None:
    asks = update(1, "roads", "EXTENSION_ASKED", 10, clock="report_in")
    grants = update(2, "dispatch_desk", "EXTENSION_GRANTED", 15, clock=clock)
    there = update(3, "roads", "ARRIVED", 45)
    with hub_of(city(**LONGER), asks, grants, there) as hub:
        assert [r["outcome"] for r in hub.receipts() if r["outcome"] != "waiting"] == ["accepted"] * 3
        assert last(hub, "report_in/roads") == ("MET", 45, 50, "roads")
        assert last(hub, "report_in/police_assistance") == ("BREACHED", 30, 30, "police_assistance")
        assert last(hub, "resolve")[0] == "BREACHED"  # the case's own is as it was
        assert findings(hub) == []


def test_two_called_ones_that_ask_are_told_apart() -> None:
    asks = [
        update(n, who, "EXTENSION_ASKED", 10, clock="report_in") for n, who in ((1, "roads"), (2, "police_assistance"))
    ]
    which = update(3, "dispatch_desk", "EXTENSION_GRANTED", 15, clock="report_in")
    this = update(4, "dispatch_desk", "EXTENSION_DENIED", 16, clock="report_in/police_assistance")
    then = update(5, "dispatch_desk", "EXTENSION_GRANTED", 17, clock="report_in")
    with hub_of(city(**LONGER), *asks, which, this, then) as hub:
        told = {r["update_id"]: (r["outcome"], r["detail"]) for r in hub.receipts()}
        assert [told[f"U{n}"][0] for n in range(1, 6)] == [
            "accepted",
            "accepted",
            "not_allowed",
            "accepted",
            "accepted",
        ]
        assert "report_in/roads, report_in/police_assistance" in told["U3"][1]
        assert [told[f"U{n}"][1] for n in (1, 2, 4, 5)] == [
            "report_in/roads", "report_in/police_assistance", "report_in/police_assistance", "report_in/roads",
        ]  # fmt: skip
        assert last(hub, "report_in/roads")[:3] == ("BREACHED", 50, 50)
        assert last(hub, "report_in/police_assistance")[:3] == ("BREACHED", 30, 30)


def test_a_called_one_pauses_its_own_clock_and_nobody_elses() -> None:
    pauses = update(1, "roads", "PAUSED", 10, reason="挂账")
    goes_on = update(2, "roads", "RESUMED", 40)
    there = update(3, "roads", "ARRIVED", 55)
    with hub_of(city(**PAUSES), pauses, goes_on, there) as hub:
        assert [r["outcome"] for r in hub.receipts() if r["outcome"] != "waiting"] == ["accepted"] * 3
        assert last(hub, "report_in/roads") == ("MET", 55, 60, "roads")
        assert last(hub, "report_in/police_assistance")[:3] == ("BREACHED", 30, 30)
        assert last(hub, "resolve")[:2] == ("BREACHED", words(hub, "resolve")[-1][2])
        assert findings(hub) == []


def test_the_case_goes_on_while_a_called_one_stands_still() -> None:
    pauses = update(1, "roads", "PAUSED", 10, reason="挂账")
    done = update(2, "water_supply", "RESOLVED", 20)
    late = update(3, "police_assistance", "PAUSED", 12, reason="holiday")
    with hub_of(city(**PAUSES), pauses, done, late) as hub:
        case = hub.tracked(CASE)
        assert case is not None
        assert case.over_ms == NOON + 20 * MINUTE
        assert [r["outcome"] for r in hub.receipts() if r["update_id"] == "U3"][-1] == "not_allowed"


# -- amended, reopened --------------------------------------------------------------------------------------------------------


def test_an_amendment_calls_who_is_needed_now_and_sends_home_who_is_not() -> None:
    """The same lead: the main has burst, and then the road over it has sunk."""
    amended = statement("H1", 1, EventKind.AMENDED, 10, category="road.collapse", urgency=Urgency.URGENT)
    with hub_of(city(BURST, COLLAPSE), amended) as hub:
        assert [orders_to(hub, each) for each in ("water_supply", "roads", "police_assistance", "housing")] == [
            ["ASSIGN", "AMEND"], ["ASSIGN", "AMEND"], ["ASSIGN", "WITHDRAW"], ["ASSIGN"],
        ]  # fmt: skip
        assert last(hub, "report_in/police_assistance")[:2] == ("CANCELLED", 10)
        assert last(hub, "report_in/housing")[:3] == ("BREACHED", 40, 40)
        assert last(hub, "report_in/roads")[:3] == ("BREACHED", 30, 30)
        assert due(first(hub, "housing"))["report_in"] == 40
        assert findings(hub) == []


def test_an_amendment_that_gives_it_to_others_sends_all_home_but_whom_they_call_too() -> None:
    amended = statement("H1", 1, EventKind.AMENDED, 10, category="traffic.parking", urgency=Urgency.ROUTINE)
    with hub_of(city(BURST, PARKING), amended) as hub:
        assert orders_to(hub, "water_supply") == ["ASSIGN", "WITHDRAW"]
        assert orders_to(hub, "roads") == ["ASSIGN", "WITHDRAW"]
        assert orders_to(hub, "police_assistance") == ["ASSIGN", "AMEND"]
        assert orders_to(hub, "urban_mgmt") == ["ASSIGN"]
        assert last(hub, "report_in/roads")[:2] == ("CANCELLED", 10)
        assert findings(hub) == []


@pytest.mark.parametrize("how", ["desk", "source"])
def test_a_joint_case_that_comes_back_calls_all_anew(how: str) -> None:
    said: list[CaseEvent | Update] = [update(1, "roads", "ARRIVED", 10), update(2, "water_supply", "RESOLVED", 60)]
    if how == "source":
        said[1] = statement("H1", 1, EventKind.CLOSED, 60)
        said.append(statement("H1", 2, EventKind.OPENED, 90))
    else:
        said.append(update(3, "dispatch_desk", "REOPENED", 90))
    said.append(update(4, "roads", "ARRIVED", 100))
    with hub_of(city(), *said) as hub:
        order = [o for o in hub.records(topics.dept_orders("roads").name) if o["kind"] == "ASSIGN"][-1]
        assert (order["called"], order["joined"], due(order)["report_in"]) == (
            True, ["water_supply", "police_assistance"], 120,
        )  # fmt: skip
        assert last(hub, "report_in/roads") == ("MET", 100, 120, "roads")
        assert last(hub, "report_in/police_assistance")[:3] == ("BREACHED", 120, 120)
        assert findings(hub) == []


def test_scores_go_both_ways_between_who_leads_and_whom_the_row_calls() -> None:
    done = update(1, "water_supply", "RESOLVED", 20)
    scores = [
        update(2, "water_supply", "SCORED", 30, score=90, to="roads"),
        update(3, "roads", "SCORED", 31, score=70, to="water_supply"),
        update(4, "roads", "SCORED", 32, score=10, to="police_assistance"),
    ]
    with hub_of(city(), done, *scores) as hub:
        told = {r["update_id"]: r["outcome"] for r in hub.receipts()}
        assert [told[f"U{n}"] for n in (2, 3, 4)] == ["accepted", "accepted", "not_allowed"]


# -- what cannot be ----------------------------------------------------------------------------------------------------------


def test_a_joint_row_names_whom_it_calls() -> None:
    with pytest.raises(ValueError, match="联合处置"):
        Route(id="joint.nobody", when=RouteWhen(category=("water.burst",)), department="roads", joint=True)


def test_an_order_for_one_alone_names_nobody_else() -> None:
    rules = city(BURST.model_copy(update={"when": RouteWhen(category=("gas.leak",))}))
    with hub_of(rules) as hub:
        order = first(hub, "water_supply")
        assert (order["called"], order["joined"]) == (False, [])
