"""What those who reported are told of a helper's word: a part that is done, or waits, is not the case. What must come out was
written down beforehand: nobody reads that his matter is settled before whoever holds it says so."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from hub import topics
from hub.model.event import EventKind
from hub.model.update import Update
from tests.unit.agents.any_order import ARRIVAL, CASE, LATER, findings, statement, update
from tests.unit.agents.test_joint_routes import PAUSES, city
from tests.unit.agents.whole_hub import WholeHub

DONE = update(1, "roads", "RESOLVED", 20, outcome="solved")
SETTLED = update(2, "water_supply", "RESOLVED", 50, outcome="solved")
TOLD = ("hotline", "police")


def told(rules: Any, *said: Any, at_once: bool = False) -> dict[str, list[tuple[str, str, str | None]]]:
    """Status, text and outcome of each reply, by source; a burst main at noon, and what is said, in this order."""
    with WholeHub(rules, ARRIVAL) as hub:
        hub.report(statement("H1", 0, EventKind.OPENED, 0))
        hub.run()
        for each in said:
            hub.publish(each)
            if not at_once:
                hub.run()
        hub.settle()
        hub.settle(LATER)
        assert findings(hub) == []
        return {
            source: [
                (r["status"], r["text"], r["outcome"])
                for r in hub.records(topics.city_replies(source).name, case_id=CASE)
            ]
            for source in TOLD
        }


def quiet(each: Update) -> Update:
    return each.model_copy(update={"note": ""})


@pytest.mark.parametrize("at_once", [False, True])
def test_a_helper_that_is_done_answers_and_who_holds_the_case_settles_it(at_once: bool) -> None:
    found = told(city(), DONE, SETTLED, at_once=at_once)["hotline"]
    assert found == [("RESPONDED", "so", None), ("RESOLVED", "so", "solved")]


def test_a_helper_that_writes_nothing_is_told_as_a_part() -> None:
    ((status, text, outcome),) = told(city(), quiet(DONE))["hotline"]
    assert (status, outcome) == ("RESPONDED", None)
    assert "已完成其承担部分" in text


def test_a_report_that_is_linked_later_is_told_the_same() -> None:
    linked = statement("P1", 0, EventKind.OPENED, 5, "police")
    assert told(city(), DONE, linked, SETTLED)["police"] == [("RESPONDED", "so", None), ("RESOLVED", "so", "solved")]


def test_the_last_helper_that_is_done_does_not_settle_it_either() -> None:
    other = update(3, "police_assistance", "RESOLVED", 30)
    assert {status for status, *_ in told(city(), DONE, other)["hotline"]} == {"RESPONDED"}


def test_a_helper_that_pauses_its_own_clock_does_not_pause_the_case() -> None:
    pauses, goes_on = update(3, "roads", "PAUSED", 10, reason="挂账"), update(4, "roads", "RESUMED", 25)
    found = told(city(**PAUSES), quiet(pauses), quiet(goes_on))["hotline"]
    assert [status for status, *_ in found] == ["RESPONDED", "RESPONDED"]
    assert ["暂停其承担部分" in found[0][1], "继续办理其承担部分" in found[1][1]] == [True, True]


def test_who_is_known_late_to_have_held_it_has_settled_it() -> None:
    """The transfer of ten minutes past comes behind the word of twenty past: its holder said it, and that is told."""
    given = update(3, "water_supply", "TRANSFERRED", 10, to="roads")
    linked = statement("P1", 0, EventKind.OPENED, 5, "police")
    for order in permutations((given, DONE)):
        for source, found in told(city(), linked, *order).items():
            assert found[-1] == ("RESOLVED", "so", "solved"), (order[0].update_id, source)
            assert (
                len(found) == 1 if order[0] is given else [status for status, *_ in found] == ["RESPONDED", "RESOLVED"]
            )
