"""The few things that the order of arrival does decide, as ops/adr/0026 names them: each with what then happens."""

from __future__ import annotations

import dataclasses

from hub import topics
from hub.inspect.turns import turns_of
from hub.model.event import EventKind
from hub.model.ids import case_id
from hub.policy.models import Exit, Route
from tests.unit.agents.any_order import ARRIVAL, CASE, WIDER, statement, update
from tests.unit.agents.small_world import MINUTE
from tests.unit.agents.whole_hub import WholeHub

OPENED, AMENDED = EventKind.OPENED, EventKind.AMENDED


def test_the_first_report_that_comes_leads_and_names_the_case() -> None:
    one, other = statement("H1", 0, OPENED, 0), statement("P1", 0, OPENED, 5, "police")
    for first, second in ((one, other), (other, one)):
        with WholeHub(WIDER, ARRIVAL) as hub:
            hub.report(first)
            hub.run()
            hub.report(second)
            hub.run()
            assert {each["case_id"] for each in hub.records(topics.CASES.name)} == {
                case_id(first.source, first.source_ref)
            }


def test_what_its_case_did_not_allow_is_told_no_and_may_be_said_again() -> None:
    """The department is given the case by an amendment that comes long after its word."""
    with WholeHub(WIDER, ARRIVAL) as hub:
        hub.report(statement("H1", 0, OPENED, 0))
        hub.say(update(1, "roads", "ACCEPTED", 20))
        hub.settle()
        waiting, receipt = hub.records(topics.dept_receipts("roads").name)
        assert (waiting["outcome"], receipt["outcome"]) == ("waiting", "not_allowed")
        hub.report(statement("H1", 1, AMENDED, 10, category="road.collapse"))
        hub.say(update(2, "roads", "ACCEPTED", 20))
        hub.settle()
        assert [each["outcome"] for each in hub.records(topics.dept_receipts("roads").name)][-1] == "accepted"
        case = hub.tracked(CASE)
        assert case is not None
        assert [answer.update_id for answer in case.answers] == ["U2"]


def test_what_comes_first_decides_whether_a_matter_is_settled_before_dispatch() -> None:
    refuse = Exit.model_validate(
        {
            "id": "not.ours", "when": {"category": ("other.unclear",)}, "exit": "refuse", "reason": "other",
            "reply": {"en": "not ours", "zh": "不予受理"},
        }
    )  # fmt: skip
    city = dataclasses.replace(WIDER, exits=(refuse,))
    unclear, clear = (
        statement("H1", 0, OPENED, 0, category="other.unclear"),
        statement("H1", 1, AMENDED, 10, category="road.collapse"),
    )
    for records, over in (((unclear, clear), True), ((clear, unclear), False)):
        with WholeHub(city, ARRIVAL) as hub:
            for record in records:
                hub.report(record)
                hub.run()
            assert hub.records(topics.CASES.name)[-1]["over"] is over


def test_a_desks_word_in_the_place_of_a_holder_counts_from_when_it_came() -> None:
    with WholeHub(WIDER, ARRIVAL) as hub:
        hub.report(statement("H1", 0, OPENED, 0))
        hub.say(update(1, "dispatch_desk", "RESOLVED", 10))
        hub.settle()
        case = hub.tracked(CASE)
        assert case is not None
        assert case.over_ms == ARRIVAL
        assert statement("H1", 0, OPENED, 0).reported_at + 10 * MINUTE < ARRIVAL


def test_a_revision_that_leaves_out_what_comes_later_is_decided_again_without_its_words() -> None:
    bridge = Route.model_validate(
        {"id": "bridge", "when": {"category": ("road.collapse",), "keywords": ("bridge",)}, "department": "housing"}
    )
    city = dataclasses.replace(WIDER, routes=(bridge, *WIDER.routes))
    first = statement("H1", 0, OPENED, 0, category="road.collapse")
    later = statement("H1", 1, AMENDED, 10, category="", title="the bridge")
    for records, department in (((first, later), "housing"), ((later, first), "roads")):
        with WholeHub(city, ARRIVAL) as hub:
            for record in records:
                hub.report(record)
                hub.run()
            assert hub.records(topics.CASES.name)[-1]["department"] == department


def test_an_end_that_a_reopening_undid_is_shown_although_it_is_known_by_now_that_it_never_was() -> None:
    """The source had opened the report again before the desk did; only the end that holds is the same in every order."""
    records = (
        statement("H1", 1, EventKind.WITHDRAWN, 764),
        update(1, "dispatch_desk", "REOPENED", 1380),
        statement("H1", 2, OPENED, 547),
    )
    seen = []
    for order in ((0, 2, 1), (0, 1, 2)):
        with WholeHub(WIDER, ARRIVAL) as hub:
            for index in order:
                hub.publish(records[index])
                hub.run()
            hub.settle()
            turns = turns_of(hub.records(topics.CASES.name, case_id=CASE))
            seen.append(any(turn.department is None for turn in turns[:-1]))
            assert turns[-1].department == "water_supply"
            case = hub.tracked(CASE)
            assert case is not None
            assert case.over_ms is None
    assert seen[1]
