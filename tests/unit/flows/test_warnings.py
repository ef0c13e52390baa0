"""Warnings of four colours and a campaign of a hundred days, played: by 突发事件应对法 第63条 and by the campaign's name."""

from __future__ import annotations

import pytest

from hub.model.ids import case_id
from hub.policy import City
from hub.testing.memory import MemoryHub
from tests.unit.flows.played import city_of, clocks, figures, holders, orders, played, refused


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return city_of(tmp_path_factory.mktemp("city"), "warnings", templates="[plan_30_minutes]")


@pytest.fixture(scope="module")
def hub(city: City) -> MemoryHub:
    return played(city, "warnings", "2026-08-01T00:00")


def test_a_red_warning_raises_the_tasks_of_the_plan_at_once(hub: MemoryHub) -> None:
    told = [each for each in hub.orders(case_id=case_id("warnings", "YJ1")) if each["kind"] == "ASSIGN"]
    assert {each["department"] for each in told} == {
        "emergency_office", "water_resources", "drainage", "roads_office", "power_supply", "police", "county_government",
        "street",
    }  # fmt: skip
    assert len({each["issued_at"] for each in told}) == 1
    assert {each["priority"] for each in told} == {1}
    assert clocks(hub, "warnings", "YJ1") == {"start_plan": ("MET", "2026-07-10T08:20", "2026-07-10T08:30")}


@pytest.mark.parametrize("ref", ["YJ1", "YJ2"])
def test_when_it_ends_all_are_told_again(hub: MemoryHub, ref: str) -> None:
    """It expires, or is cancelled."""
    found = orders(hub, "warnings", ref)
    assert {who for who, kind in found if kind == "ASSIGN"} == {who for who, kind in found if kind != "ASSIGN"}


def test_a_blue_one_is_watched_by_the_county(hub: MemoryHub) -> None:
    assert holders(hub, "warnings", "YJ2") == ["emergency_office"]
    assert {who for who, kind in orders(hub, "warnings", "YJ2") if kind == "ASSIGN"} == {
        "emergency_office", "county_government",
    }  # fmt: skip
    assert clocks(hub, "warnings", "YJ2") == {}


def test_a_hundred_days_with_the_first_of_them(hub: MemoryHub) -> None:
    """2 March is the first: 30 days of March, 30 of April, 31 of May, and 9 of June."""
    assert clocks(hub, "campaign", "ZX1")["resolve"] == ("MET", "2026-05-20T10:00", "2026-06-10T00:00")
    assert clocks(hub, "campaign", "ZX3")["resolve"] == ("MET", "2026-06-09T17:00", "2026-06-10T00:00")
    assert clocks(hub, "campaign", "ZX2")["resolve"] == ("ENDED_LATE", "2026-06-20T10:00", "2026-06-10T00:00")
    assert clocks(hub, "campaign", "ZX4") == {}  # of no campaign


def test_the_rate_of_the_batch(hub: MemoryHub, city: City) -> None:
    """Of three that are due two were in time; all four came out."""
    counts = figures(hub, city)
    assert (counts.in_time, counts.due, counts.handled) == (2, 3, 4)
    assert holders(hub, "campaign", "ZX3") == ["county_government"]
    assert holders(hub, "campaign", "ZX1") == ["grid_centre"]


def test_no_account_is_wrong(hub: MemoryHub) -> None:
    assert refused(hub) == []
    account, state = hub.audit()
    assert account.good, [each for each in account.findings if each.count]
    assert state.good, state.findings
