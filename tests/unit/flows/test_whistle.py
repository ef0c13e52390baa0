"""街道吹哨、部门报到, played as 西城 and the ordinances of 北京 have it; 30 minutes to report in is a template."""

from __future__ import annotations

import pytest

from hub import topics
from hub.model.ids import case_id
from hub.policy import City
from hub.testing.memory import MemoryHub
from tests.unit.flows.played import at, city_of, clocks, holders, orders, played, refused, replies


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return city_of(tmp_path_factory.mktemp("city"), "whistle", templates="[whistle_30_minutes]")


@pytest.fixture(scope="module")
def hub(city: City) -> MemoryHub:
    return played(city, "whistle", "2026-04-01T00:00")


def test_the_item_names_its_lead_and_all_are_told_at_once(hub: MemoryHub) -> None:
    told = [each for each in hub.orders(case_id=case_id("whistle", "WH1")) if each["kind"] == "ASSIGN"]
    assert {each["department"] for each in told} == {"urban_enforcement", "planning_office", "police", "street"}
    assert len({each["issued_at"] for each in told}) == 1
    assert holders(hub, "whistle", "WH1") == ["urban_enforcement"]
    assert holders(hub, "whistle", "WH3") == ["heat_gas"]


def test_each_unit_reports_in_by_a_clock_of_its_own(hub: MemoryHub) -> None:
    """Called by the list at 13:00: there at 13:20 in time, at 13:40 late."""
    found = {clock: words for clock, words in clocks(hub, "whistle", "WH1").items() if "/" in clock}
    assert found == {
        "report_in/planning_office": ("MET", "2026-03-04T13:20", "2026-03-04T13:30"),
        "report_in/street": ("MET", "2026-03-04T13:05", "2026-03-04T13:30"),
        "report_in/police": ("ENDED_LATE", "2026-03-04T13:40", "2026-03-04T13:30"),
    }


def test_a_unit_that_is_called_later_is_timed_from_its_call(hub: MemoryHub) -> None:
    """On no list: the street's, which calls two at 13:10. There at 13:25; signed at 13:50, ten minutes late."""
    found = {clock: words for clock, words in clocks(hub, "whistle", "WH2").items() if "/" in clock}
    assert found == {
        "report_in/sanitation": ("MET", "2026-03-04T13:25", "2026-03-04T13:40"),
        "report_in/parks": ("ENDED_LATE", "2026-03-04T13:50", "2026-03-04T13:40"),
    }
    assert holders(hub, "whistle", "WH2") == ["street"]
    assert ("sanitation", "ASSIGN") in orders(hub, "whistle", "WH2")


def test_the_result_is_joint(hub: MemoryHub) -> None:
    """What a unit did for its part does not end the case; the lead's word does."""
    closures = hub.records(topics.CLOSURES.name, case_id=case_id("whistle", "WH1"))
    assert at("2026-03-04T14:30") not in [each["at"] for each in closures]
    assert [status for status in replies(hub, "whistle", "WH1") if status == "JOINT_RESULT"] == ["JOINT_RESULT"]
    assert replies(hub, "whistle", "WH1")[-1] == "RESOLVED"


def test_scores_go_both_ways_and_only_between_who_called_and_who_came(hub: MemoryHub) -> None:
    """北京 第33条. Those who came do not score each other."""
    assert [update for update, _ in refused(hub)] == ["whistle-16"]


def test_without_a_text_that_has_a_number_there_is_no_clock(tmp_path_factory: pytest.TempPathFactory) -> None:
    city = city_of(tmp_path_factory.mktemp("city"), "whistle")
    assert not [row for row in city.deadlines if row.clock == "report_in"]


def test_no_account_is_wrong(hub: MemoryHub) -> None:
    account, state = hub.audit()
    assert account.good, [each for each in account.findings if each.count]
    assert state.good, state.findings
