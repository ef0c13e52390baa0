"""The topics that an agent reads, as the broker has them now: how many partitions each has, and whether it is there at all.

A hub has a number of partitions for life (`CITYHUB_PARTITIONS`), and nothing in it depends on what somebody adds to a topic.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from hub.metrics import EXTRA_PARTITIONS
from hub.settings import Settings
from hub.stream.kafka import kafka_errors, missing
from hub.stream.partitioning import partition_of
from hub.stream.writer import Output
from hub.topics import BETWEEN_AGENTS, is_own

log = logging.getLogger(__name__)
_TIMEOUT_SECONDS = 5.0


class Inputs:
    """What one agent reads, and where it writes for other agents."""

    def __init__(self, settings: Settings, agent: str, topics: Sequence[str]) -> None:
        self._settings = settings
        self._agent = agent
        self._topics = topics
        self.counts: dict[str, int] = {}
        """Partitions of each topic, by its name on the broker. A topic that cannot be read has none."""
        self._there: dict[str, int] = {}
        self._raised: set[str] = set()

    def look(self, consumer: Any) -> bool:
        """Ask the broker; whether anything is another than before.

        Raises FatalError if a topic cannot be read that the hub itself writes, RetriableError without an answer.
        """
        with kafka_errors(f"{self._agent}: asking for the partitions of its topics"):
            found = consumer.list_topics(timeout=_TIMEOUT_SECONDS).topics
        numbers, before = self._settings.partitions, self._there
        counts = {name: 0 if topic.error else len(topic.partitions) for name, topic in found.items()}
        between = [topic.name for topic in BETWEEN_AGENTS]
        self._there = {topic: counts.get(self._settings.topic(topic), 0) for topic in {*self._topics, *between}}
        for topic in self._topics:
            if self._there[topic] != before.get(topic):
                self._say(topic, self._there[topic])
        self.counts = {
            self._settings.topic(topic): count if (count := self._there[topic]) >= numbers else 0
            for topic in self._topics
        }
        self._raised = {self._settings.topic(topic) for topic in between if self._there[topic] > numbers}
        return self._there != before

    def _say(self, topic: str, count: int) -> None:
        numbers, name = self._settings.partitions, self._settings.topic(topic)
        EXTRA_PARTITIONS.labels(topic).set(max(0, count - numbers))
        if count > numbers:
            log.warning(
                "%s: topic %s has %s partitions, the hub %s; it is read whole, see `cityhub topics`",
                self._agent, name, count, numbers,
            )  # fmt: skip
        elif count < numbers and is_own(topic):
            raise missing(name, count, numbers)
        elif count < numbers:
            log.error("%s: %s Until then it is not read, all others are", self._agent, missing(name, count, numbers))

    def placed(self, outputs: Iterable[Output]) -> Iterator[Output]:
        """The same records, and each of them where it would be if no partition had been added anywhere."""
        for output in outputs:
            if output.partition is None and output.topic in self._raised:
                yield from _by_number(output, self._settings.partitions)
            else:
                yield output


def _by_number(output: Output, numbers: int) -> Iterator[Output]:
    parts: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for message in output.messages:
        parts[partition_of(message["key"], numbers)].append(message)
    for number, messages in parts.items():
        yield Output(output.topic, number, messages)
