"""The topics that an agent reads, as the broker has them now: how many partitions each has, and whether it is there at all."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from hub.errors import FatalError
from hub.metrics import EXTRA_PARTITIONS
from hub.settings import Settings
from hub.stream.kafka import kafka_errors
from hub.topics import is_own

log = logging.getLogger(__name__)
_TIMEOUT_SECONDS = 5.0


class Inputs:
    """What one agent reads. Another number of partitions than the hub's is said, and read all the same."""

    def __init__(self, settings: Settings, agent: str, topics: Sequence[str]) -> None:
        self._settings = settings
        self._agent = agent
        self._topics = topics
        self.counts: dict[str, int] = {}
        """Partitions of each topic, by its name on the broker. A topic that is not there has none."""

    def look(self, consumer: Any) -> bool:
        """Ask the broker; whether anything is another than before.

        Raises FatalError if a topic is not there that the hub itself writes, RetriableError without an answer.
        """
        with kafka_errors(f"{self._agent}: asking for the partitions of its topics"):
            there = consumer.list_topics(timeout=_TIMEOUT_SECONDS).topics
        before, self.counts = self.counts, {}
        for topic in self._topics:
            name = self._settings.topic(topic)
            found = there.get(name)
            self.counts[name] = 0 if found is None or found.error else len(found.partitions)
            if self.counts[name] != before.get(name):
                self._say(topic, self.counts[name])
        return self.counts != before

    def _say(self, topic: str, count: int) -> None:
        numbers = self._settings.partitions
        EXTRA_PARTITIONS.labels(topic).set(max(0, count - numbers))
        if count == 0 and is_own(topic):
            raise missing(self._settings.topic(topic))
        if count == 0:
            log.error(
                "%s: topic %s does not exist and is not read, all others are; create it with `cityhub topics --create`",
                self._agent, self._settings.topic(topic),
            )  # fmt: skip
        elif count != numbers:
            log.warning(
                "%s: topic %s has %s partitions, the hub has %s; it is read whole, see `cityhub topics`",
                self._agent, self._settings.topic(topic), count, numbers,
            )  # fmt: skip


def missing(topic: str) -> FatalError:
    """The hub cannot do without this topic."""
    return FatalError(f"topic {topic} does not exist; create the hub's topics with `cityhub topics --create`")
