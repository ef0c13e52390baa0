"""The clocks on a case's order are those that `track` runs, whatever its source says in whatever order, and by whichever rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hub import topics
from hub.agents.live_policy import LivePolicy
from hub.model.event import CaseEvent, EventKind, Place, Urgency
from hub.policy.models import ClockSpec, DeadlineRule, Name
from tests.unit.agents.any_order import CASE, outcome, statement, update
from tests.unit.agents.small_world import CITY, MINUTE, NOON
from tests.unit.agents.test_any_order import falling, kinds, moves, of_lead, reopenings, rising, said, words
from tests.unit.agents.whole_hub import WholeHub

CHANGE = NOON + 300 * MINUTE
"""When the newer rules begin to hold."""
ARRIVE = ClockSpec(name=Name(en="arrive", zh="到场"), start=("dispatched",), stop=("arrived", "resolved"))
CONTACT = ClockSpec(name=Name(en="contact", zh="联系"), start=("opened",), stop=("contacted", "resolved"))


def row(id_: str, clock: str, hours: float, **more: Any) -> DeadlineRule:
    fields = {"id": id_, "clock": clock, "duration": hours, "unit": "hour", **more}
    return DeadlineRule.model_validate(fields)


OLD = replace(
    CITY,
    clocks={**CITY.clocks, "arrive": ARRIVE, "contact": CONTACT},
    deadlines=(
        row("arrive.water", "arrive", 3, when={"family": ("water",)}, warn_shares=(0.5, 0.8)),
        row("arrive.road", "arrive", 5, when={"family": ("road",)}),
        row("contact.urgent", "contact", 900, when={"urgency": ("URGENT",)}, warn_shares=(0.2, 0.5)),
        *CITY.deadlines,
    ),
)
NEW = replace(
    OLD,
    file=CITY.file.model_copy(update={"effective_from": date(2026, 3, 3)}),
    fingerprint="f" * 64,
    deadlines=tuple(each.model_copy(update={"duration": each.duration * 2}) for each in OLD.deadlines),
)

matters = st.fixed_dictionaries(
    {
        "category": st.sampled_from(["water.burst", "road.collapse", "traffic.parking", "petition.letter", ""]),
        "urgency": st.sampled_from([Urgency.ROUTINE, Urgency.URGENT, Urgency.EMERGENCY]),
        "place": st.sampled_from([Place(code="LT01"), Place(code="LT03"), Place(lat=34.02, lon=114.515)]),
        "due_at": st.none() | st.integers(0, 3000).map(lambda minute: NOON + minute * MINUTE),
    }
)


def statements(draw: Any, times: list[int]) -> list[CaseEvent]:
    return [
        statement("H1", revision, EventKind.OPENED if revision == 0 else draw(kinds), minute, **draw(matters))
        for revision, minute in enumerate(times)
    ]


def clocks(record: Any) -> set[tuple[str, str, int]]:
    """Name, row and due time, by an order or a change of the case."""
    told = record["deadlines"] if "deadlines" in record else record["clocks"]
    return {(each["clock"], each["policy"], each["due_at"]) for each in told}


def agree(records: list[CaseEvent], pauses: list[bool]) -> None:
    with WholeHub(OLD, NOON + 4000 * MINUTE) as hub:
        policy = LivePolicy(OLD)
        policy._versions.add(NEW, CHANGE)
        hub._hub = replace(hub._hub, policy=policy)
        hub.restart()
        for record, pause in zip(records, pauses, strict=True):
            hub.report(record)
            if pause:
                hub.run()
        hub.run()
        case, change = hub.tracked(CASE), hub.records(topics.CASES.name, case_id=CASE)[-1]
        assert case is not None
        assert case.rules == change["rules"] == policy.in_force(case.opened_ms).version
        if change["over"]:
            return
        running = [clock for clock in case.clocks if clock.running]
        told = [each for each in hub.records(topics.CASES.name, case_id=CASE) if each["clocks"]]
        mine = hub.records(topics.dept_orders(case.department).name, case_id=CASE)
        orders = [each for each in mine if each["kind"] in ("ASSIGN", "AMEND")]
        assert {(each.clock, each.policy, each.due_ms) for each in running} == clocks(told[-1])
        assert clocks(told[-1]) == clocks(orders[-1])
        starts = {each["clock"]: (each["started_at"], each["by_event"]) for each in told[-1]["clocks"]}
        assert {each.clock: (each.started_ms, each.by_event) for each in running} == starts


@settings(max_examples=40)
@given(st.one_of(rising, falling), st.data())
def test_order_and_clock_agree(times: list[int], data: st.DataObject) -> None:
    records = data.draw(st.permutations(statements(data.draw, times)))
    agree(records, data.draw(st.lists(st.booleans(), min_size=len(records), max_size=len(records))))


@settings(max_examples=25)
@given(st.one_of(rising, falling), st.data())
def test_order_decides_nothing_where_the_rules_change_in_between(times: list[int], data: st.DataObject) -> None:
    records = [*of_lead(data.draw, times, matters), *said(data.draw, words, moves, reopenings, at_most=3)]
    mixed = data.draw(st.permutations(records))
    pauses = data.draw(st.lists(st.booleans(), min_size=len(records), max_size=len(records)))
    in_order = outcome(records, [True] * len(records), OLD, [(NEW, CHANGE)])
    assert outcome(mixed, pauses, OLD, [(NEW, CHANGE)]) == in_order


def test_an_order_has_the_clocks_that_start_with_the_dispatch() -> None:
    with WholeHub(OLD, NOON + MINUTE) as hub:
        hub.report(statement("H1", 0, EventKind.OPENED, 0))
        hub.run()
        (order,) = hub.orders(case_id=CASE, kind="ASSIGN")
        (change,) = hub.records(topics.CASES.name)
        case = hub.tracked(CASE)
        assert case is not None
        arrive = ("arrive", "arrive.water", NOON + 180 * MINUTE)
        assert arrive in clocks(order)
        assert [each["clock"] for each in change["clocks"] if each["by_event"]] == ["arrive"]
        assert arrive in {(each.clock, each.policy, each.due_ms) for each in case.clocks}
        hub.say(update(0, "water_supply", "ARRIVED", 10))
        hub.settle()
        assert [each["kind"] for each in hub.records(topics.DEADLINES.name, clock="arrive")] == ["MET"]


def test_a_clock_that_an_amendment_asks_for_no_more_is_cancelled_though_it_was_known_to_run() -> None:
    with WholeHub(OLD, NOON + 2 * MINUTE) as hub:
        for revision, urgency in enumerate((Urgency.URGENT, Urgency.ROUTINE)):
            hub.report(statement("H1", revision, EventKind.OPENED, revision, urgency=urgency))
            hub.run()
        assert [each["kind"] for each in hub.records(topics.DEADLINES.name, clock="contact")] == ["CANCELLED"]
        assert "contact" not in {clock for clock, _, _ in clocks(hub.orders(case_id=CASE, kind="AMEND")[-1])}
