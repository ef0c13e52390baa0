"""A Kafka of librdkafka's own, in this process, into which change events are written."""

from __future__ import annotations

from confluent_kafka import Producer

from tests.unit.sdk.sources.changes.envelopes import envelope, plain

PATIENCE_SECONDS = 120.0


class Kafka:
    """Lives as long as its producer does. Topics are made with four partitions when they are written to."""

    def __init__(self) -> None:
        self._producer = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 2})
        (broker,) = self._producer.list_topics(timeout=PATIENCE_SECONDS).brokers.values()
        self.address = f"{broker.host}:{broker.port}"

    def make(self, topic: str) -> None:
        """Empty."""
        self._producer.list_topics(topic, timeout=PATIENCE_SECONDS)

    def write(self, topic: str, *records: bytes | None, partition: int = 0) -> None:
        for record in records:
            self._producer.produce(topic, record, b"key", partition)
        assert not self._producer.flush(PATIENCE_SECONDS)


class Table:
    """A table that is changed row by row."""

    def __init__(self, kafka: Kafka, topic: str) -> None:
        self._kafka, self._topic, self._rows = kafka, topic, 0
        kafka.make(topic)

    def change(self, count: int) -> None:
        rows = range(self._rows, self._rows + count)
        self._rows += count
        self._kafka.write(self._topic, *(plain(envelope("c", None, {"id": number})) for number in rows))

    def grow(self, name: str) -> None:
        """One more row, with one more column."""
        self._kafka.write(self._topic, plain(envelope("c", None, {"id": self._rows, name: "!"})))
        self._rows += 1
