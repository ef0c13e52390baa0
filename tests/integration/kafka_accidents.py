"""What befalls topics: records deleted as by retention, a topic deleted and made anew. No tests of its own."""

from __future__ import annotations

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics
from hub.stream.kafka.client import client_config, kafka_errors
from hub.topics import Topic
from tests.waiting import wait_for, wait_for_value


def set_topic(settings: Settings, topic: Topic, setting: str, value: str) -> None:
    """As an administrator does."""
    entry = ConfigEntry(setting, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, settings.topic(topic.name), incremental_configs=[entry])
    client = AdminClient(client_config(settings, "accident"))
    client.incremental_alter_configs([resource])[resource].result()
    asked = ConfigResource(ConfigResource.Type.TOPIC, settings.topic(topic.name))
    # the controller has it; the broker hears of it a moment later
    wait_for_value(lambda: client.describe_configs([asked])[asked].result()[setting].value, value, "it is not set")


def delete_before(settings: Settings, topic: Topic, partition: int, offset: int) -> None:
    """As retention does, at once. -1: all there is. Of a compacted topic only after somebody changed its policy."""
    name, client = settings.topic(topic.name), AdminClient(client_config(settings, "accident"))
    if topic.compacted:
        set_topic(settings, topic, "cleanup.policy", "compact,delete")
    place = TopicPartition(name, partition, offset)
    client.delete_records([place])[place].result()


def wait_until_left(settings: Settings, agent: str) -> None:
    """Until nobody is in the agent's group, as far as its broker knows: who leaves is there for a moment more."""
    group, client = f"{settings.namespace}{agent}", AdminClient(client_config(settings, "accident"))

    def is_left() -> bool:
        with kafka_errors("asking who is in a group"):
            return not client.describe_consumer_groups([group])[group].result().members

    wait_for(is_left, f"somebody is in {group}")


def make_anew(settings: Settings, topic: Topic) -> None:
    """Delete a topic and make it once more, empty."""
    take_away(settings, topic)
    ensure_topics(settings, [topic])


def take_away(settings: Settings, topic: Topic) -> None:
    """Delete a topic."""
    name, client = settings.topic(topic.name), AdminClient(client_config(settings, "accident"))
    client.delete_topics([name])[name].result()
    wait_for(lambda: name not in client.list_topics(timeout=60).topics, "the topic is still there")
