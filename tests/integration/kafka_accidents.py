"""What befalls topics: records deleted as by retention, a topic deleted and made anew. No tests of its own."""

from __future__ import annotations

import time

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from hub.settings import Settings
from hub.stream.admin import ensure_topics
from hub.stream.kafka import client_config
from hub.topics import Topic

_SECONDS = 60.0


def set_topic(settings: Settings, topic: Topic, setting: str, value: str) -> None:
    """As an administrator does."""
    entry = ConfigEntry(setting, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, settings.topic(topic.name), incremental_configs=[entry])
    client = AdminClient(client_config(settings, "accident"))
    client.incremental_alter_configs([resource])[resource].result()


def delete_before(settings: Settings, topic: Topic, partition: int, offset: int) -> None:
    """As retention does, at once. -1: all there is. Of a compacted topic only after somebody changed its policy."""
    name, client = settings.topic(topic.name), AdminClient(client_config(settings, "accident"))
    if topic.compacted:
        set_topic(settings, topic, "cleanup.policy", "compact,delete")
    place = TopicPartition(name, partition, offset)
    client.delete_records([place])[place].result()


def make_anew(settings: Settings, topic: Topic) -> None:
    """Delete a topic and make it once more, empty."""
    name, client = settings.topic(topic.name), AdminClient(client_config(settings, "accident"))
    client.delete_topics([name])[name].result()
    until = time.monotonic() + _SECONDS
    while name in client.list_topics(timeout=10).topics:
        assert time.monotonic() < until
        time.sleep(0.05)
    ensure_topics(settings, [topic])
