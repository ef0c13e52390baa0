"""A day of the grids, played in a city of five levels by code: 滨州's ordinance has the flow, 山东 the two tracks."""

from __future__ import annotations

import pytest

from hub import topics
from hub.model.ids import case_id
from hub.policy import City
from hub.testing.memory import MemoryHub
from tests.unit.flows.played import city_of, figures, holders, orders, played, refused, replies

DIVISIONS = """\
root: "5304"
levels: {city: [4], county: [6], town: [9], village: [12], grid: [15]}
names: {"530402": {en: Hongta, zh: 红塔区}}
"""
ORGANISATION = """\
units:
  - {id: town1, parent: grid_centre, kind: town, areas: ["530402001"]}
  - {id: town2, parent: grid_centre, kind: town, areas: ["530402002"]}
  - {id: village3, parent: town1, kind: village, areas: ["530402001003"]}
  - {id: g007, parent: village3, kind: grid, areas: ["530402001003007"]}
  - {id: g008, parent: village3, kind: grid, areas: ["530402001003008"]}
"""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return city_of(tmp_path_factory.mktemp("city"), "grid", divisions=DIVISIONS, organisation=ORGANISATION)


@pytest.fixture(scope="module")
def hub(city: City) -> MemoryHub:
    return played(city, "grid", "2026-04-01T00:00")


def units(hub: MemoryHub, ref: str) -> list[tuple[str, str, str | None]]:
    """Department, kind and unit of each order."""
    found = sorted(hub.orders(case_id=case_id("grid", ref)), key=lambda each: each["issued_at"])
    return [(each["department"], each["kind"], each["unit"]) for each in found]


def test_the_citys_units_stand_below_the_packs_centre(city: City) -> None:
    assert city.organisation is not None
    assert city.organisation.above("g007")[:3] == ("village3", "town1", "grid_centre")


@pytest.mark.parametrize(
    ("ref", "unit"), [("WG1", "g007"), ("WG3", "village3"), ("WG5", "g008"), ("WG6", "town1"), ("WG7", "town2")]
)
def test_a_code_alone_finds_the_smallest_unit_around_it(hub: MemoryHub, ref: str, unit: str) -> None:
    """A grid, a village, a town; of a grid that is no unit, the town that it lies in."""
    assert units(hub, ref)[0] == ("grid_centre", "ASSIGN", unit)


def test_what_is_settled_on_the_spot_is_recorded_and_over(hub: MemoryHub) -> None:
    assert orders(hub, "grid", "WG1") == [("grid_centre", "ASSIGN"), ("grid_centre", "WITHDRAW")]
    changes = hub.records(topics.CASES.name, case_id=case_id("grid", "WG1"))
    assert [(each["change"], each["over"]) for each in changes] == [("OPENED", False), ("CLOSED", True)]


def test_what_a_grid_cannot_settle_goes_up_a_level_at_a_time_and_is_handed_over(hub: MemoryHub) -> None:
    """网格、村、镇, then 分流交办 to whoever is competent, whose result is told to the grid."""
    assert [each for each in units(hub, "WG2") if each[0] == "grid_centre" and each[1] != "WITHDRAW"] == [
        ("grid_centre", "ASSIGN", "g007"), ("grid_centre", "AMEND", "village3"), ("grid_centre", "AMEND", "town1"),
    ]  # fmt: skip
    assert holders(hub, "grid", "WG2") == ["grid_centre", "water_supply"]
    assert replies(hub, "grid", "WG2")[-2:] == ["RESOLVED", "FED_BACK"]
    assert refused(hub) == []


def test_a_row_about_a_person_never_leaves_the_connector(hub: MemoryHub) -> None:
    assert not [each for each in hub.records(topics.EVENTS.name) if "WG4" in str(each)]
    for name in (topics.EVENTS.name, topics.CASES.name):
        assert not [each for each in hub.records(name) if "某某" in str(each)]


def test_the_rate_of_handling(hub: MemoryHub, city: City) -> None:
    """Three came out here, and none was handed on unsettled; 规定时限 has no number, so nothing is due."""
    counts = figures(hub, city)
    assert (counts.handled, counts.concluded, counts.handling_rate, counts.due) == (3, 3, 1.0, 0)


def test_no_account_is_wrong(hub: MemoryHub) -> None:
    account, state = hub.audit()
    assert account.good, [each for each in account.findings if each.count]
    assert state.good, state.findings
