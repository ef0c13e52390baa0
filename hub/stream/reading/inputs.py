"""The topics that an agent reads and its changelog, as the broker has them now: how many partitions each has, and whether it is
there at all.

A hub has a number of partitions for life (`CITYHUB_PARTITIONS`), and nothing in it depends on what somebody adds to a topic.
"""

from __future__ import annotations

import logging

from confluent_kafka.admin import AdminClient

from hub.errors import FatalError
from hub.metrics import EXTRA_PARTITIONS
from hub.settings import Settings
from hub.stream.kafka.client import client_config, kafka_errors, missing
from hub.stream.kafka.extents import ids_of
from hub.stream.kafka.known import names_in
from hub.stream.reading.reads import Reads
from hub.topics import is_own

log = logging.getLogger(__name__)
_TIMEOUT_SECONDS = 5.0


class Inputs:
    """The topics of one agent at the broker."""

    def __init__(self, settings: Settings, agent: str, reads: Reads, changelog: str) -> None:
        """`changelog`: the agent's, without the namespace."""
        self._settings = settings
        self._changelog = settings.topic(changelog)
        self._changelog_log = ""
        self._agent = agent
        self._reads = reads
        self.counts: dict[str, int] = {}
        """Partitions of each topic, by its name on the broker. A topic that cannot be read has none."""
        self.logs: dict[str, str] = {}
        """The ids of these topics, by name on the broker: one that is deleted and made anew has another."""
        self._there: dict[str, int] = {}
        # XXX: not the agent's consumer. `list_topics` within one of its own callbacks takes away what the next callback of the same
        # `consume` relies on, and that ends the process (confluent-kafka 2.16.1, `CallState_get: cs != NULL`, seen here).
        self._client = AdminClient(client_config(settings, f"{agent}.topics"))

    def look(self) -> bool:
        """Ask the broker. True if anything has changed. Raises FatalError if a topic cannot be read that the hub
        itself writes, or the changelog is another than at first, RetriableError without an answer."""
        with kafka_errors(f"{self._agent}: asking for the partitions of its topics"):
            found = self._client.list_topics(timeout=_TIMEOUT_SECONDS).topics
        numbers, before = self._settings.partitions, self._there
        counts = {name: 0 if topic.error else len(topic.partitions) for name, topic in found.items()}
        if counts.get(self._changelog, 0) < numbers:  # the numbers beyond would be given to nobody, and read by none
            raise missing(self._changelog, counts.get(self._changelog, 0), numbers)
        self._reads.look(names_in(self._settings.namespace, counts))
        topics = self._reads.topics
        self._there = {topic: counts.get(self._settings.topic(topic), 0) for topic in topics}
        for topic in topics:
            if self._there[topic] != before.get(topic):
                self._say(topic, self._there[topic])
        self.counts = {
            self._settings.topic(topic): count if (count := self._there[topic]) >= numbers else 0 for topic in topics
        }
        readable = [name for name, count in self.counts.items() if count]
        ids = ids_of(self._client, [*readable, self._changelog], _TIMEOUT_SECONDS)
        self._require_same(ids.pop(self._changelog))
        logs, self.logs = self.logs, ids
        return (self._there, self.logs) != (before, logs)

    def _require_same(self, changelog_log: str) -> None:
        """Whoever goes on writing into a changelog that was made anew leaves one that lacks all that was there before."""
        self._changelog_log = self._changelog_log or changelog_log
        if changelog_log != self._changelog_log:
            raise FatalError(
                f"{self._agent}: {self._changelog} was deleted and made anew while its state was held here. Restore it as it was; "
                "see ops/runbooks/state-refused.md"
            )

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
