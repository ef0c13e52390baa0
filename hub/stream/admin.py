"""Creates the declared topics on the broker and says how what is there differs from what is declared."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from hub.errors import FatalError
from hub.settings import Settings
from hub.stream.kafka import client_config
from hub.topics import Topic

_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class TopicState:
    """A declared topic as the broker has it: `partitions` is None if it is missing."""

    topic: Topic
    wanted_partitions: int
    partitions: int | None

    @property
    def good(self) -> bool:
        if self.topic.partitions is not None:
            return self.partitions is not None and self.partitions >= self.wanted_partitions
        return self.partitions == self.wanted_partitions


def inspect_topics(settings: Settings, topics: Iterable[Topic]) -> list[TopicState]:
    """Compare what is declared with the broker. Raises FatalError if no broker answers."""
    try:
        there = AdminClient(client_config(settings, "admin")).list_topics(timeout=_TIMEOUT_SECONDS).topics
    except KafkaException as error:
        raise FatalError(
            f"no Kafka answers at {settings.bootstrap_servers} ({error.args[0].str()}); "
            "start one with `cityhub broker`, or name yours with --bootstrap-servers"
        ) from error
    states = []
    for topic in topics:
        found = there.get(settings.topic(topic.name))
        wanted = topic.partitions or settings.partitions
        states.append(TopicState(topic, wanted, None if found is None or found.error else len(found.partitions)))
    return states


def ensure_topics(settings: Settings, topics: Iterable[Topic]) -> list[str]:
    """Create the missing ones and return their names on the broker.

    Raises FatalError if one exists with another number of partitions, as agents could then no longer meet what is keyed alike.
    """
    states = inspect_topics(settings, topics)
    wrong = [
        f"{s.topic.name} has {s.partitions}, not {s.wanted_partitions}"
        for s in states
        if s.partitions is not None and not s.good
    ]
    if wrong:
        raise FatalError(
            f"partitions differ from CITYHUB_PARTITIONS={settings.partitions}: {'; '.join(wrong)}. "
            "The number is fixed for the life of a hub: set it back, or use another namespace"
        )
    missing = [
        NewTopic(
            settings.topic(s.topic.name),
            num_partitions=s.wanted_partitions,
            replication_factor=settings.replication_factor,
            config=s.topic.settings,
        )
        for s in states
        if s.partitions is None
    ]
    if not missing:
        return []
    client = AdminClient(client_config(settings, "admin"))
    for name, future in client.create_topics(
        missing, operation_timeout=_TIMEOUT_SECONDS, request_timeout=2 * _TIMEOUT_SECONDS
    ).items():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise FatalError(f"topic {name} cannot be created: {error.args[0].str()}") from error
    _wait_until_visible(settings, [state.topic for state in states])
    return [new.topic for new in missing]


def _wait_until_visible(settings: Settings, topics: list[Topic]) -> None:
    """A broker answers that a topic is created a moment before it can name it."""
    until = time.monotonic() + _TIMEOUT_SECONDS
    while not all(state.good for state in inspect_topics(settings, topics)):
        if time.monotonic() > until:
            raise FatalError(
                f"the topics were created, but {settings.bootstrap_servers} does not show them; look at its log"
            )
        time.sleep(0.1)


def require_topics(settings: Settings, topics: Iterable[Topic]) -> None:
    """Raise FatalError that names what is missing or differs, and the way out."""
    wrong = [state for state in inspect_topics(settings, topics) if not state.good]
    if wrong:
        named = ", ".join(settings.topic(state.topic.name) for state in wrong[:5]) + (", ..." if len(wrong) > 5 else "")
        raise FatalError(
            f"{len(wrong)} topics are missing or have other partitions ({named}); run `cityhub topics --create`"
        )
