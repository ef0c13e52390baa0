"""A running hub whose topics are given more partitions: nobody stands still, nothing is lost, no repeat is taken for new."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from hub.audit import audit_with_state
from hub.errors import FatalError
from hub.settings import Settings
from hub.stream.admin import check_number, inspect_topics
from hub.stream.kafka import client_config
from hub.topics import CASES, EVENTS, all_topics, city_events
from tests.integration.small_hub import SmallHub, case_event, ready, running_hub, wait_for

pytestmark = pytest.mark.kafka
RAISED = {city_events("police").name: 5, EVENTS.name: 3, CASES.name: 7, "hub.deduplicate.changelog": 4}


@pytest.fixture
def hub(kafka_bootstrap: str, namespace: str, tmp_path: Path) -> Iterator[SmallHub]:
    with running_hub(kafka_bootstrap, namespace, tmp_path) as found:
        yield found


def raise_topics(settings: Settings) -> None:
    """As `kafka-topics --alter --partitions` does."""
    client = AdminClient(client_config(settings, "administrator"))
    wanted = {settings.topic(name): count for name, count in RAISED.items()}
    for future in client.create_partitions([NewPartitions(name, count) for name, count in wanted.items()]).values():
        future.result(30)
    until = time.monotonic() + 60
    while {name: len(client.list_topics(timeout=30).topics[name].partitions) for name in wanted} != wanted:
        assert time.monotonic() < until
        time.sleep(0.05)


def _events(begin: int, end: int) -> list[dict[str, Any]]:
    return [case_event(source, f"{source}-{n}") for n in range(begin, end) for source in ("police", "hotline")]


def test_nothing_is_lost_or_doubled_when_topics_are_raised(hub: SmallHub) -> None:
    before, after = _events(0, 20), _events(20, 40)
    hub.publish(*before)
    hub.settle(lambda report: sum(report.taken_in.values()) == 40)
    raise_topics(hub.settings)
    hub.publish(*before, *after)  # at once, by a producer that knows of the new partitions already
    report = hub.settle(lambda report: report.outcomes.get("repeat 重复") == 40)
    moved = report.outcomes["moved to its partition 移至所属分区"]
    assert moved > 0
    assert sum(report.taken_in.values()) == sum(report.outcomes.values()) == 40 + 80 + moved
    assert report.good, report
    hub.restart()
    wait_for(lambda: ready(hub.settings), "the worker serves")
    hub.publish(*before, *after)
    report = hub.settle(lambda report: report.outcomes.get("repeat 重复") == 120)
    assert report.good, report
    assert audit_with_state(hub.settings, hub.sources, hub.departments)[1].good
    told = json.loads(hub.type("topics", "--json").stdout)
    assert {row["topic"]: row["partitions"] for row in told if row["partitions"] > row["wanted_partitions"]} == {
        hub.settings.topic(name): count for name, count in RAISED.items()
    }
    assert "partitions added" in hub.type("topics").output
    assert hub.type("topics").exit_code == 0


def test_a_worker_with_another_number_of_partitions_does_not_begin(hub: SmallHub) -> None:
    raise_topics(hub.settings)
    other = hub.settings.model_copy(update={"partitions": 3})
    states = inspect_topics(other, all_topics(hub.sources, hub.departments))
    with pytest.raises(FatalError, match="made with 2, for life: set it to 2"):
        check_number(other, states)
