"""Three brokers: they keep what they have when one of them dies, and it is known who coordinates what."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from hub.stream.kafka.client import kafka_errors
from hub.testing.cluster import KafkaCluster
from tests.waiting import PATIENCE_SECONDS, wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    with KafkaCluster(tmp_path_factory.mktemp("cluster")) as nodes:
        yield nodes


def write(cluster: KafkaCluster, transactional_id: str, topic: str, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers, "transactional.id": transactional_id})
    producer.init_transactions(PATIENCE_SECONDS)
    producer.begin_transaction()
    producer.produce(topic, value, partition=0)
    producer.commit_transaction(PATIENCE_SECONDS)


def read(cluster: KafkaCluster, topic: str, count: int) -> list[bytes | None]:
    consumer = Consumer(
        {"bootstrap.servers": cluster.bootstrap_servers, "group.id": "look", "auto.offset.reset": "earliest"}
    )
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        return [message.value() for message in consumer.consume(count, timeout=PATIENCE_SECONDS)]
    finally:
        consumer.close()


def test_what_is_committed_outlives_its_leader_and_its_coordinator(cluster: KafkaCluster) -> None:
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap_servers})
    admin.create_topics([NewTopic("t", 1)])["t"].result(PATIENCE_SECONDS)
    write(cluster, "first", "t", b"one")
    for victim in (cluster.leader("t", 0), cluster.coordinator_of_transactions("first")):
        assert victim is not None
        cluster.kill(victim)
        assert victim not in cluster.alive
        write(cluster, "first", "t", b"more")
        cluster.restart([victim])
    assert read(cluster, "t", 3) == [b"one", b"more", b"more"]


def test_who_coordinates_a_group_is_who_kafka_says(cluster: KafkaCluster) -> None:
    for group in ("a", "hub.track", "deduplicate", "群组"):
        # while leaders move back after a restart it is another
        wait_for(lambda group=group: _said(cluster, group) == cluster.coordinator_of_group(group), group)  # type: ignore[misc]


def _said(cluster: KafkaCluster, group: str) -> int | None:
    """Asked by a client of its own: one that asked before remembers what it was told then."""
    client = AdminClient({"bootstrap.servers": cluster.bootstrap_servers})
    with kafka_errors("asking who coordinates a group"):  # while it moves nobody can tell
        coordinator = (
            client.describe_consumer_groups([group], request_timeout=PATIENCE_SECONDS)[group].result().coordinator
        )
    return None if coordinator is None else int(coordinator.id)
