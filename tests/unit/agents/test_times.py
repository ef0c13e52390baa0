"""Times nobody can mean: a report or update ahead of its arrival is set aside, with all others going on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import topics
from hub.clock import ClockKind
from hub.model.event import CaseEvent, EventKind, Place, Urgency
from hub.model.ids import case_id
from hub.model.update import Update, UpdateStatus
from tests.unit.agents.small_world import CITY, MINUTE, NOON
from tests.unit.agents.whole_hub import WholeHub


def report(ref: str, at_ms: int, **changes: object) -> CaseEvent:
    fields = {
        "source": "hotline", "source_ref": ref, "revision": 0, "kind": EventKind.OPENED, "reported_at": at_ms,
        "category": "water.burst", "urgency": Urgency.URGENT, "place": Place(code="LT01"), "title": "", "text": "",
        "channel": "phone",
    } | changes  # fmt: skip
    return CaseEvent.model_validate(fields)


def resolved(case: str, at_ms: int) -> Update:
    return Update(
        update_id=f"U-{case}", department="water_supply", case_id=case, status=UpdateStatus.RESOLVED, at=at_ms
    )


@given(st.lists(st.integers(-60, 60), min_size=1, max_size=6), st.lists(st.integers(-60, 60), max_size=6))
def test_what_is_dated_ahead_of_its_arrival_is_set_aside_and_nothing_else_is(
    reports: list[int], updates: list[int]
) -> None:
    with WholeHub(CITY, NOON) as hub:
        for number, minutes in enumerate(reports):
            hub.report(report(f"H{number}", NOON + minutes * MINUTE))
        for number, minutes in enumerate(updates):
            hub.say(resolved(f"C-{number}", NOON + minutes * MINUTE))
        hub.run()
        dead = hub.records(topics.DEAD.name, reason="time_out_of_range")
        assert len(dead) == sum(minutes > 15 for minutes in reports + updates)
        assert len(hub.records(topics.EVENTS.name)) == sum(minutes <= 15 for minutes in reports)
        assert len(hub.records(topics.UPDATES.name)) == sum(minutes <= 15 for minutes in updates)


def test_the_way_out_is_named() -> None:
    with WholeHub(CITY, NOON) as hub:
        hub.report(report("H1", NOON + 3_600_000))
        hub.run()
        (letter,) = hub.records(topics.DEAD.name)
        assert "CITYHUB_AHEAD_SECONDS" in letter["detail"]
        assert "reported_at" in letter["detail"]


def test_history_arrives_whenever_somebody_replays_it() -> None:
    with WholeHub(CITY, NOON, clock=ClockKind.DATA) as hub:
        hub.report(report("H1", NOON + 3_600_000))
        hub.run()
        assert len(hub.records(topics.EVENTS.name)) == 1


@pytest.mark.parametrize("topic", [topics.city_events("hotline"), topics.dept_updates("roads")])
def test_the_broker_dates_what_others_write(topic: topics.Topic) -> None:
    assert topic.settings["message.timestamp.type"] == "LogAppendTime"


def verdicts(hub: WholeHub, without: str) -> dict[tuple[str, str], tuple[str, int]]:
    """The last word on each clock."""
    found = {}
    for ring in hub.records(topics.DEADLINES.name):
        if ring["case_id"] != without:
            found[ring["case_id"], ring["clock"]] = (ring["kind"], ring["at"])
    return found


@given(
    st.lists(st.integers(0, 300), min_size=6, max_size=20),
    st.integers(2 * 24 * 60, 30_000_000),
    st.sampled_from([-1, 1]),
    st.data(),
)
def test_on_the_data_clock_one_record_planted_anywhere_changes_no_other_verdict(
    gaps: list[int], ahead: int, sign: int, data: st.DataObject
) -> None:
    minutes = [sum(gaps[: n + 1]) for n in range(len(gaps))]
    place = data.draw(st.integers(0, len(minutes)))
    planted = (minutes[-1] if sign > 0 else 0) + sign * min(ahead, 10_000_000 if sign < 0 else ahead)
    ends = {n: minute + 40 for n, minute in enumerate(minutes) if data.draw(st.booleans())}
    told: list[dict[tuple[str, str], tuple[str, int]]] = []
    for plant in (False, True):
        with WholeHub(CITY, NOON, clock=ClockKind.DATA) as hub:
            for number, minute in enumerate(minutes):
                if plant and number == place:
                    hub.report(report("X", NOON + planted * MINUTE, place=Place()))
                hub.report(report(f"H{number}", NOON + minute * MINUTE, place=Place()))
                if data.draw(st.booleans(), label="run"):
                    hub.run()
            if plant and place == len(minutes):
                hub.report(report("X", NOON + planted * MINUTE, place=Place()))
            hub.run()
            for number, minute in ends.items():
                hub.say(resolved(case_id("hotline", f"H{number}"), NOON + minute * MINUTE))
            hub.settle()
            told.append(verdicts(hub, case_id("hotline", "X")))
    assert told[0] == told[1]
