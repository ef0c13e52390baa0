"""A hotline with 济南's limits, played: what must come out, counted by hand, stands in 济南条例, 潍坊条例 and
国办发〔2022〕12号."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub import topics
from hub.core.deadlines.rules import DeadlineRules
from hub.model.event import Place
from hub.policy import City
from hub.testing.memory import MemoryHub
from tests.unit.agents.test_times import report
from tests.unit.flows.played import at, city_of, clocks, figures, holders, orders, played, refused, replies

FIVE_DAYS = "2026-04-16T00:00"
"""From Wednesday, 8 April: 9, 10, 13, 14 and 15 April, to the end of the day."""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return city_of(tmp_path_factory.mktemp("city"), "hotline-12345", templates="[hotline_jinan]")


@pytest.fixture(scope="module")
def hub(city: City) -> MemoryHub:
    return played(city, "hotline-12345", "2026-08-01T00:00")


def test_five_working_days_and_a_callback(hub: MemoryHub) -> None:
    """济南 第24条."""
    assert clocks(hub, "hotline", "HL1")["resolve"] == ("MET", "2026-04-10T15:00", FIVE_DAYS)
    assert orders(hub, "hotline", "HL1")[0] == ("city_management", "ASSIGN")
    assert replies(hub, "hotline", "HL1") == ["ACCEPTED", "RESOLVED"]


def test_a_longer_legal_limit_wins_and_the_caller_is_told_how_far_it_is(hub: MemoryHub) -> None:
    """济南 第24条第2项, 劳动保障监察条例 第17条: 60 working days from the acceptance on 8 April, over Labour Day with its make-up
    Saturday (9 May) and the Dragon Boat Festival (19 June): 16 in April, 19 in May, 21 in June, and 1, 2, 3 and 6 July."""
    found = clocks(hub, "hotline", "HL3")
    assert found["resolve"] == ("MET", "2026-06-30T10:00", "2026-07-07T00:00")
    assert found["progress"] == ("MET", "2026-04-14T10:00", FIVE_DAYS)
    assert "PROGRESS_TOLD" in replies(hub, "hotline", "HL3")


def test_a_return_needs_a_reason_is_reviewed_and_who_is_designated_keeps_it(hub: MemoryHub) -> None:
    """潍坊 第22条; 国办函〔2025〕66号: 派单异议审核."""
    late = dict(refused(hub))
    assert set(late) == {"hotline-12345-4", "hotline-12345-7"}
    assert "reason" in late["hotline-12345-4"]
    assert "designated" in late["hotline-12345-7"]
    assert holders(hub, "hotline", "HL2") == ["housing_office", "dispatch_desk", "street"]
    assert clocks(hub, "hotline", "HL2")["resolve"] == ("ENDED_LATE", "2026-04-20T11:00", FIVE_DAYS)


def test_danger_goes_to_119_at_once_and_what_110_has_stays_there(hub: MemoryHub) -> None:
    """国办发〔2022〕12号."""
    assert orders(hub, "hotline", "HL4")[0] == ("fire", "ASSIGN")
    assert orders(hub, "hotline", "HL5") == []
    assert len(replies(hub, "hotline", "HL5")) == 1


def test_one_matter_that_both_platforms_hold_is_one_case_of_who_had_it_first(hub: MemoryHub) -> None:
    """国办发〔2022〕12号: by the number of the other platform, without a place."""
    assert holders(hub, "police", "JQ6") == ["police"]
    told = {department for department, kind in orders(hub, "police", "JQ6") if kind == "ASSIGN"}
    assert told == {"police", "property_company", "village"}
    linked = hub.records(topics.CASES.name, source_ref="HL6")
    assert [each["change"] for each in linked] == ["LINKED"]
    assert replies(hub, "hotline", "HL6")[-1] == "RESOLVED"


def test_nobodys_is_the_desks_and_a_court_case_is_not_opened(hub: MemoryHub) -> None:
    assert orders(hub, "hotline", "HL7") == [("dispatch_desk", "ASSIGN")]
    assert orders(hub, "hotline", "HL8") == []
    assert replies(hub, "hotline", "HL8") == ["litigation"]


def test_what_is_the_polices_alone_never_comes(hub: MemoryHub, city: City) -> None:
    """Of 110 the hub takes calls for help, disputes and services; crimes stay where they are (国办发〔2022〕12号)."""
    assert not [each for each in hub.records(topics.EVENTS.name) if "JQ9" in str(each)]
    told = {
        label: city.category_of(f"110/{label}")
        for label in ("群众紧急求助/开锁", "纠纷/邻里", "咨询/户籍", "刑事类警情/盗窃")
    }
    assert [each.code if each else None for each in told.values()] == [
        "police.call", "dispute.neighbour", "advice.question", None,
    ]  # fmt: skip


def test_the_three_rates(hub: MemoryHub, city: City) -> None:
    """Of two callers called back one says solved and satisfied. In time: rubbish, labour and fire, of these and of the property
    company's and nobody's. No limit for a first response is in force, so there is no 响应率 to tell."""
    counts = figures(hub, city)
    assert (counts.resolution_rate, counts.satisfaction_rate, counts.response_rate) == (0.5, 0.5, None)
    assert (counts.in_time, counts.due, counts.overdue_open) == (3, 5, 1)


def test_shandongs_window_for_returns_is_two_working_days(tmp_path: Path) -> None:
    """山东省政务服务热线管理办法（2020）: from Wednesday, 8 April to the end of the 10th."""
    rules = DeadlineRules(city_of(tmp_path, "hotline-12345", templates="[hotline_shandong_2020]"))
    opened = at("2026-04-08T09:00")
    due = {
        d.clock: d.due_ms
        for d in rules.due_one("order.appearance", "hotline", "ROUTINE", None, opened, event="dispatched")
    }
    assert due["refuse"] == at("2026-04-11T00:00")


LEVELS = """\
departments:
  county_government: {kind: county, areas: ["530402"], desk: true}
  street: {parent: county_government, kind: town, areas: ["530402001"]}
"""


@pytest.mark.parametrize(
    ("category", "code", "holder"),
    [
        ("unclear.duty", "530402001003", "county_government"),
        ("unclear.duty", "530403001003", "dispatch_desk"),
        ("城市管理/市容环境卫生/垃圾", "530402001003", "city_management"),
    ],
)
def test_one_intake_for_city_district_and_street(tmp_path: Path, category: str, code: str, holder: str) -> None:
    """北京 第12条: what is nobody's goes to the district that it is in, by its code; what has a department goes there at once."""
    files = {"divisions": 'root: "5304"\n', "organisation": LEVELS}
    rules = city_of(tmp_path, "hotline-12345", **files)
    opened = at("2026-04-08T09:00")
    with MemoryHub(rules, opened, sources=["hotline"]) as hub:
        hub.publish(report("D1", opened, category=category, place=Place(code=code)))
        hub.run()
        assert holders(hub, "hotline", "D1") == [holder]


def test_no_account_is_wrong(hub: MemoryHub) -> None:
    account, state = hub.audit()
    assert account.good, [each for each in account.findings if each.count]
    assert state.good, state.findings
