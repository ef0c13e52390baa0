"""数字城管 by 运城's standard, played: limits by 立案条件, 挂账, two extensions, 核查 and 核实. Counted by hand, by the calendar of
2026, with office hours 08:30-12:00 and 14:00-17:30."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub import topics
from hub.core.deadlines.rules import DeadlineRules
from hub.model.ids import case_id
from hub.policy import City
from hub.testing.memory import MemoryHub
from tests.unit.flows.played import at, city_of, clocks, figures, holders, orders, played, refused


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return city_of(tmp_path_factory.mktemp("city"), "citymgmt-190")


@pytest.fixture(scope="module")
def hub(city: City) -> MemoryHub:
    return played(city, "citymgmt-190", "2026-07-01T00:00")


def test_the_standard_is_whole(city: City) -> None:
    """92 kinds of facilities and 98 of events; every one has a department and a limit that may be said of it."""
    mine = [category for category in city.categories.values() if category.code.startswith("cm.")]
    assert [sum(each.code.startswith(f"cm.{kind}") for each in mine) for kind in (10, 20)] == [92, 98]
    rows = [row for row in city.deadlines if row.template == "yuncheng_190"]
    limited = {(code, row.duration, row.unit) for row in rows for code in row.when.category or ()}
    assert len(limited) == 385
    assert {code for code, _, _ in limited} == {each.code for each in mine}
    assert {code for row in city.routes if row.id.startswith("cm.") for code in row.when.category or ()} == {
        each.code for each in mine
    }


def test_a_missing_cover_is_two_hours_that_run_at_night(hub: MemoryHub) -> None:
    """缺失、移位、开裂: 2紧急工作时, on a Friday at 22:00."""
    assert clocks(hub, "citymgmt", "CM1")["resolve"] == ("MET", "2026-03-06T23:30", "2026-03-07T00:00")
    assert holders(hub, "citymgmt", "CM1") == ["drainage"]
    assert ("citymgmt_centre", "ASSIGN") in orders(hub, "citymgmt", "CM1")


def test_hung_up_it_stands_still_and_goes_on_at_its_date(hub: MemoryHub) -> None:
    """2工作日 from Friday 09:00 end on Tuesday; hung up on Monday 09:00, one working day is left on 8 April."""
    found = clocks(hub, "citymgmt", "CM2")
    assert found["resolve"] == ("MET", "2026-04-09T08:40", "2026-04-09T09:00")


def test_two_extensions_of_the_original_and_no_third(hub: MemoryHub) -> None:
    """15工作日 from 2 March: 23 March; again 15, over 清明 (4 to 6 April): 14 April; again 15, over Labour Day: 8 May."""
    assert clocks(hub, "citymgmt", "CM3")["resolve"] == ("MET", "2026-05-07T10:00", "2026-05-08T09:00")
    assert [update for update, _ in refused(hub)] == ["citymgmt-190-12"]


def test_working_hours_stand_still_over_the_weekend(hub: MemoryHub) -> None:
    """4工作时 from Friday 16:30: one that day, three on Monday from 08:30."""
    assert clocks(hub, "citymgmt", "CM4")["resolve"] == ("ENDED_LATE", "2026-03-09T14:30", "2026-03-09T11:30")


def test_no_limit_is_guessed_and_no_code_without_its_system(hub: MemoryHub) -> None:
    assert "resolve" not in clocks(hub, "citymgmt", "CM5")
    assert holders(hub, "citymgmt", "CM6") == ["dispatch_desk"]


def test_a_facility_goes_to_its_owner(hub: MemoryHub) -> None:
    """先属主后属地."""
    assert holders(hub, "citymgmt", "CM7") == ["telecom"]
    assert clocks(hub, "citymgmt", "CM7")["resolve"] == ("BREACHED", "2026-03-09T09:00", "2026-03-09T09:00")


def test_what_fails_the_check_is_done_again(hub: MemoryHub) -> None:
    """核实不通过返工, then 核实通过."""
    changes = [each["change"] for each in hub.records(topics.CASES.name, case_id=case_id("citymgmt", "CM8"))]
    assert "REROUTED" in changes
    assert clocks(hub, "citymgmt", "CM8")["resolve"][0] == "MET"


def test_figures(hub: MemoryHub, city: City) -> None:
    """Due: CM1, CM2, CM3, CM4, CM7 and CM8; in time all but the spill and the box. What stood still is not late."""
    counts = figures(hub, city)
    assert (counts.in_time, counts.due, counts.overdue_open) == (4, 6, 1)
    assert (counts.handled, counts.concluded) == (5, 5)


def test_staged_limits(tmp_path: Path) -> None:
    """大英县, a burst main: fenced in 3紧急工作时, repaired in 8, reinstated in 5工作日."""
    rules = DeadlineRules(city_of(tmp_path, "citymgmt-190", templates="[pipes_daying]"))
    opened = at("2026-03-06T09:00")
    due = {each.clock: each.due_ms for each in rules.due_one("water.burst", "citymgmt", "URGENT", None, opened)}
    assert {clock: due[clock] for clock in ("warn", "repair", "reinstate")} == {
        "warn": at("2026-03-06T12:00"), "repair": at("2026-03-06T17:00"), "reinstate": at("2026-03-13T09:00"),
    }  # fmt: skip


def test_no_account_is_wrong(hub: MemoryHub) -> None:
    account, state = hub.audit()
    assert account.good, [each for each in account.findings if each.count]
    assert state.good, state.findings
