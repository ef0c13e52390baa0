"""Which workers hold a hub's work, by its consumer groups: to be a member takes more than to write to a topic."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from concurrent.futures import Future

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConsumerGroupDescription

from hub.settings import Settings
from hub.stream.kafka import client_config, kafka_errors

_TIMEOUT_SECONDS = 10.0


def members(settings: Settings, agents: Collection[str]) -> dict[str, Counter[str]]:
    """By instance and agent, how many members of that name the agent's group has. Raises FatalError or RetriableError."""
    client = AdminClient(client_config(settings, "members"))
    groups = {f"{settings.namespace}{agent}": agent for agent in agents}
    found: dict[str, Counter[str]] = defaultdict(Counter)
    asked = client.describe_consumer_groups(list(groups), request_timeout=_TIMEOUT_SECONDS)
    for group, future in asked.items():
        prefix = f"{settings.namespace}{groups[group]}."
        for client_id in _clients(future):
            if client_id.startswith(prefix):
                found[client_id[len(prefix) :]][groups[group]] += 1
    return dict(found)


def _clients(description: Future[ConsumerGroupDescription]) -> list[str]:
    with kafka_errors("asking who is in the hub's consumer groups"):
        try:
            return [member.client_id for member in description.result().members]
        except KafkaException as error:
            if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:  # nobody ever joined it
                return []
            raise
