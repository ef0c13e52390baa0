"""Reads an agent's state back from its changelog: all that was committed, and nothing that was not."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Sequence

from confluent_kafka import OFFSET_BEGINNING, Consumer, IsolationLevel, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from hub.settings import Settings
from hub.stream.kafka import client_config, consumer_config, kafka_errors
from hub.stream.state import State

log = logging.getLogger(__name__)
_TIMEOUT_SECONDS = 30.0
_SAY_EVERY_SECONDS = 5.0


def recover(settings: Settings, state: State, partitions: Sequence[int], alive: Callable[[], None]) -> None:
    """Fill `state` for these partitions from their changelogs. Blocks; calls `alive` after each batch.

    Reads up to the high watermark as it is now. While an open transaction of a dead worker hides the end, it waits: the
    broker aborts that one after the transaction timeout at the latest, and what lies behind it may be committed.
    Raises RetriableError if the broker cannot be read.
    """
    topic = settings.topic(state.changelog.name)
    ends = high_watermarks(settings, topic, partitions)
    waiting = {partition for partition, end in ends.items() if end > 0}
    consumer = Consumer(
        consumer_config(settings, "recovery", f"{settings.namespace}recovery-{uuid.uuid4().hex}")
        | {"enable.partition.eof": True}
    )
    started = said = time.monotonic()
    records = 0
    try:
        with kafka_errors(f"reading {topic}"):
            consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in waiting])
            while waiting:
                for message in consumer.consume(10_000, 0.2):
                    error = message.error()
                    if error is None:
                        state.load(message.partition(), message.key(), message.value())
                        records += 1
                    elif error.code() == KafkaError._PARTITION_EOF:
                        if message.offset() >= ends[message.partition()]:
                            waiting.discard(message.partition())
                    elif not error.retriable() and error.code() != KafkaError._ALL_BROKERS_DOWN:
                        log.warning("reading %s: %s", topic, error.str())
                alive()
                if waiting and time.monotonic() - said > _SAY_EVERY_SECONDS:
                    said = time.monotonic()
                    log.info("state of %s: %s records read, %s partitions to go", topic, f"{records:,}", len(waiting))
    finally:
        consumer.close()
    for partition in partitions:
        state.loaded(partition)
    log.info(
        "state of %s: %s records of partitions %s in %.1f s",
        topic,
        f"{records:,}",
        list(partitions),
        time.monotonic() - started,
    )


def high_watermarks(settings: Settings, topic: str, partitions: Sequence[int]) -> dict[int, int]:
    """The end of each partition, open transactions included."""
    client = AdminClient(client_config(settings, "ends"))
    wanted = {TopicPartition(topic, partition): OffsetSpec.latest() for partition in partitions}
    with kafka_errors(f"asking for the end of {topic}"):
        answers = client.list_offsets(
            wanted, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=_TIMEOUT_SECONDS
        )
        return {asked.partition: answer.result().offset for asked, answer in answers.items()}
