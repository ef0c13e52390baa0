"""What people ask of a running hub: explain, dept and dead, on one case of two reports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.cli.process.children import environment_of
from hub.errors import FatalError
from hub.model.ids import case_id
from tests.integration.small_hub import SmallHub, case_event, running_hub, wait_for
from tests.processes import started
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.kafka
CASE = case_id("hotline", "H1")


@pytest.fixture(scope="module")
def hub(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallHub]:
    folder: Path = tmp_path_factory.mktemp("hub")
    with running_hub(kafka_bootstrap, f"t{uuid.uuid4().hex[:6]}.", folder) as hub:
        hub.publish(case_event("hotline", "H1"))
        hub.settle(lambda report: report.cases == 1)
        hub.publish(case_event("police", "P1"))
        hub.send("city.petition.events", b"x", b"not avro")
        hub.settle(lambda report: report.good and report.outcomes.get("case 案件 linked") == 1)
        update = ("--department", "water_supply", "--note", "On site. 已到场", "--update-id", "U1", "--wait", "120")
        said = hub.type("dept", "update", CASE, "--status", "responded", *update)
        assert "responded 答复 by water_supply" in said.output
        hub.settle(lambda report: report.good and report.outcomes["update applied 反馈"] == 1)
        wait_for(lambda: len(hub.json("explain", CASE)["deadlines"]) == 6, "the clocks of the past ring")
        yield hub


@pytest.mark.parametrize("who", [CASE, "hotline:H1", "police:P1"])
def test_the_story_is_the_same_whoever_asks(hub: SmallHub, who: str) -> None:
    story = hub.json("explain", who)
    assert story["case_id"] == CASE
    assert [change["change"] for change in story["changes"]] == ["OPENED", "LINKED"]
    assert {each["event"]["source_ref"] for each in story["reports"]} == {"H1", "P1"}
    assert [order["kind"] for order in story["orders"] if order["kind"] != "REMIND"] == ["ASSIGN", "LINK"]
    assert [each["update"]["update_id"] for each in story["updates"]] == ["U1"]
    assert {reply["source_ref"] for reply in story["replies"]} == {"H1", "P1"}
    assert {each["clock"]: each["state"] for each in story["clocks"]} == {
        "accept": "ended_late", "respond": "ended_late", "resolve": "running",
    }  # fmt: skip


def test_the_picture_says_why(hub: SmallHub) -> None:
    said = hub.type("explain", CASE).output
    for part in (
        f"case 案件 {CASE}", "Water main burst 供水爆管", "Water and drainage 水务", "rule 规则 water", "same family water",
        "BREACHED 超时", "On site. 已到场", "Water on the road.", "█",
    ):  # fmt: skip
        assert part in said, part


def test_no_such_case(hub: SmallHub) -> None:
    with pytest.raises(FatalError, match="no case has a report hotline:H9"):
        hub.type("explain", "hotline:H9")


def test_departments_are_listed_and_unknown_ones_refused(hub: SmallHub) -> None:
    listed = hub.json("dept", "list")
    assert {each["id"] for each in listed} == set(hub.departments)
    for arguments in (
        ("dept", "watch", "nobody"),
        ("dept", "update", CASE, "--status", "accepted", "--department", "nobody"),
    ):
        with pytest.raises(FatalError, match="it has: dispatch_desk"):
            hub.type(*arguments)
    said = hub.type("dept", "update", CASE, "--status", "done", "--department", "roads")
    assert said.exit_code == 2
    assert "there is no step 'done'; say one of accepted, refused, responded, resolved" in " ".join(said.output.split())


def test_watching_shows_orders_and_receipts_and_ends_in_order(hub: SmallHub) -> None:
    arguments = ["dept", "watch", "water_supply", "--from-start", "--json"]
    argv = [sys.executable, "-m", "hub.cli.main", *arguments]
    with started(argv, stdout=subprocess.PIPE, env=environment_of(hub.settings)) as process:
        assert process.stdout is not None
        order = json.loads(process.stdout.readline())
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=PATIENCE_SECONDS)
    assert (order["case_id"], order["kind"], order["department"]) == (CASE, "ASSIGN", "water_supply")
    assert process.returncode == 0
    with started([*argv, "--receipts"], stdout=subprocess.PIPE, env=environment_of(hub.settings)) as process:
        assert process.stdout is not None
        receipt = next(
            each["receipt"]
            for each in map(json.loads, process.stdout)
            if each.get("receipt", {"outcome": "waiting"})["outcome"] != "waiting"
        )
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=PATIENCE_SECONDS)
    assert (receipt["update_id"], receipt["said"], receipt["outcome"]) == ("U1", "responded", "accepted")


def test_an_update_waits_for_its_receipt(hub: SmallHub) -> None:
    update = ("dept", "update", CASE, "--status", "responded", "--wait", "120", "--department")
    said = hub.type(*update, "water_supply", "--update-id", "U2", "--json")
    assert json.loads(said.stdout)["receipt"]["outcome"] == "accepted"
    again = hub.type(*update, "water_supply", "--update-id", "U2", "--at", "2026-01-06T12:00:00+08:00")
    assert "conflict: not applied 未生效" in again.output
    assert "is for who holds the case or helps" in hub.type(*update, "roads").output
    unheard = hub.type(*update, "water_supply", "--update-id", "U3", "--wait", "0", "--json")
    assert json.loads(unheard.stdout)["receipt"] is None


def test_a_dead_letter_is_shown_and_sent_again(hub: SmallHub) -> None:
    said = hub.type("dead", "list", "--stage", "deduplicate", "--json")
    letter = json.loads(said.stdout.splitlines()[0])
    assert (letter["reason"], letter["resendable"]) == ("undecodable", True)
    shown = hub.type("dead", "show", letter["id"]).output
    assert "not avro" in shown
    assert f"cityhub dead resend {letter['id']}" in shown
    assert "1 undecodable" in hub.type("dead", "list").output.replace("deduplicate ", "")
    assert hub.json("dead", "resend", letter["id"]) == {"sent": 1, "left": 0}
    report = hub.settle(lambda report: report.outcomes["dead letter 死信 deduplicate/undecodable"] == 2)
    assert report.good
    with pytest.raises(FatalError, match="no dead letter 0:999"):
        hub.type("dead", "show", "0:999")


# -- erase ---------------------------------------------------------------------------------------------------------------------


def test_what_was_erased_is_shown_no_longer_and_the_logs_say_until_when(hub: SmallHub) -> None:
    far = case_event("hotline", "E1")["place"] | {"lat": 34.05, "lon": 114.56, "address": "PLANTED STREET"}
    hub.publish(case_event("hotline", "E1", category="noise.social", title="PLANTED", text="PLANTED TOO", place=far))
    wait_for(lambda: hub.type("explain", "hotline:E1").exit_code == 0, "it has a case")
    wait_for(lambda: len(hub.json("explain", "hotline:E1")["orders"]) > 0, "it has an order")
    assert "PLANTED" in hub.type("explain", "hotline:E1").output
    tried = hub.json("erase", "hotline:E1", "--dry-run")
    assert hub.json("explain", "hotline:E1")["erasures"] == []
    done = hub.json("erase", "hotline:E1", "--reason", "request 2026-7", "--by", "desk")
    (department,) = {order["department"] for order in hub.json("explain", "hotline:E1")["orders"]}
    for document in (tried, done):
        days = {log["topic"]: (log["until"] - document["at"]) / 86_400_000 for log in document["logs"]}
        assert days[f"dept.{department}.orders"] == pytest.approx(90 + 7)
        assert days["city.hotline.events"] == pytest.approx(30 + 7)
        assert days["hub.route.changelog"] == pytest.approx(7 + 7)
        assert {(each["what"], each["topic"]): (each["after"], each["days"]) for each in document["stays"]} == {
            ("point", "hub.route.changelog"): ("the case and its clocks end", 90 + 7 + 7),
            ("point", "hub.cases"): ("it was written", 400 + 7),
            ("departments' notes", "hub.track.changelog"): ("the case and its clocks end", 90 + 7 + 7),
        }
    wait_for(
        lambda: any("已按申请删除" in (each["reason"] or "") for each in hub.json("explain", "hotline:E1")["orders"]),
        "who works on it is told",
    )
    story = hub.json("explain", "hotline:E1")
    assert "PLANTED" not in json.dumps(story)
    assert [(each["by"], each["reason"]) for each in story["erasures"]] == [("desk", "request 2026-7")]
    picture = hub.type("explain", "hotline:E1").output
    assert "erased 已删除" in picture
    assert "PLANTED" not in picture
    assert {"source": "hotline", "source_ref": "E1", "by": "desk", "reason": "request 2026-7"} in [
        {name: each[name] for name in ("source", "source_ref", "by", "reason")} for each in hub.json("erase")
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("hotline", "--reason", "r"), "name a report as SOURCE:REF"), (("hotline:H1",), "say why with --reason")],
)
def test_what_an_erasure_lacks_is_said(hub: SmallHub, arguments: tuple[str, ...], said: str) -> None:
    result = hub.type("erase", *arguments)
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("hotline:NOBODY", "--reason", "r"), "--unknown erases it all the same"),
        (("Hot line:H1", "--unknown", "--reason", "r"), "cannot be erased: source .* is not usable"),
    ],
)
def test_an_erasure_that_cannot_be_says_why(hub: SmallHub, arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(FatalError, match=said):
        hub.type("erase", *arguments)
