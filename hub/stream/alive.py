"""A sign of life of the broker for an agent that has nothing to do: whether it could commit."""

from __future__ import annotations

import logging
from collections.abc import Callable

from confluent_kafka import Consumer, KafkaError, TopicPartition

from hub.errors import RetriableError
from hub.settings import Settings
from hub.stream.kafka import client_config, kafka_errors

log = logging.getLogger(__name__)


class SignOfLife:
    """Writes an offset of a group that nobody is in, as an agent's commit would be written: to all replicas in sync.

    Metadata any broker answers from its cache, and a group's offsets its coordinator from memory, also in a cluster that has
    lost its quorum. The group of the agent itself is left alone: a write that the broker takes late would set its offset back.

    XXX: an AdminClient's requests to a coordinator end the process when that coordinator goes away at the wrong moment
    (confluentinc/librdkafka#4605, seen here); a consumer's do not.
    """

    def __init__(self, settings: Settings, agent: str, topic: str, answered: Callable[[], None]) -> None:
        """`topic`, on the broker: any of the agent's. `answered` is called by `ask`, once the broker has written."""
        self._agent = agent
        self._answered = answered
        self._asked = False
        group = f"{settings.namespace}{agent}.alive"
        self._consumer = Consumer(
            client_config(settings, f"{agent}.alive")
            | {"group.id": group, "enable.auto.commit": False, "on_commit": self._hear}
        )
        self._offsets = [TopicPartition(topic, 0, 0)]

    def ask(self) -> None:
        """Hear what has been answered, and ask unless an answer is still to come. Does not wait."""
        self._consumer.poll(0)
        if self._asked:
            return
        try:
            with kafka_errors(f"{self._agent}: asking whether the broker takes a commit"):
                self._consumer.commit(offsets=self._offsets, asynchronous=True)
            self._asked = True
        except RetriableError as error:
            log.warning("%s", error)

    def close(self) -> None:
        self._consumer.close()

    def _hear(self, error: KafkaError | None, offsets: list[TopicPartition]) -> None:
        self._asked = False
        failed = error or next((place.error for place in offsets if place.error), None)
        if failed is None:
            self._answered()
        else:
            log.warning("%s: the broker takes no commit: %s", self._agent, failed.str())
