"""One-key alarms, played: 1-3-5 minutes as 大连 has them, everybody told at once as 月亮湾 has it; by the account."""

from __future__ import annotations

import pytest

from hub import topics
from hub.model.ids import case_id
from hub.policy import City
from hub.testing.memory import MemoryHub
from tests.unit.flows.played import at, city_of, clocks, holders, orders, played, refused, replies


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return city_of(tmp_path_factory.mktemp("city"), "alarm-135")


@pytest.fixture(scope="module")
def hub(city: City) -> MemoryHub:
    return played(city, "alarm-135", "2026-03-05T00:00")


def test_centre_patrol_and_police_are_told_in_the_same_instant(hub: MemoryHub) -> None:
    told = [each for each in hub.orders(case_id=case_id("alarm", "AL1")) if each["kind"] == "ASSIGN"]
    assert {each["department"] for each in told} == {"grid_centre", "patrol", "police"}
    assert len({each["issued_at"] for each in told}) == 1
    assert holders(hub, "alarm", "AL1") == ["grid_centre"]


def test_who_is_there_first_stops_the_clock(hub: MemoryHub) -> None:
    """Seen by the centre after 40 seconds, handled by the police after two minutes, the patrol there after four and a half."""
    rings = {each["clock"]: each for each in hub.records(topics.DEADLINES.name, case_id=case_id("alarm", "AL1"))}
    assert {clock: (ring["kind"], ring["at"] - at("2026-03-04T02:00"), ring["due_at"] - at("2026-03-04T02:00"))
            for clock, ring in rings.items()} == {
        "see": ("MET", 40_000, 60_000), "handle": ("MET", 120_000, 180_000), "on_spot": ("MET", 270_000, 300_000),
    }  # fmt: skip


def test_a_patrol_that_says_nothing_before_it_is_there(hub: MemoryHub) -> None:
    """There after three minutes: on the spot in time, handled in time, seen two minutes late."""
    assert {clock: kind for clock, (kind, _, _) in clocks(hub, "alarm", "AL2").items()} == {
        "see": "ENDED_LATE", "handle": "MET", "on_spot": "MET",
    }  # fmt: skip


def test_where_nobody_comes_every_limit_is_missed_at_its_minute(hub: MemoryHub) -> None:
    assert clocks(hub, "alarm", "AL7") == {
        "see": ("BREACHED", "2026-03-04T07:01", "2026-03-04T07:01"),
        "handle": ("BREACHED", "2026-03-04T07:03", "2026-03-04T07:03"),
        "on_spot": ("BREACHED", "2026-03-04T07:05", "2026-03-04T07:05"),
    }


def test_a_clear_message_ends_the_alarm(hub: MemoryHub) -> None:
    told = {department for department, kind in orders(hub, "alarm", "AL3") if kind == "ASSIGN"}
    assert told == {"fire", "grid_centre", "property_company"}
    assert {department for department, kind in orders(hub, "alarm", "AL3") if kind != "ASSIGN"} == told
    assert clocks(hub, "alarm", "AL3") == {}


def test_a_device_that_flaps_is_one_case_for_an_hour(hub: MemoryHub) -> None:
    assert [each["change"] for each in hub.records(topics.CASES.name, source_ref="AL5")] == ["LINKED"]
    assert holders(hub, "alarm", "AL6") == ["heat_gas"]


def test_no_persons_reach_the_hub(hub: MemoryHub) -> None:
    for name in (topics.EVENTS.name, topics.CASES.name):
        assert not [each for each in hub.records(name) if "某某" in str(each)]
    assert refused(hub) == []
    assert replies(hub, "alarm", "AL1")[-1] == "RESOLVED"


def test_no_account_is_wrong(hub: MemoryHub) -> None:
    account, state = hub.audit()
    assert account.good, [each for each in account.findings if each.count]
    assert state.good, state.findings
