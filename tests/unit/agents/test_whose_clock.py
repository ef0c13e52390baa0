"""What is said of a clock says which one, and whose: reminders, extensions, and why a word about one is refused."""

from __future__ import annotations

from typing import Any

from hub import topics
from hub.cli.cases.timeline import moments_of
from hub.cli.terminal.words import Words
from hub.inspect.story import Story
from hub.model.outputs import CLOCKS_BETWEEN
from hub.testing.memory import MemoryHub
from tests.unit.agents.any_order import CASE, update
from tests.unit.agents.joint_city import city, hub_of
from tests.unit.agents.small_world import NOON
from tests.unit.agents.test_joint_routes import LONGER, PAUSES

ASKS = update(1, "roads", "EXTENSION_ASKED", 10, clock="report_in")
GRANTS = update(2, "dispatch_desk", "EXTENSION_GRANTED", 15, clock="report_in")


def story_of(hub: MemoryHub) -> Story:
    def of(topic: str) -> list[dict[str, Any]]:
        return [dict(each) | {"kafka": {"offset": 0}} for each in hub.records(topic, case_id=CASE)]

    return Story(
        CASE, of(topics.CASES.name), deadlines=of(topics.DEADLINES.name), orders=list(map(dict, hub.orders(case_id=CASE))),
        updates=[dict(each) for each in hub.records(topics.UPDATES.name)], receipts=list(map(dict, hub.receipts())),
    )  # fmt: skip


def test_who_is_granted_more_time_by_the_clocks_plain_name_is_told_in_the_story_and_the_receipt() -> None:
    """The desk says `report_in`, which several called departments have: meant is that of who asked."""
    rules = city(**LONGER)
    with hub_of(rules, ASKS, GRANTS) as hub:
        accepted = [each["detail"] for each in hub.receipts() if each["outcome"] == "accepted"]
        assert accepted == ["report_in/roads"] * 2
        moments = moments_of(story_of(hub), Words(rules))
    whose = f"clock 时限 {Words(rules).clock('report_in/roads')}"
    assert rules.departments["roads"].name.zh in whose
    said = [each for each in moments if "extension" in each.text]
    assert [whose in each.details for each in said] == [True, True]


def test_a_word_that_pauses_says_which_clocks_pause_and_which_go_on() -> None:
    """Of the holder those of all who were called, of a called one its own."""
    rules = city(**PAUSES)
    mine = update(1, "roads", "PAUSED", 10, reason="挂账"), update(2, "roads", "RESUMED", 15)
    of_all = update(1, "water_supply", "PAUSED", 10, reason="挂账"), update(2, "water_supply", "RESUMED", 15)
    with hub_of(rules, *mine) as hub:
        assert [each["detail"] for each in hub.receipts() if each["outcome"] == "accepted"] == ["report_in/roads"] * 2
    with hub_of(rules, *of_all) as hub:
        pauses, goes_on = [each["detail"] for each in hub.receipts() if each["outcome"] == "accepted"]
        moments = moments_of(story_of(hub), Words(rules))
    whose = pauses.split(CLOCKS_BETWEEN)
    assert goes_on == pauses
    assert {"report_in/roads", "report_in/police_assistance"} <= set(whose)
    (paused,) = [
        each for each in moments if "paused" in each.text and Words(rules).department("water_supply") in each.text
    ]
    assert {f"clock 时限 {Words(rules).clock(each)}" for each in whose} <= set(paused.details)


def test_a_reminder_in_the_story_says_which_clock_and_when_it_is_due() -> None:
    rules = city()
    with hub_of(rules) as hub:
        moments = moments_of(story_of(hub), Words(rules))
    words = Words(rules)
    told = {each.text: each.details for each in moments if each.mark == "→" and "催办" in each.text}
    (roads,) = [details for text, details in told.items() if words.department("roads") in text]
    due = words.local(NOON + 30 * 60_000)
    assert any(f"clock 时限 {words.clock('report_in/roads')}, due 到期 {due}" in each for each in roads)


def test_a_word_about_a_clock_that_has_ended_quotes_nothing_of_it() -> None:
    there = update(1, "roads", "ARRIVED", 5)
    late = update(2, "roads", "EXTENSION_ASKED", 10, clock="report_in")
    with hub_of(city(**LONGER), there, late) as hub:
        (refused,) = [each["detail"] for each in hub.receipts() if each["outcome"] == "not_allowed"]
    assert refused == "the clock 'report_in/roads' has ended"
