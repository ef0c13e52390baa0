"""Reads topics to the end they had at the start: committed records only, nothing of a group, nothing is committed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from hub.backoff import ask_until_answered
from hub.errors import FatalError, RetriableError
from hub.settings import Settings
from hub.stream.kafka.client import client_config, consumer_config, kafka_errors
from hub.stream.kafka.extents import offsets
from hub.stream.kafka.unpacking import Steps, cannot_be_unpacked

Partition = tuple[str, int]
"""A topic, without the namespace, and the number of one of its partitions."""
OnRead = Callable[[int, int], None]
"""Called with the records read (offsets passed) and how many there are."""
_TIMEOUT_SECONDS = 30.0
_GIVE_UP_SECONDS = 60.0
_BATCH = 10_000


@dataclass(frozen=True)
class OffsetSpan:
    """What a partition holds: offsets from `begin` to before `end`, markers of transactions included."""

    begin: int
    end: int


def spans(settings: Settings, topics: Iterable[str]) -> dict[Partition, OffsetSpan]:
    """The present begin and end of every partition. Raises FatalError if a topic is missing, RetriableError without broker."""
    client = AdminClient(client_config(settings, "inspect"))
    with kafka_errors(f"asking {settings.bootstrap_servers} for its topics"):
        there = client.list_topics(timeout=_TIMEOUT_SECONDS).topics
    names = list(topics)
    missing = [settings.topic(name) for name in names if settings.topic(name) not in there]
    if missing:
        raise FatalError(
            f"{settings.bootstrap_servers} has no topic {missing[0]} ({len(missing)} missing); "
            "name the hub's own --namespace, or run `cityhub topics --create`"
        )
    places = [(settings.topic(name), number) for name in names for number in there[settings.topic(name)].partitions]
    cut = len(settings.namespace)
    begins = offsets(settings, places, OffsetSpec.earliest(), "beginnings")
    ends = offsets(settings, places, OffsetSpec.latest(), "ends")
    return {
        (name[cut:], number): OffsetSpan(begins[name, number], ends[name, number]) for name, number in sorted(places)
    }


def committed_offsets(settings: Settings, group: str, places: Iterable[Partition]) -> dict[Partition, int]:
    """How far a group has come: the next offset it reads, 0 where it has read nothing."""
    consumer = Consumer(consumer_config(settings, "inspect", f"{settings.namespace}{group}"))
    cut = len(settings.namespace)
    wanted = [TopicPartition(settings.topic(topic), number) for topic, number in places]

    def ask() -> list[TopicPartition]:
        with kafka_errors(f"asking how far {group} has come"):
            found: list[TopicPartition] = consumer.committed(wanted, timeout=_TIMEOUT_SECONDS)
            return found

    try:  # a broker that has just started does not coordinate its groups yet (NOT_COORDINATOR)
        found = ask_until_answered(ask, _TIMEOUT_SECONDS)
    finally:
        consumer.close()
    return {(place.topic[cut:], place.partition): max(0, place.offset) for place in found}


def read_messages(
    settings: Settings, wanted: dict[Partition, OffsetSpan], on_progress: OnRead | None = None
) -> Iterator[list[Message]]:
    """Batches of messages, in order within each partition, up to the spans' ends.

    What cannot be unpacked is stepped over and said.
    While an open transaction of a dead worker hides the end it waits: the broker aborts that one after its timeout.
    Raises RetriableError if nothing moves for a minute.
    """
    waiting = {place: span.end for place, span in wanted.items() if span.end > span.begin}
    total = sum(span.end - span.begin for span in wanted.values())
    reached = {place: wanted[place].begin for place in waiting}
    group = f"{settings.namespace}inspect-{uuid.uuid4().hex}"
    consumer = Consumer(consumer_config(settings, "inspect", group) | {"enable.partition.eof": True})
    cut, moved, steps = len(settings.namespace), time.monotonic(), Steps(settings, consumer)
    try:
        consumer.assign([TopicPartition(settings.topic(t), p, reached[t, p]) for t, p in waiting])
        while waiting:
            found: list[Message] = []
            for message in consumer.consume(_BATCH, 0.2):
                error = message.error()
                place = (message.topic()[cut:], message.partition()) if message.topic() else None
                if error is not None and cannot_be_unpacked(error):
                    moved, _ = time.monotonic(), steps.over(message)
                elif error is not None and error.code() != KafkaError._PARTITION_EOF:
                    _complain(error, message.topic())
                elif place in waiting:
                    moved = time.monotonic()
                    offset = message.offset()
                    if error is None and offset < waiting[place]:
                        found.append(message)
                    reached[place] = min(offset + (error is None), waiting[place])
                    if reached[place] == waiting[place]:
                        del waiting[place]
            if found:
                yield found
            if on_progress is not None:
                on_progress(sum(reached[place] - wanted[place].begin for place in reached), total)
            if time.monotonic() - moved > _GIVE_UP_SECONDS:
                raise RetriableError(
                    f"{next(iter(waiting))} could not be read to its end in {_GIVE_UP_SECONDS:.0f} s; "
                    "is a transaction open there, or the broker down?"
                )
    finally:
        consumer.close()


def _complain(error: KafkaError, topic: str | None) -> None:
    if error.fatal() or error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.TOPIC_AUTHORIZATION_FAILED):
        raise FatalError(f"{topic or 'the broker'} cannot be read: {error.str()}")
