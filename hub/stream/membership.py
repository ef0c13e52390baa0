"""An agent's place in its consumer group: it says which partitions are held, and reads none of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from confluent_kafka import Consumer, Message, TopicPartition

from hub.settings import Settings
from hub.stream.kafka.client import agent_config, kafka_errors

Rebalanced: TypeAlias = Callable[[Consumer, list[TopicPartition]], None]


class Membership:
    """Joins the group of one agent. `topic`, as the broker names it, is the one whose partitions are shared out. Nothing but `heed`
    and `close` call the callbacks: who reads while a transaction is open must not meet a rebalance in the midst of it.
    """

    def __init__(
        self,
        settings: Settings,
        agent: str,
        topic: str,
        on_assign: Rebalanced,
        on_revoke: Rebalanced,
        on_lost: Rebalanced,
    ) -> None:
        """Raises FatalError or RetriableError, as `heed` and `close` do."""

        def assigned(consumer: Consumer, places: list[TopicPartition]) -> None:
            on_assign(consumer, places)
            consumer.assign([])  # else the client assigns the places itself, and reads them

        self._agent = agent
        self._consumer = Consumer(agent_config(settings, agent))
        with kafka_errors(f"{agent}: subscribing"):
            self._consumer.subscribe([topic], on_assign=assigned, on_revoke=on_revoke, on_lost=on_lost)

    def heed(self) -> Message | None:
        """Have a rebalance done, if one is due, and the group told that its member is alive. What the client complains of, if
        anything."""
        with kafka_errors(f"{self._agent}: heeding the group"):
            message: Message | None = self._consumer.poll(0)
        return message

    def close(self) -> None:
        """Leave the group, so that others take over at once."""
        with kafka_errors(f"{self._agent}: leaving"):
            self._consumer.close()
