"""Reads the hub's own topics for the demo: dead letters as they come, and at the end which reports became which case."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from hub.errors import RetriableError
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.kafka.client import client_config
from hub.topics import CASES, DEAD, DEADLINES, Topic

ReportReference = tuple[str, str]
"""Source and its reference."""
_CHUNK = 5000


class DeadLetters:
    """A running count of hub.dead."""

    def __init__(self, settings: Settings, codec: Codec) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        """By stage and reason."""
        self._codec = codec
        self._consumer = _consumer(settings)
        self._consumer.assign(_all_partitions(self._consumer, settings, DEAD))

    def poll(self) -> None:
        """Take note of what has come; does not wait."""
        while messages := self._consumer.consume(_CHUNK, 0):
            # One by one: they are few, and the batch codec cannot do their bytes.
            letters = [self._codec.decode_one(message.value())[1] for message in messages if not message.error()]
            self.counts.update((letter["stage"], letter["reason"]) for letter in letters)

    def close(self) -> None:
        self._consumer.close()


@dataclass
class SeenCases:
    """What became of the reports."""

    lead: dict[str, ReportReference] = field(default_factory=dict)
    """By case id."""
    linked: dict[str, list[ReportReference]] = field(default_factory=lambda: defaultdict(list))
    breached: Counter[str] = field(default_factory=Counter)

    def worth_explaining(self) -> str | None:
        """A case with much to tell in few words: breached if there is one, and of two or three reports."""

        def interest(case: str) -> tuple[bool, bool, int, str]:
            links = len(self.linked.get(case, ()))
            return links > 0 and self.breached[case] > 0, links > 0 or self.breached[case] > 0, -abs(links - 2), case

        return max(self.lead, key=interest, default=None)


def read_cases(settings: Settings, codec: Codec) -> SeenCases:
    """From hub.cases and hub.deadlines, whole."""
    found = SeenCases()
    for batch in read_all(settings, codec, CASES):
        names = ("case_id", "change", "source", "source_ref", "unlinks")
        for case, change, source, ref, unlinks in zip(*(batch.column(name).to_pylist() for name in names), strict=True):
            if change == "OPENED":
                found.lead[case] = (source, ref)
            elif change == "LINKED":
                found.linked[case].append((source, ref))
            elif unlinks and (source, ref) in found.linked[case]:
                found.linked[case].remove((source, ref))
    for batch in read_all(settings, codec, DEADLINES):
        rows = zip(batch.column("case_id").to_pylist(), batch.column("kind").to_pylist(), strict=True)
        found.breached.update(case for case, kind in rows if kind == "BREACHED")
    return found


def read_all(settings: Settings, codec: Codec, topic: Topic) -> Iterator[pa.RecordBatch]:
    """All committed records of one of the hub's topics, up to its present end. Raises RetriableError if Kafka is gone."""
    consumer = _consumer(settings)
    try:
        partitions = _all_partitions(consumer, settings, topic)
        consumer.assign(partitions)
        left = len(partitions)
        while left:
            messages = consumer.consume(_CHUNK, 1.0)
            left -= sum(_is_end(message.error()) for message in messages if message.error())
            values = [message.value() for message in messages if not message.error()]
            if values:
                yield codec.decode_many(topic.subject or "", values).batch
    finally:
        consumer.close()


def _is_end(error: KafkaError) -> bool:
    if error.code() != KafkaError._PARTITION_EOF:
        raise RetriableError(f"the topics cannot be read: {error.str()}")
    return True


def _consumer(settings: Settings) -> Consumer:
    config: dict[str, Any] = client_config(settings, "witness") | {
        "group.id": f"{settings.namespace}witness",
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
    }
    return Consumer(config)


def _all_partitions(consumer: Consumer, settings: Settings, topic: Topic) -> list[TopicPartition]:
    name = settings.topic(topic.name)
    try:
        there = consumer.list_topics(name, 30).topics[name].partitions
    except KafkaException as error:
        raise RetriableError(f"{settings.bootstrap_servers} does not say what {name} has: {error}") from error
    return [TopicPartition(name, number, OFFSET_BEGINNING) for number in there]
