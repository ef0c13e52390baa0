"""How long unread records are still kept; on a real Kafka."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer

from hub.clock import wall_ms
from hub.stream.kafka import producer_config
from hub.stream.retention import Margin, margins
from tests.integration.kafka_accidents import set_topic
from tests.integration.small_plane import AGENT, IN, MEMORY, Plane, count_up, new_state, read_some, settled
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.kafka
HOUR_MS = 3_600_000


def feed_of(plane: Plane, age_ms: int, partition: int) -> int:
    """A record that old; when it was written."""
    at_ms = wall_ms() - age_ms
    producer = Producer(producer_config(plane.settings, "feed"))
    producer.produce(plane.settings.topic(IN.name), b"a", b"k", partition, timestamp=at_ms)
    assert producer.flush(PATIENCE_SECONDS) == 0
    return at_ms


def margin(plane: Plane) -> Margin:
    return margins(plane.settings, AGENT, [IN.name])[IN.name]


def test_the_oldest_unread_record_counts(plane: Plane) -> None:
    set_topic(plane.settings, IN, "retention.ms", str(HOUR_MS))
    assert margin(plane) == Margin(3600, 3600), "nothing is there"
    at_ms = feed_of(plane, HOUR_MS * 3 // 4, 1)
    feed_of(plane, HOUR_MS // 4, 0)
    before_ms = wall_ms()
    left = margin(plane).left_seconds
    assert (at_ms + HOUR_MS - wall_ms()) / 1000 <= left <= (at_ms + HOUR_MS - before_ms) / 1000
    with plane.session(state := new_state()) as session:
        assert settled(plane, session, state, read_some(session, 2), count_up(state)) == [None]
    assert margin(plane) == Margin(3600, 3600), "all is read"


def test_what_is_kept_for_ever_has_no_margin(plane: Plane) -> None:
    set_topic(plane.settings, IN, "retention.ms", "-1")
    assert margins(plane.settings, AGENT, [IN.name, MEMORY.name]) == {}
