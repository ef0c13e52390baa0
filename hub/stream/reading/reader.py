"""Reads for a session: makes records ready for chunks, and notes where reading halted until somebody judges why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from hub.stream.kafka.client import kafka_errors
from hub.stream.kafka.unpacking import cannot_be_unpacked
from hub.stream.numbers import PartitionPlace
from hub.stream.reading.backlog import Backlog
from hub.stream.reading.inbox import Inbox


class Reader:
    """Reads by one agent's consumer. Not thread-safe: it belongs to the thread that reads."""

    def __init__(self, agent: str, consumer: Consumer, backlog: Backlog) -> None:
        self._agent = agent
        self._consumer = consumer
        self._backlog = backlog
        self.ready = Inbox()
        self.displaced: set[PartitionPlace] = set()
        """Places where the broker has nothing at the offset that is to be read next."""
        self.packed: dict[PartitionPlace, int] = {}
        """Places where a batch cannot be unpacked, each with the offset at which that batch begins."""

    def receive(self, most: int, wait_seconds: float) -> Iterator[Message]:
        """Make up to `most` records ready. Yields whatever else librdkafka reports, for the session to judge. Raises
        RetriableError."""
        if self.ready.is_full:
            return
        with kafka_errors(f"{self._agent}: reading"):
            received = self._consumer.consume(most, wait_seconds)
        records = [message for message in received if message.error() is None]
        self.ready.add(records)
        if len(records) < len(received):
            yield from (message for message in received if message.error() is not None and not self._noted(message))

    def _noted(self, message: Message) -> bool:
        error, place = message.error(), (message.topic(), message.partition())
        if error.code() == KafkaError._PARTITION_EOF:
            self._backlog.reached_end(place, message.offset())
        elif error.code() == KafkaError._AUTO_OFFSET_RESET:
            self.displaced.add(place)
        elif cannot_be_unpacked(error):
            self.packed[place] = message.offset()
        else:
            return False
        return True

    def read_from(self, starts: Mapping[PartitionPlace, int]) -> None:
        """Read these places, and no others."""
        self._backlog.read_anew()
        self._consumer.assign([TopicPartition(*place, start) for place, start in starts.items()])

    def reached(self, starts: Mapping[PartitionPlace, int]) -> dict[PartitionPlace, int]:
        """The offset up to which each of these places was read; its start, where nothing was."""
        found = dict(starts)
        for read in self._consumer.position([TopicPartition(*place) for place in starts]):
            found[read.topic, read.partition] = max(found[read.topic, read.partition], read.offset)
        return found

    @property
    def halted(self) -> set[PartitionPlace]:
        """Places where reading goes on only once somebody has said from which offset."""
        return self.displaced | self.packed.keys()

    def forget(self) -> None:
        """Forget the records that are ready, and where reading halted."""
        self.ready.clear()
        self.displaced.clear()
        self.packed.clear()
