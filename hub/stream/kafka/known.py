"""Whether a topic is one of the hub's: those that were declared, and those that were made since."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache

from confluent_kafka.admin import AdminClient

from hub.settings import Settings
from hub.stream.kafka.client import client_config, kafka_errors
from hub.topics import source_in

_TIMEOUT_SECONDS = 5.0
_REST_SECONDS = 0.1
"""The broker is asked once in so long at most: anybody may write names into records. A topic made since it was asked has no records
yet that any agent passed on: that takes longer."""


class KnownTopics:
    """Topics of the hub, by their names without the namespace. May be asked from any thread; asking the broker
    blocks.

    A name that is not known is looked for on the broker, as its source or department may have come since.
    """

    def __init__(
        self,
        declared: Iterable[str],
        ask: Callable[[], Collection[str]] = tuple,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ask` gives the names of all topics that the broker has; it raises FatalError or RetriableError without an answer."""
        self._known = frozenset(declared)
        self._ask, self._now = ask, now
        self._asked = -_REST_SECONDS

    def __contains__(self, topic: object) -> bool:
        if topic in self._known:
            return True
        if self._now() - self._asked < _REST_SECONDS:
            return False
        return topic in self._look()

    def missing(self, topics: Iterable[str]) -> list[str]:
        """The topics among these that do not exist now."""
        unknown = [topic for topic in topics if topic not in self._known]
        there: Collection[str] = self._look() if unknown else ()
        return [topic for topic in unknown if topic not in there]

    def _look(self) -> frozenset[str]:
        self._known |= frozenset(self._ask())
        self._asked = self._now()
        return self._known


def on_broker(settings: Settings, role: str) -> Callable[[], Mapping[str, int]]:
    """Asks the broker for the topics of the hub's namespace, with how many partitions each has, over one connection that is made at
    the first question."""
    client = cache(lambda: AdminClient(client_config(settings, role)))
    return lambda: names_on(client(), settings.namespace)


def names_on(client: AdminClient, namespace: str) -> dict[str, int]:
    """The topics of a namespace that the broker has, without it, with how many partitions each has.

    Raises FatalError or RetriableError without an answer.
    """
    with kafka_errors("asking which topics there are"):
        found = client.list_topics(timeout=_TIMEOUT_SECONDS).topics
    there = {name: len(topic.partitions) for name, topic in found.items() if topic.error is None}
    return {name: there[namespace + name] for name in names_in(namespace, there)}


def sources_there(settings: Settings, declared: Iterable[str]) -> list[str]:
    """The declared sources and those of which the broker has topics, in order. Raises FatalError or RetriableError."""
    names = on_broker(settings, "topics")()
    return list(dict.fromkeys((*declared, *sorted(source for name in names if (source := source_in(name))))))


def names_in(namespace: str, names: Iterable[str]) -> frozenset[str]:
    """Those of these names that begin with the namespace, given without it."""
    return frozenset(name[len(namespace) :] for name in names if name.startswith(namespace))
