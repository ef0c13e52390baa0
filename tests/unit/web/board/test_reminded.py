"""The board says of a reminder which clock it is about, also where several follow one row and are due at one time."""

from __future__ import annotations

from hub import topics
from hub.web.board.listing import name_clocks
from tests.unit.agents.any_order import CASE
from tests.unit.agents.joint_city import city, hub_of


def test_each_reminder_names_the_clock_whose_notice_it_came_of() -> None:
    with hub_of(city()) as hub:
        notices = [
            each | {"kind": each["kind"].lower()}
            for each in map(dict, hub.records(topics.DEADLINES.name, case_id=CASE))
        ]
        orders = [each | {"kind": each["kind"].lower()} for each in map(dict, hub.orders(case_id=CASE))]
    alike = {(each["rule"], each["deadlines"][0]["due_at"]) for each in orders if each["kind"] == "remind"}
    name_clocks(orders, notices)
    reminders = [each for each in orders if each["kind"] == "remind"]
    assert len(alike) < len(reminders)
    assert [(each["clock"], each["notice"]) for each in reminders] == [
        (each["deadlines"][0]["clock"], each["reason"].split()[-1]) for each in reminders
    ]
    assert {each["clock"] for each in orders if each["kind"] != "remind"} == {None}
