"""An audit of topics that keep their records for unequal times, by what the broker says of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from hub.audit import audit
from hub.cli.terminal.sending import Sender
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics
from hub.stream.kafka.client import consumer_config
from hub.topics import EVENTS, all_topics, city_events
from tests.integration.kafka_accidents import delete_before, set_topic

pytestmark = pytest.mark.kafka
IN = city_events("hotline")


def test_what_is_older_than_the_shortest_retention_is_not_called_lost(
    kafka_bootstrap: str, namespace: str, tmp_path: Path
) -> None:
    """A record was read long ago, and what came of it has expired in hub.events before it has itself."""
    settings = Settings(bootstrap_servers=kafka_bootstrap, namespace=namespace, partitions=1, state_dir=tmp_path)
    ensure_topics(settings, all_topics(["hotline"], ["roads"]))
    with Sender(settings) as sender:
        sender.send(IN.name, b"H1", b"a report", partition=0)
        sender.send(EVENTS.name, b"place", b"what came of it", partition=0)
    _read(settings, 1)
    delete_before(settings, EVENTS, 0, 1)
    report = audit(settings, ["hotline"], ["roads"])
    assert report.lost.count == 1, "nothing that is kept for a month has expired by itself"
    set_topic(settings, EVENTS, "retention.ms", "1")
    report = audit(settings, ["hotline"], ["roads"])
    assert report.good, report
    assert report.outcomes == {"too old to be judged 已过期不可考": 1}


def _read(settings: Settings, end: int) -> None:
    consumer = Consumer(consumer_config(settings, "test", f"{settings.namespace}deduplicate"))
    consumer.commit(offsets=[TopicPartition(settings.topic(IN.name), 0, end)], asynchronous=False)
    consumer.close()
