"""A ladder of seven rungs, played with 济南's five days: by itself as one bureau of 广东 has it, and by word. Counted by hand."""

from __future__ import annotations

import pytest

from hub import topics
from hub.model.ids import case_id
from hub.policy import City
from hub.testing.memory import MemoryHub
from tests.unit.flows.played import city_of, clocks, figures, local, played, refused


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    templates = "[hotline_jinan, rectify_15_days]"
    return city_of(tmp_path_factory.mktemp("city"), "supervision", "hotline-12345", templates=templates)


@pytest.fixture(scope="module")
def hub(city: City) -> MemoryHub:
    return played(city, "supervision", "2026-07-01T00:00")


def rungs(hub: MemoryHub, department: str, ref: str) -> list[tuple[str, str]]:
    """The rungs that a department was told of, and when."""
    found = hub.records(topics.dept_orders(department).name, kind="REMIND", case_id=case_id("hotline", ref))
    told = [each for each in found if each["rule"] in (*RUNGS, *_BY_ITSELF) and "warned" not in each["reason"]]
    return [(_BY_ITSELF.get(each["rule"], each["rule"]), local(each["issued_at"])) for each in told]


_BY_ITSELF = {"sv.reminder": "reminded", "sv.after_reminder": "notified"}
"""What the holder is told by the row that ran out."""
RUNGS = ("reminded", "supervised", "notified", "interviewed", "listed", "rectified", "accountable")


def test_the_ladder_has_seven_rungs_each_with_its_text(city: City) -> None:
    assert [rung.rung for rung in city.ladder] == list(RUNGS)
    assert all(rung.legal_basis for rung in city.ladder)


def test_what_runs_out_climbs_by_itself_and_then_by_word(hub: MemoryHub) -> None:
    """Five working days end with 15 April; one more office day, and five more to the end of the 24th. Then 约谈, 挂牌, 限期整改."""
    own = [
        ("reminded", "2026-04-17T08:30"), ("notified", "2026-04-25T00:00"), ("interviewed", "2026-04-27T10:00"),
        ("listed", "2026-05-06T10:00"), ("rectified", "2026-05-11T10:00"),
    ]  # fmt: skip
    assert rungs(hub, "urban_enforcement", "SV1") == own
    assert rungs(hub, "government_office", "SV1") == own[1:]


def test_each_rung_goes_to_whoever_stands_above_the_holder(hub: MemoryHub) -> None:
    """The street holds it: the county is above it, and may supervise it, and not what the city's bureau holds."""
    assert rungs(hub, "county_government", "SV2") == [
        ("supervised", "2026-04-20T10:00"), ("notified", "2026-04-25T00:00"),
    ]  # fmt: skip
    assert [update for update, _ in refused(hub)] == ["supervision-2"]
    assert rungs(hub, "government_office", "SV2") == []


def test_putting_right_has_a_date_of_its_own(hub: MemoryHub) -> None:
    """15 days from 11 May end with the 26th."""
    assert clocks(hub, "hotline", "SV1")["rectify"] == ("MET", "2026-05-25T10:00", "2026-05-27T00:00")


def test_what_is_in_time_is_left_alone(hub: MemoryHub, city: City) -> None:
    assert rungs(hub, "urban_enforcement", "SV3") == []
    counts = figures(hub, city)
    assert (counts.in_time, counts.due, counts.overdue_open) == (1, 3, 1)


def test_no_account_is_wrong(hub: MemoryHub) -> None:
    account, state = hub.audit()
    assert account.good, [each for each in account.findings if each.count]
    assert state.good, state.findings
