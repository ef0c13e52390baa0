"""Reads the records of some keys: only the partitions these keys live in, and only their records are decoded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from confluent_kafka import Message

from hub.errors import RejectedRecordError
from hub.inspect.reading import OffsetSpan, OnRead, Partition, read_messages, spans
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.writing.partitioning import partition_of
from hub.topics import is_outward, subject_of

KeyedRecords = dict[str, Any]
"""A decoded record, times in ms, with where it lies under `kafka`: topic (without namespace), partition, offset, timestamp."""


class KeyedReader:
    """Looks up keys in topics as they are when it is made. Raises FatalError for a missing topic, RetriableError without broker."""

    def __init__(self, settings: Settings, codec: Codec, topics: Iterable[str]) -> None:
        self._settings = settings
        self._codec = codec
        self._spans = spans(settings, topics)
        self._counts: dict[str, int] = defaultdict(int)
        for topic, _ in self._spans:
            self._counts[topic] += 1

    def messages(
        self, keys: Mapping[str, Iterable[str]], on_progress: OnRead | None = None
    ) -> dict[str, list[Message]]:
        """By topic, the messages with one of the topic's `keys`, in order within each key."""
        wanted: dict[Partition, OffsetSpan] = {}
        asked: dict[str, set[bytes]] = {topic: {key.encode() for key in some} for topic, some in keys.items()}
        for topic, some in asked.items():
            for place in self._places(topic, some):
                wanted[place] = self._spans[place]
        found: dict[str, list[Message]] = {topic: [] for topic in asked}
        cut = len(self._settings.namespace)
        for batch in read_messages(self._settings, wanted, on_progress):
            for message in batch:
                topic = message.topic()[cut:]
                if message.key() in asked[topic]:
                    found[topic].append(message)
        return found

    def _places(self, topic: str, keys: Iterable[bytes]) -> Iterator[Partition]:
        """Where records with these keys lie: by the hub's number, or anywhere in a topic that has another number."""
        if self._counts[topic] != self._settings.partitions or is_outward(topic):
            return ((topic, number) for number in range(self._counts[topic]))
        return ((topic, partition_of(key, self._settings.partitions)) for key in keys)

    def records(
        self, keys: Mapping[str, Iterable[str]], on_progress: OnRead | None = None
    ) -> dict[str, list[KeyedRecords]]:
        """As `messages`, decoded; what cannot be decoded (a department's mistake) is left out, as the hub did."""
        return {
            topic: [record for message in some if (record := self.decoded(message)) is not None]
            for topic, some in self.messages(keys, on_progress).items()
        }

    def everywhere(self, topic: str, on_progress: OnRead | None = None) -> Iterable[list[Message]]:
        """All messages of a topic, for when the key is not known."""
        return read_messages(
            self._settings, {place: span for place, span in self._spans.items() if place[0] == topic}, on_progress
        )

    def decoded(self, message: Message) -> KeyedRecords | None:
        topic = message.topic()[len(self._settings.namespace) :]
        try:
            schema, record = self._codec.decode_one(message.value() or b"")
        except RejectedRecordError:
            return None
        if schema.subject != subject_of(topic):
            return None
        place = {
            "topic": topic,
            "partition": message.partition(),
            "offset": message.offset(),
            "timestamp": message.timestamp()[1],
        }
        return record | {"kafka": place}
