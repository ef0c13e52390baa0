"""Reads an agent's state back from its changelog: all that was committed, and nothing that was not."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Sequence

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from hub.errors import Reason, RejectedRecordError
from hub.metrics import UNREADABLE_STATE
from hub.settings import Settings
from hub.stream.changelog.checkpoints import Checkpoint, Trail, read_checkpoint
from hub.stream.changelog.state import AgentState
from hub.stream.kafka.client import consumer_config, kafka_errors
from hub.stream.kafka.extents import extents
from hub.stream.kafka.unpacking import Steps, cannot_be_unpacked

log = logging.getLogger(__name__)
_SAY_EVERY_SECONDS = 5.0


def recover(
    settings: Settings, state: AgentState, partitions: Sequence[int], alive: Callable[[], None]
) -> dict[int, Trail]:
    """Fill `state` for these partitions from their changelogs; what each says of its commits. Blocks; calls `alive` after each
    batch.

    Reads up to the high watermark as it is now. While an open transaction of a dead worker hides the end, it waits: the
    broker aborts that one after the transaction timeout at the latest, and what lies behind it may be committed.
    Raises RetriableError if the broker cannot be read.
    """
    topic = settings.topic(state.changelog.name)
    there = {number: extent for (_, number), extent in extents(settings, [(topic, p) for p in partitions]).items()}
    trails = {number: Trail(state.changelog.compacted, extent.low) for number, extent in there.items()}
    waiting = {number for number, extent in there.items() if extent.high > extent.low}
    consumer = Consumer(
        consumer_config(settings, "recovery", f"{settings.namespace}recovery-{uuid.uuid4().hex}")
        | {"enable.partition.eof": True}
    )
    steps = Steps(settings, consumer, alive)
    started = said = time.monotonic()
    records = 0
    try:
        with kafka_errors(f"reading {topic}"):
            consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in waiting])
            while waiting:
                for message in consumer.consume(10_000, 0.2):
                    error = message.error()
                    if error is None:
                        take(state, trails[message.partition()], message)
                        records += 1
                    elif error.code() == KafkaError._PARTITION_EOF:
                        if message.offset() >= there[message.partition()].high:
                            waiting.discard(message.partition())
                    elif cannot_be_unpacked(error):
                        UNREADABLE_STATE.labels(state.changelog.name).inc(steps.over(message))
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
    return trails


def take(state: AgentState, trail: Trail, message: Message) -> None:
    """Take in one record of a changelog. Anybody who may write there may have written anything: what this program does not write
    is stepped over, counted and said.

    XXX: so is what a newer program wrote. It is not lost: it stays in the changelog for the program that can read it, and the
    alert says to run that one. A new kind of record is therefore read one release before it is written.
    """
    key, value = message.key(), message.value()
    try:
        checkpoint = _checkpoint(key, value, compacted=trail.compacted)
        if checkpoint is None:
            state.load(message.partition(), key, value)
        trail.take(checkpoint)
        if checkpoint is not None and value is not None and not trail.compacted:
            state.load(message.partition(), None, value)
    except RejectedRecordError as error:
        UNREADABLE_STATE.labels(state.changelog.name).inc()
        place = f"{message.topic()}[{message.partition()}]@{message.offset()}"
        log.error("%s is not this program's and was stepped over: %s", place, error.detail)  # noqa: TRY400


def _checkpoint(key: bytes | None, value: bytes | None, *, compacted: bool) -> Checkpoint | None:
    try:
        return read_checkpoint(key, value, compacted=compacted)
    except ValueError:
        raise RejectedRecordError(Reason.UNDECODABLE, "it is no checkpoint of this version") from None
