"""How long unread records are still kept, and that no rule deletes one; on a real Kafka."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka import Producer
from prometheus_client import REGISTRY

from hub.cli.policy.keeping import apply_retention
from hub.clock import wall_ms
from hub.errors import FatalError
from hub.millis import DAY_MS
from hub.policy import City, load_city
from hub.settings import Settings
from hub.stream.admin.topic_settings import retentions
from hub.stream.admin.topics import ensure_topics
from hub.stream.kafka.client import producer_config
from hub.stream.watch.retention import Margin, RetentionWatch, margins, state_margins
from hub.topics import DEDUPLICATE_CHANGELOG, EVENTS, TRACK_CHANGELOG, Topic, dept_updates
from tests.integration.kafka_accidents import set_topic
from tests.integration.small_hub import own_city, small_settings
from tests.integration.small_plane import AGENT, IN, Plane, count_up, new_state, read_some, settled
from tests.waiting import PATIENCE_SECONDS, wait_for_value

pytestmark = pytest.mark.kafka
HOUR_MS = 3_600_000


def feed_of(plane: Plane, age_ms: int, partition: int) -> int:
    """A record that old; when it was written."""
    return written(plane.settings, IN, age_ms, partition)


def written(settings: Settings, topic: Topic, age_ms: int, partition: int) -> int:
    at_ms = wall_ms() - age_ms
    producer = Producer(producer_config(settings, "feed"))
    producer.produce(settings.topic(topic.name), b"a", b"k", partition, timestamp=at_ms)
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
    assert margins(plane.settings, AGENT, [IN.name]) == {}


def test_what_is_compacted_keeps_nothing_that_is_unread(plane: Plane) -> None:
    """Compaction leaves no trace: offsets jump over what it took as over markers. So the alert comes before it."""
    set_topic(plane.settings, IN, "cleanup.policy", "compact")
    assert margin(plane) == Margin(0, 0), "nothing is there"
    feed_of(plane, 1000, 1)
    left, kept = margin(plane)
    assert left <= -1
    assert kept == 0


def test_a_changelog_that_deletes_what_is_old_is_said_before_a_restart_finds_it(
    kafka_bootstrap: str, namespace: str, tmp_path: Path
) -> None:
    settings = small_settings(kafka_bootstrap, namespace, tmp_path)
    ensure_topics(settings, [TRACK_CHANGELOG, DEDUPLICATE_CHANGELOG])
    assert state_margins(settings, "track") == state_margins(settings, "deduplicate") == {}
    watch = RetentionWatch(settings, {})
    set_topic(settings, TRACK_CHANGELOG, "retention.ms", str(HOUR_MS))
    set_topic(settings, TRACK_CHANGELOG, "cleanup.policy", "compact,delete")
    watch._show("track", found := state_margins(settings, "track"))
    assert found == {TRACK_CHANGELOG.name: Margin(0, 3600)}
    assert _shown() == 0
    set_topic(settings, TRACK_CHANGELOG, "cleanup.policy", "compact")
    watch._show("track", state_margins(settings, "track"))
    assert _shown() is None


def _shown() -> float | None:
    labels = {"agent": "track", "topic": TRACK_CHANGELOG.name}
    return REGISTRY.get_sample_value("hub_retention_margin_seconds", labels)


def city_that_keeps(folder: Path, rules: str) -> City:
    (folder / "privacy.yaml").write_text(f"retention: {{{rules}}}\n", "utf-8")
    return load_city(folder)


def test_no_rule_deletes_what_an_agent_has_yet_to_read(kafka_bootstrap: str, namespace: str, tmp_path: Path) -> None:
    """Then none of the rules is applied."""
    settings, folder, updates = (
        small_settings(kafka_bootstrap, namespace, tmp_path),
        own_city(tmp_path),
        dept_updates("roads"),
    )
    ensure_topics(settings, [EVENTS, updates])
    names = [settings.topic(EVENTS.name), settings.topic(updates.name)]
    before = retentions(settings, names)
    for topic, age_days in ((EVENTS, 10), (updates, 3)):
        set_topic(settings, topic, "message.timestamp.type", "CreateTime")  # else the broker's own time counts
        written(settings, topic, age_days * DAY_MS, 1)
    for rules, agent in (
        ("hub.events: 9, dept.*.updates: 40", "route"),
        ("hub.events: 40, dept.*.updates: 2", "deduplicate"),
    ):
        with pytest.raises(FatalError, match=f"{agent} has some left to read .*; let it read them first"):
            apply_retention(city_that_keeps(folder, rules), settings, ["deduplicate", "route", "track"])
        assert retentions(settings, names) == before
    apply_retention(
        city_that_keeps(folder, "hub.events: 11, dept.*.updates: 4"), settings, ["deduplicate", "route", "track"]
    )
    wanted = dict(zip(names, (11 * DAY_MS, 4 * DAY_MS), strict=True))
    wait_for_value(lambda: retentions(settings, names), wanted, "the broker that is asked has heard of what was set")
