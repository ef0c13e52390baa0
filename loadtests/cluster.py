"""Topics on the broker of a load test: made, filled, watched and read back. Blocking; used by the runner alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from hub.errors import FatalError
from loadtests.job.events import Block
from loadtests.peers.given import PARTITIONS

_TIMEOUT_SECONDS = 30.0
_QUEUED = 200_000


@dataclass(frozen=True)
class Committed:
    """Records of a topic that read_committed consumers see."""

    partitions: list[int]
    offsets: list[int]
    keys: list[bytes]
    values: list[bytes]
    appended_ms: list[int]


class Cluster:
    """One broker's topics."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self._admin = self._client()

    def _client(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 2})

    def create(self, topic: str, config: dict[str, str] | None = None) -> None:
        """With 12 partitions. Raises FatalError."""
        future = self._admin.create_topics([NewTopic(topic, PARTITIONS, 1, config=config or {})])[topic]
        try:
            future.result(_TIMEOUT_SECONDS)
        except KafkaException as error:
            raise FatalError(f"topic {topic} cannot be created: {error.args[0].str()}") from error
        self._await_leaders(topic)

    def _await_leaders(self, topic: str) -> None:
        """A topic is created a moment before its partitions have leaders."""
        until = time.monotonic() + _TIMEOUT_SECONDS
        while True:
            try:
                self.ends(topic)
            except KafkaException as error:
                if time.monotonic() > until:
                    raise FatalError(f"topic {topic} has no leaders: {error.args[0].str()}") from error
                time.sleep(0.05)
                # XXX: a client that once saw no leader goes on answering so (librdkafka 2.16, ListOffsets)
                self._admin = self._client()
            else:
                return

    def delete(self, topics: Iterable[str]) -> None:
        """What is not there is let be."""
        there = set(self._admin.list_topics(timeout=_TIMEOUT_SECONDS).topics)
        if wanted := [topic for topic in topics if topic in there]:
            for future in self._admin.delete_topics(wanted).values():
                future.result(_TIMEOUT_SECONDS)

    def topics_named(self, part: str) -> list[str]:
        """Those with `part` in their name: what a contender has made for itself."""
        return [topic for topic in self._admin.list_topics(timeout=_TIMEOUT_SECONDS).topics if part in topic]

    def ends(self, topic: str, *, committed: bool = True) -> list[int]:
        """The end of each partition, of what is committed or of all."""
        level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        wanted = {TopicPartition(topic, partition): OffsetSpec.latest() for partition in range(PARTITIONS)}
        answers = self._admin.list_offsets(wanted, isolation_level=level, request_timeout=_TIMEOUT_SECONDS)
        found = {asked.partition: answer.result().offset for asked, answer in answers.items()}
        return [found[partition] for partition in range(PARTITIONS)]

    def done(self, group: str, topic: str) -> list[int]:
        """How far a group has committed in each partition; 0 where it has not."""
        asked = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, number) for number in range(PARTITIONS)])
        answer = self._admin.list_consumer_group_offsets([asked], request_timeout=_TIMEOUT_SECONDS)[group].result()
        found = {place.partition: max(0, place.offset) for place in answer.topic_partitions}
        return [found.get(number, 0) for number in range(PARTITIONS)]

    def fill(self, topic: str, blocks: Iterable[Block], on_records: Callable[[int], None]) -> None:
        """Publish blocks in order; `on_records` is called with the records of each. Raises FatalError if any is not delivered."""
        feeder = Feeder(self.bootstrap, topic)
        for block in blocks:
            feeder.send(block)
            on_records(len(block.keys))
        feeder.close()

    def read(self, topic: str, *, quiet_seconds: float = 20.0) -> Iterator[Committed]:
        """All that is committed in a topic by now, in portions. Raises FatalError if it stays away."""
        ends = self.ends(topic)
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": f"check.{topic}",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "queued.max.messages.kbytes": 65_536,
            }
        )
        waiting = {partition for partition, end in enumerate(ends) if end > 0}
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in sorted(waiting)])
        heard = time.monotonic()
        try:
            while waiting:
                portion = Committed([], [], [], [], [])
                for message in consumer.consume(20_000, 0.5):
                    partition = message.partition()
                    if message.error() is not None:
                        if message.offset() >= ends[partition]:
                            waiting.discard(partition)
                        continue
                    heard = time.monotonic()
                    portion.partitions.append(partition)
                    portion.offsets.append(message.offset())
                    portion.keys.append(message.key())
                    portion.values.append(message.value())
                    portion.appended_ms.append(message.timestamp()[1])
                if portion.values:
                    yield portion
                if time.monotonic() - heard > quiet_seconds:
                    raise FatalError(
                        f"{topic}: partitions {sorted(waiting)} were not read to their end in {quiet_seconds:g} s"
                    )
        finally:
            consumer.close()


class Feeder:
    """Publishes events as a source's connector would: idempotent, acknowledged, in order, keyed by reference."""

    def __init__(self, bootstrap: str, topic: str, *, linger_ms: int = 10) -> None:
        self._topic = topic
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": "murmur2_random",
                "compression.type": "lz4",
                "linger.ms": linger_ms,
                "queue.buffering.max.messages": 2 * _QUEUED,
                "queue.buffering.max.kbytes": 262_144,
            }
        )

    def send(self, block: Block, topic: str | None = None) -> None:
        """Queue a block, to another topic if one is named; waits while much is queued. Raises FatalError if it cannot."""
        while len(self._producer) > _QUEUED:
            self._producer.poll(0.05)
        batch: list[dict[str, Any]] = [{"key": k, "value": v} for k, v in zip(block.keys, block.values, strict=True)]
        self._producer.produce_batch(topic or self._topic, batch)
        self._producer.poll(0)
        if failed := next((message["_error"] for message in batch if "_error" in message), None):
            raise FatalError(f"{self._topic} cannot be filled: {failed.str()}")

    def close(self) -> None:
        """Raises FatalError if anything was not delivered."""
        if left := self._producer.flush(60):
            raise FatalError(f"{left} records of {self._topic} were not delivered in 60 s; is the broker alive?")
