"""A sign of life of the broker for an agent that has nothing to do: whether it could commit."""

from __future__ import annotations

import logging

from confluent_kafka import Consumer, KafkaError, TopicPartition

from hub.errors import RetriableError
from hub.settings import Settings
from hub.stream.kafka.client import consumer_config, kafka_errors
from hub.stream.watch.progress import answered, asks, written

log = logging.getLogger(__name__)


class SignOfLife:
    """Writes an offset of a group that nobody is in, as an agent's commit would be written: to all replicas in sync.

    Metadata any broker answers from its cache, and a group's offsets its coordinator from memory, also in a cluster that has
    lost its quorum. The group of the agent itself is left alone: a write that the broker takes late would set its offset back.
    Called from one thread at a time.
    """

    def __init__(self, settings: Settings, agent: str, topic: str) -> None:
        """`topic`, on the broker: any of the agent's."""
        self._agent = agent
        self._asked = self._at_rest = False
        self._offset = TopicPartition(topic, 0, 0)
        # XXX: not an AdminClient. What it asks of a group's coordinator makes librdkafka end the process when the coordinator goes
        # away meanwhile (use after free, confluentinc/librdkafka#4605, seen here); what a consumer asks does not.
        self._consumer = Consumer(
            consumer_config(settings, f"{agent}.alive", f"{settings.namespace}{agent}.alive")
            | {"on_commit": self._take}
        )

    def ask(self, *, at_rest: bool) -> None:
        """Take an answer, and ask again once there is one. Does not wait. `at_rest`: the agent has nothing left to read, so that an
        answer is all the progress there is to make."""
        self._at_rest = at_rest
        self._consumer.poll(0)
        if self._asked:
            return
        self._asked = True
        asks(self._agent)
        try:
            with kafka_errors(f"{self._agent}: asking whether the broker takes a commit"):
                self._consumer.commit(offsets=[self._offset], asynchronous=True)
        except RetriableError as error:
            self._asked = False
            log.warning("%s", error)

    def _take(self, error: KafkaError | None, offsets: list[TopicPartition]) -> None:
        self._asked = False
        failed = error or next((each.error for each in offsets if each.error), None)
        if failed is None:
            (answered if self._at_rest else written)(self._agent)
        else:
            log.warning("%s: the broker takes no commit: %s", self._agent, failed.str())

    def close(self) -> None:
        self._consumer.close()
