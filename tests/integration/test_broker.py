"""The embedded Kafka itself: it serves, keeps what it has, and says what is wrong."""

import pytest
from confluent_kafka.admin import AdminClient

pytestmark = pytest.mark.kafka


def test_a(kafka_bootstrap: str, namespace: str) -> None:
    assert AdminClient({"bootstrap.servers": kafka_bootstrap}).list_topics(timeout=5).brokers


def test_b(kafka_bootstrap: str) -> None:
    assert AdminClient({"bootstrap.servers": kafka_bootstrap}).list_topics(timeout=5).brokers
