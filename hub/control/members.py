"""Which workers hold a hub's work, by its consumer groups: to be a member takes more than to write to a topic."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from concurrent.futures import Future

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConsumerGroupDescription

from hub.settings import Settings
from hub.stream.kafka.client import client_config, kafka_errors

_TIMEOUT_SECONDS = 10.0


class Members:
    """The consumer groups of some agents, as often as they are asked for."""

    def __init__(self, settings: Settings, agents: Collection[str]) -> None:
        self._client = AdminClient(client_config(settings, "members"))
        self._namespace = settings.namespace
        self._groups = {f"{settings.namespace}{agent}": agent for agent in agents}

    def ask(self) -> dict[str, Counter[str]]:
        """By instance and agent, how many members of that name the agent's group has. Raises FatalError or RetriableError."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        asked = self._client.describe_consumer_groups(list(self._groups), request_timeout=_TIMEOUT_SECONDS)
        for group, future in asked.items():
            agent = self._groups[group]
            prefix = f"{self._namespace}{agent}."
            for client_id in _clients(future):
                if client_id.startswith(prefix):
                    found[client_id[len(prefix) :]][agent] += 1
        return dict(found)


def _clients(description: Future[ConsumerGroupDescription]) -> list[str]:
    with kafka_errors("asking who is in the hub's consumer groups"):
        try:
            return [member.client_id for member in description.result().members]
        except KafkaException as error:
            if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:  # nobody ever joined it
                return []
            raise
