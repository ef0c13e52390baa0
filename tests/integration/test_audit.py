"""The audit of a real hub: all is accounted for, and what is tampered with is found."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from hub.audit import compare_runs
from hub.errors import FatalError
from hub.inspect.reading import read_messages, spans
from hub.model.ids import case_id
from hub.topics import ROUTE_CHANGELOG
from tests.integration.small_hub import SmallHub, case_event, running_hub

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def hub(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallHub]:
    """With a case of two reports, an amendment, a case at the desk, a repeat, an undecodable record and updates."""
    folder: Path = tmp_path_factory.mktemp("hub")
    with running_hub(kafka_bootstrap, f"t{uuid.uuid4().hex[:6]}.", folder) as hub:
        first = case_event("hotline", "H1")
        hub.publish(first, case_event("citymgmt", "C1", category="nobody knows"))
        hub.settle(lambda report: report.cases == 2)
        # what a department sends is about a case it knows; it may arrive before or after the second report
        hub.type("dept", "update", case_id("hotline", "H1"), "--status", "accepted", "--department", "water_supply")
        hub.publish(first, case_event("police", "P1"), case_event("hotline", "H1", revision=1, kind="AMENDED"))
        hub.send("city.petition.events", b"x", b"not avro")
        hub.type("dept", "update", "C-NONE", "--status", "resolved", "--department", "roads")
        hub.settle(lambda report: report.good and report.outcomes.get("dead letter 死信 track/unknown_case") == 1)
        yield hub


def test_everything_is_accounted_for(hub: SmallHub) -> None:
    report = hub.audit()
    assert report.good, report
    assert sum(report.taken_in.values()) == sum(report.outcomes.values()) == 8
    assert dict(report.outcomes) == {
        "case 案件 amended": 1, "case 案件 linked": 1, "case 案件 opened": 2, "repeat 重复": 1, "update applied 反馈": 1,
        "dead letter 死信 deduplicate/undecodable": 1, "dead letter 死信 track/unknown_case": 1,
    }  # fmt: skip


def test_the_command_says_so(hub: SmallHub) -> None:
    found = hub.json("reconcile")
    assert (found["good"], found["unaccounted"], found["doubled"], found["orphaned"]) == (True, 0, 0, 0)
    said = hub.type("reconcile")
    assert "0 unaccounted, 0 doubled" in said.stdout


def test_a_hub_agrees_with_itself_and_not_with_another(hub: SmallHub) -> None:
    same = compare_runs(hub.settings, hub.settings.namespace, hub.sources, hub.departments)
    assert same.good
    assert same.same_cases == 2
    with pytest.raises(FatalError, match="has no topic nowhere"):
        compare_runs(hub.settings, "nowhere.", hub.sources, hub.departments)


def test_state_rebuilt_agrees_with_what_was_published(hub: SmallHub) -> None:
    found = hub.json("reconcile")["state"]
    assert found["good"], found
    assert (found["remembered"], found["cases"], found["tracked"], found["forgotten"]) == (6, 2, 2, 0)
    assert found["clocks"] > 0
    assert "0 disagreements of state" in hub.type("reconcile").stdout
    assert "state" not in hub.json("reconcile", "--no-state")
    assert "state not compared" in hub.type("reconcile", "--live").stdout
    assert "stop feeding the hub" in hub.type("reconcile", "--state", "--live").stderr


def test_state_that_was_lost_is_found(hub: SmallHub) -> None:
    hub.worker.stop()
    case = case_id("hotline", "H1")
    place = spans(hub.settings, [ROUTE_CHANGELOG.name])
    kept = [message for batch in read_messages(hub.settings, place) for message in batch]
    (number,) = {message.partition() for message in kept if message.key() == case.encode()}
    producer = Producer({"bootstrap.servers": hub.settings.bootstrap_servers})
    producer.produce(hub.settings.topic(ROUTE_CHANGELOG.name), None, case.encode(), number)  # a tombstone
    assert producer.flush(30) == 0
    said = hub.type("reconcile", "--json")
    assert said.exit_code == 1
    found = json.loads(said.stdout)
    assert (found["unaccounted"], found["doubled"], found["orphaned"]) == (0, 0, 0)
    assert [(each["what"], each["first"]) for each in found["state"]["findings"] if each["count"]] == [
        ("route: open cases that it does not know 丢失的在办案件", [case]),
        ("route: statements kept of no linked report of an open case 多余原话", ["~police:P1:0"]),
    ]


def test_tampering_is_found(hub: SmallHub) -> None:
    hub.worker.stop()
    place = spans(hub.settings, ["hub.cases", "hub.repeats"])
    for batch in read_messages(hub.settings, place):
        for message in batch:
            topic = message.topic().removeprefix(hub.settings.namespace)
            hub.send(topic, message.key(), message.value())
    hub.publish(case_event("police", "P2"))
    said = hub.type("reconcile", "--json")
    assert said.exit_code == 1
    found = json.loads(said.stdout)
    assert (found["unaccounted"], found["doubled"]) == (1, 5)
    assert "deduplicate has 1 records to read yet" in found["state"]["not_compared"]
    assert "deduplicate has 1 records to read yet" in hub.type("reconcile").stdout
    assert "not_compared" in json.loads(hub.type("reconcile", "--state", "--json").stdout)["state"]
    named = {each["what"]: each for each in found["findings"] if each["count"]}
    assert named["not read yet 待处理"]["first"][0].startswith("city.police.events[")
    assert named["cases opened twice 重复立案"]["count"] == 2
