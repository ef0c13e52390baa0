"""What is put into the demo's day: its messages become cases with orders to who is responsible, and all that a case may go through
is said and seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from hub import topics
from hub.cli.cases.timeline import moments_of
from hub.cli.demo.staged import CALLED, WHISTLE_REF, alarm_of, staged_answers, whistle_of
from hub.cli.terminal.words import Words
from hub.inspect.story import Story
from hub.millis import HOUR_MS, MINUTE_MS
from hub.model.event import CaseEvent, Urgency
from hub.model.ids import case_id
from hub.model.update import Update
from hub.policy import load_city
from hub.sdk.manifest import find_manifest
from hub.sdk.sources.file.join import Input
from hub.settings import ROOT
from hub.simulator.command import START_TIME, start_ms
from hub.simulator.departments import UpdateDesk
from hub.simulator.formats import SYSTEM_FILES
from hub.simulator.generate import Plan
from hub.simulator.scene import scene_of
from hub.simulator.truth import Statement
from hub.testing.memory import MemoryHub
from hub.testing.outcomes import outcomes

CITY = load_city(ROOT / "ops" / "cities" / "demo")
SCENE, PLAN = scene_of(CITY), Plan(start_ms(CITY, START_TIME))
SEVEN = PLAN.start_ms + HOUR_MS
"""When both are told: Monday, 2 March 2026, at seven."""
CASE = case_id("hotline", WHISTLE_REF)


def ms(local: str) -> int:
    return int(datetime.fromisoformat(f"{local}+08:00").timestamp() * 1000)


def read(folder: Path, told: Statement) -> CaseEvent:
    """As the connector reads it."""
    message = folder / "message.jsonl"
    message.write_text(SYSTEM_FILES[told.source].row(told), "utf-8")
    ((_, event, rejection),) = outcomes(find_manifest(told.source), Input(file=message, mapping="demo"))
    assert rejection is None
    assert event is not None
    return event


def test_a_press_becomes_a_case_with_an_order_and_clocks(tmp_path: Path) -> None:
    event = read(tmp_path, alarm_of(PLAN, SCENE))
    assert event.urgency is Urgency.EMERGENCY
    with MemoryHub(CITY, SEVEN) as hub:
        hub.publish(event)
        hub.run()
        (order,) = hub.orders()
        assert order["department"] == "police_assistance"
        hub.settle(SEVEN + HOUR_MS)
        assert {each["kind"] for each in hub.records("hub.deadlines")} >= {"WARNED", "BREACHED"}
        assert not hub.records("hub.dead")


def test_a_city_without_those_who_are_called_has_no_whistle() -> None:
    assert whistle_of(PLAN, SCENE, ["roads", "dispatch_desk"]) is None
    kinds = tuple(kind for kind in SCENE.kinds if kind.code != "order.building")
    assert whistle_of(PLAN, replace(SCENE, kinds=kinds), list(CITY.departments)) is None
    assert set(CITY.departments) >= CALLED


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> MemoryHub:
    """The whistle's day, with the departments that the simulator plays."""
    told = whistle_of(PLAN, SCENE, list(CITY.departments))
    assert told is not None
    desk, read_so_far = UpdateDesk(1, staged_answers), 0
    with MemoryHub(CITY, SEVEN) as hub:
        hub.publish(read(tmp_path_factory.mktemp("day"), told))
        for minutes in (*range(0, 130, 10), *range(180, 17 * 60, 60)):
            hub.settle(SEVEN + minutes * MINUTE_MS)
            orders = hub.orders()
            for order in orders[read_so_far:]:
                desk.take(dict(order))
            read_so_far = len(orders)
            hub.publish(*(Update.model_validate(each.update()) for each in desk.due(hub.clock.now_ms)))
        hub.settle()
    return hub


def test_three_are_called_at_once_and_who_is_called_does_not_hold_it(hub: MemoryHub) -> None:
    called = [each for each in hub.orders(case_id=CASE) if each["kind"] == "ASSIGN"]
    assert {each["department"]: each["lead"] for each in called} == {
        "urban_mgmt": None, "housing": "urban_mgmt", "police_assistance": "urban_mgmt",
    }  # fmt: skip
    assert {each["issued_at"] for each in called} == {SEVEN}
    assert {each["department"] for each in hub.records(topics.CASES.name, case_id=CASE)} == {"urban_mgmt"}


def test_its_limit_stands_still_and_is_extended(hub: MemoryHub) -> None:
    """Ten working days and five more from the opening of the office on Monday, 2 March, are up when it closes on Friday the 20th.
    It stood still from noon to three, of which the office has the hour after two: the first hour of Monday the 23rd is its last."""
    (met,) = hub.records(topics.DEADLINES.name, case_id=CASE, clock="resolve", kind="MET")
    assert met["at"] == SEVEN + 15 * HOUR_MS
    assert met["due_at"] == ms("2026-03-23T09:30")


def test_what_nobody_answers_climbs_by_itself_and_then_by_the_desks_word(hub: MemoryHub) -> None:
    """The lead is reminded that two hours are nearly over, and that they are: the first rung. Who stands above hears the second."""
    told = [each for each in hub.orders(case_id=CASE) if each["kind"] == "REMIND"]
    assert sorted((each["department"], each["reason"]) for each in told) == [
        ("dispatch_desk", "supervised 督办 by dispatch_desk; held by 主办 urban_mgmt"),
        ("urban_mgmt", "reminded 催办 by row respond.urgent: respond breached"),
        ("urban_mgmt", "respond warned"),
        ("urban_mgmt", "supervised 督办 by dispatch_desk: Answer the caller. 请尽快答复来电人。"),
    ]


def test_all_of_it_is_in_the_story_that_is_printed(hub: MemoryHub) -> None:
    def of(topic: str) -> list[dict[str, Any]]:
        return [dict(each) | {"kafka": {"offset": 0}} for each in hub.records(topic, case_id=CASE)]

    story = Story(
        CASE, of("hub.cases"), deadlines=of("hub.deadlines"), orders=[dict(each) for each in hub.orders(case_id=CASE)],
        updates=[dict(each) for each in hub.records("hub.updates") if each["update"]["case_id"] == CASE],
        replies=[dict(each) for each in hub.replies(case_id=CASE)],
    )  # fmt: skip
    told = "\n".join("; ".join((each.text, *each.details)) for each in moments_of(story, Words(CITY)))
    for what in (
        "assigned to 派单 Housing",
        "assigned to 派单 Police assistance",
        "paused 中止; reason hung up 挂账",
        "resumed 恢复",
        "reminded 催办 by row respond.urgent",
        "supervised 督办 by dispatch_desk; held by 主办 urban_mgmt",
        "extension granted 准予延期; clock 时限 resolve 办结",
        "reminded 催办 by row respond.urgent: respond breached; clock 时限 respond 答复, due 到期",
        "clock resolve met 按时",
        "outcome 办理结果 solved 已解决",
    ):
        assert what in told, told
    assert not hub.records("hub.dead")
