"""How far an agent's group has come, asked from outside the group."""

from __future__ import annotations

from collections.abc import Sequence

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from hub.settings import Settings
from hub.stream.kafka.client import client_config, consumer_config, kafka_errors
from hub.stream.numbers import PartitionPlace, places_of

_TIMEOUT_SECONDS = 30.0
_MEMBERS_SECONDS = 5.0
"""How long the question may take: the caller does nothing else meanwhile."""


def places_read(settings: Settings, topics: Sequence[str]) -> list[PartitionPlace]:
    """Every partition of these topics (without the namespace) that is there. Raises RetriableError without a broker."""
    client = AdminClient(client_config(settings, "groups"))
    with kafka_errors(f"asking {settings.bootstrap_servers} for its topics"):
        there = client.list_topics(timeout=_TIMEOUT_SECONDS).topics
    names = [settings.topic(topic) for topic in topics]
    counts = {name: len(there[name].partitions) for name in names if name in there}
    return list(places_of(range(settings.partitions), counts, settings.partitions))


def group_offsets(settings: Settings, agent: str, places: Sequence[PartitionPlace]) -> list[TopicPartition]:
    """The group's offset of each place with what is written beside it; a negative one where there is none.

    Raises RetriableError without a broker.
    """
    if not places:
        return []
    consumer = Consumer(consumer_config(settings, "groups", f"{settings.namespace}{agent}"))
    try:
        with kafka_errors(f"asking how far {agent} has come"):
            return list(consumer.committed([TopicPartition(*place) for place in places], timeout=_TIMEOUT_SECONDS))
    finally:
        consumer.close()


def group_members(settings: Settings, agent: str) -> int:
    """How many members the agent's group has, by the broker. Raises FatalError or RetriableError."""
    group = f"{settings.namespace}{agent}"
    client = AdminClient(client_config(settings, f"{agent}-members"))
    with kafka_errors(f"asking who is in the group of {agent}"):
        return len(client.describe_consumer_groups([group], request_timeout=_MEMBERS_SECONDS)[group].result().members)
