"""Asks the broker where partitions begin and end, and which topics they are of."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache

from confluent_kafka import OFFSET_INVALID, IsolationLevel, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, ListOffsetsResultInfo, OffsetSpec

from hub.backoff import ask_until_answered
from hub.errors import RetriableError
from hub.settings import Settings
from hub.stream.kafka.client import client_config, kafka_errors
from hub.stream.kafka.extent import Extent
from hub.stream.numbers import PartitionPlace

_TIMEOUT_SECONDS = 30.0
_RETRY_SECONDS = 0.2
_DOUBT_SECONDS = 5.0
_NO_ID = "A" * 22
"""What a broker says of a topic to which it gave none."""


def offsets(
    settings: Settings,
    places: Iterable[PartitionPlace],
    spec: OffsetSpec,
    what: str,
    isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
    timeout_seconds: float = _TIMEOUT_SECONDS,
) -> dict[PartitionPlace, int]:
    """The offset of each place that `spec` asks for; of the latest, what open transactions have written counts unless `isolation`
    says otherwise.

    `what` says so in words. Raises RetriableError if the broker does not answer in time.
    """
    return _asked(settings, places, spec, what, _offset, isolation, timeout_seconds)


def newest_times(settings: Settings, places: Iterable[PartitionPlace]) -> dict[PartitionPlace, int]:
    """The latest time of a record in each place that has one, in ms. Raises RetriableError without a broker."""
    found = _asked(settings, places, OffsetSpec.max_timestamp(), "newest records", _timestamp)
    return {place: at_ms for place, at_ms in found.items() if at_ms > 0}


def _offset(answer: ListOffsetsResultInfo) -> int:
    return int(_answered(answer).offset)


def _timestamp(answer: ListOffsetsResultInfo) -> int:
    return int(_answered(answer).timestamp)


def _answered(answer: ListOffsetsResultInfo) -> ListOffsetsResultInfo:
    """Raises RetriableError for an answer that none is.

    XXX: where brokers of a cluster do not answer in time librdkafka says of their partitions neither an offset nor an error
    (2.16.1, seen here with two brokers of three stopped in their tracks). Taken for an end that would be a topic that was cut.
    """
    if answer.offset == OFFSET_INVALID:
        raise RetriableError("a broker has not said where its partitions begin and end")
    return answer


def _asked(
    settings: Settings,
    places: Iterable[PartitionPlace],
    spec: OffsetSpec,
    what: str,
    wanted_of: Callable[[ListOffsetsResultInfo], int],
    isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
    timeout_seconds: float = _TIMEOUT_SECONDS,
) -> dict[PartitionPlace, int]:
    wanted = {TopicPartition(*place): spec for place in places}

    def ask() -> dict[PartitionPlace, int]:
        # a partition that was only just made, or whose broker was, has no leader for a moment; a fresh client is needed to see
        # the new one: an old one keeps asking with the leader epoch it knows (FENCED_LEADER_EPOCH)
        client = AdminClient(client_config(settings, "ends"))
        with kafka_errors(f"asking for the {what} of the topics"):
            answers = client.list_offsets(wanted, isolation_level=isolation, request_timeout=timeout_seconds)
            return {(asked.topic, asked.partition): wanted_of(answer.result()) for asked, answer in answers.items()}

    return ask_until_answered(ask, timeout_seconds) if wanted else {}


def extents(settings: Settings, places: Collection[PartitionPlace]) -> dict[PartitionPlace, Extent]:
    """Where each place begins and ends at the broker, and of which topic it is. Raises RetriableError without a
    broker."""
    lows = offsets(settings, places, OffsetSpec.earliest(), "beginnings")
    highs = offsets(settings, places, OffsetSpec.latest(), "ends")
    logs = topic_ids(settings, sorted({topic for topic, _ in places}))
    return {place: Extent(lows[place], max(lows[place], highs[place]), logs[place[0]]) for place in places}


def extents_reaching(
    settings: Settings, wanted: dict[PartitionPlace, int | None], alive: Callable[[], None] = lambda: None
) -> dict[PartitionPlace, Extent]:
    """As `extents`. Asks again for some seconds while one ends before the offset that is wanted of it: a broker that has only
    just become a partition's leader does not know yet how far it goes, and what it says must not pass for a loss."""
    until = time.monotonic() + _DOUBT_SECONDS
    while True:
        found = extents(settings, wanted)
        if all(end is None or found[place].high >= end for place, end in wanted.items()) or time.monotonic() > until:
            return found
        alive()
        time.sleep(_RETRY_SECONDS)


def topic_ids(settings: Settings, topics: Collection[str]) -> dict[str, str]:
    """The ids of topics, by name on the broker: one that is deleted and made anew has another; empty where the broker gives none.
    Raises RetriableError without a broker."""
    return ids_of(AdminClient(client_config(settings, "ends")), topics) if topics else {}


def ids_on_broker(
    settings: Settings, role: str, timeout_seconds: float = _TIMEOUT_SECONDS
) -> Callable[[Collection[str]], Mapping[str, str]]:
    """Asks the broker for the ids of topics of the hub's namespace, named without it, over one connection that is made at the first
    question. Raises as `topic_ids`."""
    client = cache(lambda: AdminClient(client_config(settings, role)))

    def ask(topics: Collection[str]) -> Mapping[str, str]:
        logs = ids_of(client(), [settings.topic(topic) for topic in topics], timeout_seconds) if topics else {}
        return {name[len(settings.namespace) :]: log for name, log in logs.items()}

    return ask


def ids_of(client: AdminClient, topics: Collection[str], timeout_seconds: float = _TIMEOUT_SECONDS) -> dict[str, str]:
    """As `topic_ids`, over a connection that is there already."""
    if not topics:
        return {}
    with kafka_errors("asking for the topics"):
        answers = client.describe_topics(TopicCollection(list(topics)), request_timeout=timeout_seconds)
        found = {topic: str(answer.result().topic_id) for topic, answer in answers.items()}
    return {topic: "" if log == _NO_ID else log for topic, log in found.items()}
