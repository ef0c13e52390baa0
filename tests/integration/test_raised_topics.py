"""A running hub whose topics are given more partitions: nobody stands still, nothing is lost, no repeat is taken for new."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from hub.audit import audit_with_state
from hub.errors import FatalError
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics, inspect_topics, require_topics
from hub.stream.kafka.client import client_config
from hub.topics import CASES, EVENTS, Topic, all_topics, city_events
from tests.integration.small_hub import SmallHub, case_event, ready, running_hub, wait_for
from tests.waiting import wait_for_value

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
        future.result(60)

    def there() -> dict[str, int]:
        found = client.list_topics(timeout=60).topics
        return {name: len(found[name].partitions) for name in wanted}

    wait_for_value(there, wanted, "they have not as many")


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


@pytest.fixture
def settings(kafka_bootstrap: str, namespace: str) -> Settings:
    return Settings(bootstrap_servers=kafka_bootstrap, namespace=namespace, partitions=3)


def _states(settings: Settings, topics: list[Topic]) -> dict[str, str]:
    return {state.topic.name: state.summary for state in inspect_topics(settings, topics)}


def test_too_few_partitions_are_added_and_a_missing_source_stops_nobody(settings: Settings) -> None:
    """As where a client has made a topic by itself, with one partition."""
    topics = all_topics(["police", "hotline"], ["roads"])
    police, hotline = city_events("police"), city_events("hotline")
    ensure_topics(settings, topics)
    client = AdminClient(client_config(settings, "administrator"))
    gone = [settings.topic(topic.name) for topic in (police, hotline)]
    for future in client.delete_topics(gone).values():
        future.result(60)
    wait_for(
        lambda: _states(settings, [police, hotline]) == dict.fromkeys((police.name, hotline.name), "missing"), "gone"
    )
    ensure_topics(settings.model_copy(update={"partitions": 1}), [police])
    wait_for_value(lambda: _states(settings, topics)[police.name], "1 of 3 partitions", "it is made")
    require_topics(settings, topics)
    ensure_topics(settings, topics)
    wait_for_value(lambda: set(_states(settings, topics).values()), {"ok"}, "all are given what they lack")


def test_a_hub_keeps_the_number_it_was_made_with(settings: Settings) -> None:
    """Also where somebody has raised every topic there is: what is set is told from what the hub was made with."""
    topics = all_topics(["police"], ["roads"])
    ensure_topics(settings, topics)
    client, names = AdminClient(client_config(settings, "administrator")), [settings.topic(t.name) for t in topics]
    for future in client.create_partitions([NewPartitions(name, 5) for name in names]).values():
        future.result(60)
    wait_for(lambda: all("ok" in said for said in _states(settings, topics).values()), "raised")
    require_topics(settings, topics)
    for wrong in (2, 5):
        with pytest.raises(FatalError, match="made with 3, for life: set it to 3"):
            require_topics(settings.model_copy(update={"partitions": wrong}), topics)
        with pytest.raises(FatalError, match="made with 3"):
            ensure_topics(settings.model_copy(update={"partitions": wrong}), topics)
