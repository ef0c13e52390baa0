"""Writes this worker's beats to `hub.workers` and reads everybody's. The broker's stamp on them tells its time."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer, KafkaError, Message, Producer, TopicPartition

from hub.control.clocks import CheckedClock, Stamp
from hub.control.records import Beat, Fault, opened, sealed
from hub.control.workers import LATE_SECONDS
from hub.metrics import CONTROL_REJECTS
from hub.settings import Settings
from hub.stream.kafka.client import consumer_config, kafka_errors, producer_config, served
from hub.stream.kafka.headers import headers_of
from hub.stream.kafka.unpacking import Steps, cannot_be_unpacked
from hub.topics import WORKERS

log = logging.getLogger(__name__)
_PATIENCE_SECONDS = 2.0
_LEADERS_SECONDS = 30.0
_TAIL = 1_000
_BATCH, _BATCHES = 1_000, 5


class BeatPlace(NamedTuple):
    """Where a beat stands, by the topic's first partition, and what the broker's clock said."""

    offset: int
    stamp_ms: int


class Pulse:
    """Raises FatalError or RetriableError from every call."""

    def __init__(self, settings: Settings, clock: CheckedClock) -> None:
        self._name = settings.topic(WORKERS.name)
        self._key = settings.control_secret
        self._clock = clock
        self._producer = Producer(
            producer_config(settings, "beats")
            # one that comes late is worth nothing, and one that comes twice does no harm
            | {"enable.idempotence": False, "linger.ms": 0, "delivery.timeout.ms": 5_000}
        )
        self._consumer = Consumer(
            consumer_config(settings, "beats", f"{settings.namespace}beats.{settings.instance}")
            # no transaction that somebody leaves open may hide who lives
            | {"isolation.level": "read_uncommitted"}
        )
        self._steps = Steps(settings, self._consumer)
        self._leaders: dict[int, int] = {}
        self._asked = -_LEADERS_SECONDS
        self._place: BeatPlace | None = None
        self._first_unread = 0
        self.unstamped = False
        """The topic keeps the writers' times instead of the broker's."""

    def send(self, beat: Beat) -> BeatPlace | None:
        """Write a beat to a partition of each broker; where it stands, or None if the broker does not answer soon."""
        self._place = None
        value, headers = sealed(beat, self._name, self._key)
        now = time.monotonic()
        for partition, broker in self._partitions().items():
            delivered = partial(self._delivered, partition, broker, now)
            with kafka_errors("writing a heartbeat"):
                self._producer.produce(
                    self._name, value, beat.instance, partition, on_delivery=delivered, headers=headers
                )
        while self._place is None and time.monotonic() < now + _PATIENCE_SECONDS:
            served(self._producer, 0.05)
        return self._place

    def _partitions(self) -> dict[int, int]:
        """Of each broker that leads some, one partition; the first in any case, as that is the one that is read."""
        now = time.monotonic()
        if now - self._asked >= _LEADERS_SECONDS:
            self._asked = now
            with kafka_errors("asking who leads the partitions of the workers' heartbeats"):
                found = self._producer.list_topics(self._name, timeout=_PATIENCE_SECONDS).topics[self._name]
            self._leaders = {number: each.leader for number, each in sorted(found.partitions.items())}
        first = {broker: number for number, broker in reversed(self._leaders.items()) if broker >= 0}
        return {0: self._leaders.get(0, -1)} | {number: broker for broker, number in first.items()}

    def _delivered(self, partition: int, broker: int, sent: float, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._asked = -_LEADERS_SECONDS  # it may be led by another now
            return
        kind, stamp_ms = message.timestamp()
        self.unstamped = kind != TIMESTAMP_LOG_APPEND_TIME
        if not self.unstamped:
            self._clock.note(broker, Stamp(stamp_ms, sent, time.monotonic()))
        if partition == 0:
            self._place = BeatPlace(message.offset(), stamp_ms)

    def read_from(self, mine: BeatPlace) -> Iterator[tuple[Beat, int, float]]:
        """Beats, their offsets and ages in seconds, of those shortly before one's own first. `read` goes on after them."""
        with kafka_errors("reading the workers' heartbeats"):
            low, _ = self._consumer.get_watermark_offsets(TopicPartition(self._name, 0), timeout=_PATIENCE_SECONDS)
        self._assign(max(low, mine.offset - _TAIL))
        until = time.monotonic() + _PATIENCE_SECONDS
        while self._first_unread <= mine.offset and time.monotonic() < until:
            for beat, offset, stamp_ms in self._beats(0.1):
                age = (mine.stamp_ms - stamp_ms) / 1000
                if abs(age) < LATE_SECONDS:  # who is late may still sit in the groups
                    yield beat, offset, max(0.0, age)

    def read(self, newest: int) -> Iterator[tuple[Beat, int]]:
        """What has come since; `newest`: the offset of one's own last beat. Of a flood, what is new enough to matter."""
        if newest - self._first_unread > _BATCH * _BATCHES:
            self._assign(newest - _TAIL)
        for _ in range(_BATCHES):
            before = self._first_unread
            for beat, offset, _stamp in self._beats(0.0):
                yield beat, offset
            if self._first_unread - before < _BATCH:
                return

    def _assign(self, offset: int) -> None:
        self._first_unread = offset
        with kafka_errors("reading the workers' heartbeats"):
            self._consumer.assign([TopicPartition(self._name, 0, offset)])

    def _beats(self, wait_seconds: float) -> Iterator[tuple[Beat, int, int]]:
        with kafka_errors("reading the workers' heartbeats"):
            messages = self._consumer.consume(_BATCH, wait_seconds)
        for message in messages:
            if message.error() is not None:
                if cannot_be_unpacked(message.error()):
                    self._steps.over(message)
                continue
            self._first_unread = message.offset() + 1
            record = opened(message.value(), headers_of(message), self._name, self._key)
            if isinstance(record, Beat):
                yield record, message.offset(), message.timestamp()[1]
            else:
                CONTROL_REJECTS.labels(str(record if isinstance(record, Fault) else Fault.UNKNOWN_KIND)).inc()

    def close(self) -> None:
        self._consumer.close()
