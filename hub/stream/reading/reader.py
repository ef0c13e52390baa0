"""Reads for a session: makes records ready for chunks, and notes where reading halted until somebody judges why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from hub.stream.kafka.client import kafka_errors
from hub.stream.kafka.unpacking import cannot_be_unpacked
from hub.stream.numbers import PartitionPlace
from hub.stream.reading.backlog import Backlog
from hub.stream.reading.inbox import Inbox

_MOMENT_SECONDS = 0.003
"""How long a commit that is done may wait for who reads ahead meanwhile."""


class Reader:
    """Reads by one agent's consumer. Not thread-safe: it belongs to the thread that reads."""

    def __init__(self, agent: str, consumer: Consumer, backlog: Backlog) -> None:
        self._agent = agent
        self._consumer = consumer
        self._backlog = backlog
        self.ready = Inbox()
        self._unjudged: list[Message] = []
        """What was reported besides records while reading ahead."""
        self._chunks = 0
        """Those that were taken and are not committed."""
        self.displaced: set[PartitionPlace] = set()
        """Places where the broker has nothing at the offset that is to be read next."""
        self.packed: dict[PartitionPlace, int] = {}
        """Places where a batch cannot be unpacked, each with the offset at which that batch begins."""

    def receive(self, most: int, wait_seconds: float) -> Iterator[Message]:
        """Make up to `most` records ready. Yields whatever else librdkafka reports, for the session to judge. Raises
        RetriableError."""
        if self._is_all_committed:
            self._backlog.all_is_committed()
        if most > 0 and not self.ready.is_full:
            self._read(most, wait_seconds)
        unjudged, self._unjudged = self._unjudged, []
        yield from (message for message in unjudged if not self._noted(message))

    def read_ahead(self, most: int) -> bool:
        """Make ready what comes within a moment, `most` records at the end. False if no more are wanted. What else is reported
        waits for `receive`. Raises RetriableError."""
        wanted = most - len(self.ready)
        if wanted <= 0 or self.ready.is_full:
            return False
        if self._read(1, _MOMENT_SECONDS) and wanted > 1:
            self._read(wanted - 1, 0.0)
        return True

    def _read(self, most: int, wait_seconds: float) -> bool:
        """True if anything came."""
        with kafka_errors(f"{self._agent}: reading"):
            received = self._consumer.consume(most, wait_seconds)
        records = [message for message in received if message.error() is None]
        self.ready.add(records)
        if len(records) < len(received):
            self._unjudged += [message for message in received if message.error() is not None]
        return bool(received)

    def take(self) -> list[Message]:
        """Take the records that are ready, as one chunk."""
        messages = self.ready.take()
        self._chunks += bool(messages)
        return messages

    def committed(self) -> None:
        """A chunk that was taken is committed."""
        self._chunks = max(0, self._chunks - 1)

    @property
    def _is_all_committed(self) -> bool:
        """True if nothing was read that is not committed."""
        return not self._chunks and not len(self.ready)

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
        """Read these places, and no others. What was reported before and is still so comes again."""
        self._unjudged.clear()
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

    def ripe(self, starts: Mapping[PartitionPlace, int], ends: Mapping[PartitionPlace, int]) -> set[PartitionPlace]:
        """Halted places of which all that was read is committed. `starts`: as `reached` says, which may lie behind markers of
        transactions; `ends`: as committed."""
        done = self._is_all_committed
        return {place for place in self.halted if place in starts and (done or starts[place] == ends[place])}

    def stop(self) -> None:
        """Read nothing until `read_from` says what."""
        with kafka_errors(f"{self._agent}: stopping to read"):
            self._consumer.unassign()

    def close(self) -> None:
        with kafka_errors(f"{self._agent}: ending its consumer"):
            self._consumer.close()

    def forget(self) -> None:
        """Forget the records that are ready or taken, and where reading halted."""
        self.ready.clear()
        self._unjudged.clear()
        self._chunks = 0
        self.displaced.clear()
        self.packed.clear()
