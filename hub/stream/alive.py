"""A sign of life of the broker for an agent that has nothing to do: whether it could commit."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from hub.settings import Settings
from hub.stream.kafka import client_config

log = logging.getLogger(__name__)
_TIMEOUT_SECONDS = 5.0


class SignOfLife:
    """Writes an offset of a group that nobody is in, as an agent's commit would be written: to all replicas in sync.

    Metadata any broker answers from its cache, and a group's offsets its coordinator from memory, also in a cluster that has
    lost its quorum. The group of the agent itself is left alone: a write that the broker takes late would set its offset back.
    """

    def __init__(self, settings: Settings, agent: str, topic: str, answered: Callable[[], None]) -> None:
        """`topic`, on the broker: any of the agent's. `answered` is called from another thread, when the broker has written."""
        self._agent = agent
        self._answered = answered
        self._asked = False
        self._client = AdminClient(client_config(settings, f"{agent}.alive"))
        self._offsets = ConsumerGroupTopicPartitions(
            f"{settings.namespace}{agent}.alive", [TopicPartition(topic, 0, 0)]
        )

    def ask(self) -> None:
        """Does not wait, and asks nothing while the last answer is still to come."""
        if self._asked:
            return
        self._asked = True
        for answer in self._client.alter_consumer_group_offsets(
            [self._offsets], request_timeout=_TIMEOUT_SECONDS
        ).values():
            answer.add_done_callback(self._take)

    def _take(self, answer: Future[Any]) -> None:
        self._asked = False
        try:
            failed = next((place.error for place in answer.result().topic_partitions if place.error), None)
        except KafkaException as error:
            failed = error.args[0]
        if failed is None:
            self._answered()
        else:
            log.warning("%s: the broker takes no commit: %s", self._agent, failed.str())
