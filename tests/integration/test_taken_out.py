"""A report that was linked by mistake is taken out by what the desk types, through every agent, and all of it is accounted for."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.model.ids import case_id
from tests.integration.small_hub import SmallHub, case_event, running_hub, wait_for
from tests.waiting import wait_for_value

pytestmark = pytest.mark.kafka
CASE, OWN = case_id("hotline", "H1"), case_id("police", "P1")


@pytest.fixture(scope="module")
def hub(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallHub]:
    folder: Path = tmp_path_factory.mktemp("hub")
    with running_hub(kafka_bootstrap, f"t{uuid.uuid4().hex[:6]}.", folder) as hub:
        hub.publish(case_event("hotline", "H1"))
        hub.settle(lambda report: report.cases == 1)
        wrong = case_event("police", "P1", title="Sinkhole 塌陷", category="water.outage")
        hub.publish(wrong, case_event("petition", "T1"))
        hub.settle(lambda report: report.outcomes.get("case 案件 linked") == 2)
        yield hub


def say(hub: SmallHub, case: str, status: str, department: str, *more: str) -> None:
    said = hub.type("dept", "update", case, "--status", status, "--department", department, "--wait", "120", *more)
    assert said.exit_code == 0, said.output


def story(hub: SmallHub, who: str) -> dict[str, Any]:
    found: dict[str, Any] = hub.json("explain", who)
    return found


def test_the_lead_stays_and_who_asked_is_told_why(hub: SmallHub) -> None:
    say(hub, CASE, "unlinked", "water_supply", "--report", "hotline:H1")
    hub.settle(lambda report: report.outcomes.get("dead letter 死信 track/not_allowed") == 1)
    told = [each["detail"] for each in story(hub, CASE)["receipts"] if each["outcome"] == "not_allowed"]
    assert len(told) == 1
    assert "leads the case 首报 cannot be taken out" in told[0]


def test_a_linked_report_becomes_a_case_of_its_own(hub: SmallHub) -> None:
    say(hub, CASE, "accepted", "water_supply")
    wait_for(lambda: len(story(hub, CASE)["replies"]) == 3, "all three are answered")
    hub.restart()  # what a linked report said is read back from the changelog
    say(hub, CASE, "unlinked", "dispatch_desk", "--report", "police:P1", "--note", "another street 另一条街")
    hub.settle(lambda report: report.good and report.cases == 2)
    own = story(hub, "police:P1")
    assert own["case_id"] == OWN
    assert [change["change"] for change in own["changes"]] == ["OPENED"]
    (order,) = (order for order in own["orders"] if order["kind"] == "ASSIGN")
    assert order["event"]["title"] == "Sinkhole 塌陷"
    assert "another street 另一条街" in order["reason"]
    assert {due["clock"] for due in order["deadlines"]} == {"accept", "respond", "resolve"}
    assert own["changes"][0]["opened_at"] == order["event"]["reported_at"]
    left = story(hub, CASE)
    assert [change["unlinks"] for change in left["changes"]][-1] is True
    assert left["changes"][-1]["reports"] == 2
    (told,) = (order for order in left["orders"] if order["kind"] == "AMEND")
    assert (told["department"], told["event"]) == ("water_supply", None)
    assert OWN in told["reason"]
    text = hub.type("explain", CASE).output
    assert "report taken out 撤销并案 (police:P1)" in text


def test_what_comes_after_goes_to_its_own_case_and_replies_too(hub: SmallHub) -> None:
    hub.publish(case_event("police", "P1", revision=1, kind="AMENDED", category="water.outage", text="And deeper."))
    wait_for(lambda: len(story(hub, OWN)["changes"]) == 2, "the amendment is of the new case")
    say(hub, OWN, "responded", "water_supply", "--note", "On our way.")
    say(hub, CASE, "responded", "water_supply", "--note", "Closed the valve.")
    wait_for_value(lambda: answered(hub, OWN), {"police"}, "who has a case of his own is answered in it")
    wait_for_value(lambda: answered(hub, CASE), {"hotline", "petition"}, "and the others in theirs")
    wait_for(lambda: rings(hub, OWN) >= {"BREACHED", "ENDED_LATE"}, "its own clock does not end late")


def answered(hub: SmallHub, case: str) -> set[str]:
    """The sources that were told of a response."""
    return {reply["source"] for reply in story(hub, case)["replies"] if reply["status"] == "RESPONDED"}


def rings(hub: SmallHub, case: str) -> set[str]:
    return {ring["kind"] for ring in story(hub, case)["deadlines"] if ring["clock"] == "accept"}


def test_all_of_it_is_accounted_for_and_remembered(hub: SmallHub) -> None:
    report = hub.settle(lambda report: report.good)
    assert report.good
    said = hub.json("reconcile", "--state")
    assert said["good"], said
    assert said["state"]["good"], said["state"]
