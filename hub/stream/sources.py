"""Reads hub.sources as it grows: every worker knows of every pause, whoever it was that paused or let go on."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from hub.clock import wall_ms
from hub.errors import RetriableError
from hub.metrics import SOURCE_PAUSED
from hub.settings import Settings
from hub.stream.inputs import missing
from hub.stream.kafka import consumer_config, kafka_errors
from hub.stream.standings import Standing, Standings
from hub.topics import SOURCES, is_own

log = logging.getLogger(__name__)
_TIMEOUT_SECONDS = 5.0
_GIVE_UP_SECONDS = 60.0
_BATCH = 1000


class Sources:
    """What stands in hub.sources about the topics of one agent, and the reader that keeps it true.

    Topics that the hub itself writes are never paused: rubbish that somebody else writes there is set aside record by record.
    Raises FatalError if hub.sources is missing, RetriableError if it cannot be read.
    """

    def __init__(self, settings: Settings, agent: str, topics: Iterable[str]) -> None:
        self._agent = agent
        self._instance = settings.instance
        self._topics = frozenset(topic for topic in topics if not is_own(topic))
        self.standings = Standings()
        self._place = TopicPartition(settings.topic(SOURCES.name), 0, OFFSET_BEGINNING)
        self._reached = 0
        self._consumer = None if not self._topics else Consumer(
            consumer_config(settings, f"{agent}-sources", f"{settings.namespace}sources-{uuid.uuid4().hex}")
            | {"enable.partition.eof": True}
        )  # fmt: skip
        if self._consumer is not None:
            with kafka_errors(f"{agent}: reading {self._place.topic}"):
                self._consumer.assign([self._place])

    @property
    def paused(self) -> dict[str, Standing]:
        """By topic, without the namespace."""
        return {topic: each for topic, each in self.standings.paused.items() if topic in self._topics}

    def catch_up(self, alive: Callable[[], None]) -> None:
        """Read all that is there now. Blocks; calls `alive` after each batch.

        While an open transaction of a dead worker hides the end it waits: the broker aborts that one after its timeout.
        """
        if self._consumer is None:
            return
        with kafka_errors(f"{self._agent}: asking for the end of {self._place.topic}"):
            end = self._consumer.get_watermark_offsets(self._place, timeout=_TIMEOUT_SECONDS)[1]
        until = time.monotonic() + _GIVE_UP_SECONDS
        while self._reached < end:
            self.look(0.2)
            alive()
            if time.monotonic() > until:
                raise RetriableError(f"{self._agent}: {self._place.topic} cannot be read to its end")
        self._show()

    def look(self, wait_seconds: float = 0.0) -> bool:
        """Read what has come; whether it says anything new."""
        if self._consumer is None:
            return False
        with kafka_errors(f"{self._agent}: reading {self._place.topic}"):
            messages = self._consumer.consume(_BATCH, wait_seconds)
        changed = False
        for message in messages:
            error = message.error()
            if error is None:
                self._reached = message.offset() + 1
                changed |= self.take(message.key(), message.value())
            elif error.code() == KafkaError._PARTITION_EOF:
                self._reached = max(self._reached, message.offset())
            elif error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise missing(self._place.topic)
        return changed

    def paused_now(self, why: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
        """Key and value of what is to be written, and taken once it is, to pause these topics."""
        now = wall_ms()
        return [
            (topic.encode(), Standing(paused=True, at_ms=now, by=self._instance, why=reason).encode())
            for topic, reason in why.items()
        ]

    def take(self, key: bytes | None, value: bytes | None) -> bool:
        """Something that was said; whether it is new."""
        before = self.paused
        changed = self.standings.take(key, value)
        for topic in sorted(self.paused.keys() ^ before.keys()):
            self._say(topic)
        if self.paused != before:
            self._show()
        return changed

    def _say(self, topic: str) -> None:
        standing = self.standings.get(topic)
        if standing is None or not standing.paused:
            log.warning("%s: %s is read again", self._agent, topic)
            return
        log.error(
            "%s: %s is paused, everybody else goes on: %s. Nothing is lost; see `cityhub source list`",
            self._agent, topic, standing.why,
        )  # fmt: skip

    def _show(self) -> None:
        paused = self.paused
        for topic in self._topics:
            SOURCE_PAUSED.labels(topic).set(topic in paused)

    def close(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
