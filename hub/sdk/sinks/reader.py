"""Reads what a sink is to be handed: committed records of its topics, in order of each partition, and says how far all is done."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from confluent_kafka import OFFSET_BEGINNING, OFFSET_STORED, Consumer, KafkaError, Message, TopicPartition

from hub.errors import FatalError, RejectedRecordError, RetriableError
from hub.sdk.sink_contract import Delivery, DeliveryPlace, SinkPositions
from hub.sdk.sinks.records import delivery_of
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.readable import dated
from hub.stream.kafka.client import SessionLostError, consumer_config, kafka_errors, missing, translated
from hub.stream.kafka.extent import Extent
from hub.stream.kafka.unpacking import Steps, cannot_be_unpacked
from hub.stream.letters.gaps import Gap, ReadSoFar, resume

log = logging.getLogger(__name__)
_ASK_SECONDS = 30.0
_NO_TOPIC = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC)


class ReadRecord(NamedTuple):
    """One record; `delivery` is None for what nobody is told of, as the hub did not write it."""

    place: DeliveryPlace
    offset: int
    delivery: Delivery | None


class Records(Protocol):
    """Where a sink's run reads: `DeliveryReader`, or topics in memory."""

    def subscribe(
        self, revoked: Callable[[bool], None], positions: Callable[[], SinkPositions] | None = None
    ) -> None: ...
    def read(self, limit: int, timeout_seconds: float) -> list[ReadRecord]: ...
    def hold(self, places: set[DeliveryPlace]) -> None: ...
    def behind(self) -> int | None: ...
    def commit(self, done: SinkPositions) -> None: ...
    def close(self) -> None: ...


class DeliveryReader:
    """One consumer. Raises RetriableError without Kafka, FatalError where a topic is not there or may not be read.

    Where the broker has nothing any more at the offset that is to be read next, it goes on where there is something.
    """

    def __init__(
        self, settings: Settings, codec: Codec, name: str, group: str, topics: Iterable[str],
        note_gap: Callable[[Gap], None] = lambda gap: None,
    ) -> None:  # fmt: skip
        """`topics` as SinkSpec.topics gives them. `group`: without the namespace. `note_gap` is told what was gone before it was
        read, and returns once that is written down."""
        self._settings, self._codec = settings, codec
        self._topics = list(topics)
        self._what = f"{name}: reading {', '.join(self._topics)}"
        own = {"auto.offset.reset": "error"}  # else what is gone would be passed over without a word
        self._consumer = Consumer(consumer_config(settings, f"sink.{name}", settings.namespace + group) | own)
        self._note_gap = note_gap
        self._first = OFFSET_STORED
        """Where a place is begun of which nothing else is known."""
        self._next: dict[DeliveryPlace, int] = {}
        """The offset of each place that is to be read next, as far as it was read, or its sink remembers it."""
        self._steps = Steps(settings, self._consumer)
        self._committed: dict[DeliveryPlace, int] = {}
        self._held: set[DeliveryPlace] = set()
        self._failure: FatalError | RetriableError | None = None
        self._begin_now = False

    def begin_now(self) -> None:
        """Leave out what was written before, unless some of it was delivered already."""
        self._begin_now = True
        with kafka_errors(self._what):
            committed = self._consumer.committed(self._partitions(), timeout=_ASK_SECONDS)
            fresh = [place for place in committed if place.offset < 0]
            for place in fresh:
                place.offset = self._consumer.get_watermark_offsets(place, timeout=_ASK_SECONDS)[1]
            if fresh:
                self._consumer.commit(offsets=fresh, asynchronous=False)

    def _partitions(self) -> list[TopicPartition]:
        """Of all its topics that are there. Raises FatalError if one that is named is not."""
        known = self._consumer.list_topics(timeout=_ASK_SECONDS).topics
        found = []
        for name in self._topics:
            if not name.startswith("^"):
                topic = known.get(name)
                if topic is None or topic.error is not None:
                    raise missing(name)
                found += [TopicPartition(name, number) for number in topic.partitions]
            else:
                matching = [each for each in known.values() if re.match(name, each.topic)]
                found += [TopicPartition(each.topic, number) for each in matching for number in each.partitions]
        return found

    def move(self, at_ms: int | None) -> None:
        """Have the group go on from the first record written then or later; None: from the start.

        Raises FatalError while the sink runs somewhere.
        """
        try:
            with kafka_errors(self._what):
                places = self._partitions()
                if at_ms is not None:
                    asked = [TopicPartition(each.topic, each.partition, at_ms) for each in places]
                    places = self._consumer.offsets_for_times(asked, timeout=_ASK_SECONDS)
                for place in places:
                    first, end = self._consumer.get_watermark_offsets(place, timeout=_ASK_SECONDS)
                    place.offset = first if at_ms is None else place.offset if place.offset >= 0 else end
                self._consumer.commit(offsets=places, asynchronous=False)
        except SessionLostError as error:
            raise FatalError(f"{self._what}: it runs somewhere; pause it, or end that process") from error

    def subscribe(self, revoked: Callable[[bool], None], positions: Callable[[], SinkPositions] | None = None) -> None:
        """Begin to read. `revoked(lost)` is called when partitions go to another. `positions`: of a sink that remembers, how far it
        has come."""
        with kafka_errors(self._what):
            self._partitions()

        def give_back(_consumer: Consumer, _places: list[TopicPartition], *, lost: bool = False) -> None:
            revoked(lost)
            self._committed.clear()
            self._held.clear()
            self._next.clear()

        def lose(consumer: Consumer, places: list[TopicPartition]) -> None:
            give_back(consumer, places, lost=True)

        def assign(consumer: Consumer, places: list[TopicPartition]) -> None:
            assert positions is not None
            try:
                consumer.assign(self._from(positions(), places))
            except (FatalError, RetriableError) as error:
                self._failure = error  # what is raised in here ends the process
                consumer.assign([])

        handlers = {"on_revoke": give_back, "on_lost": lose}
        if positions is not None:
            handlers["on_assign"] = assign
        self._consumer.subscribe(self._topics, **handlers)

    def _from(self, positions: SinkPositions, places: list[TopicPartition]) -> list[TopicPartition]:
        """Where a sink that remembers goes on. XXX: only what the sink has counts, and not what the group has committed: a table
        that somebody has emptied is filled again, not gone on with."""
        self._first = first = OFFSET_STORED if self._begin_now else OFFSET_BEGINNING
        named = [DeliveryPlace(each.topic, each.partition) for each in places]
        self._next = {place: positions[place] for place in named if place in positions}
        return [TopicPartition(*place, positions.get(place, first)) for place in named]

    def read(self, limit: int, timeout_seconds: float) -> list[ReadRecord]:
        """What has come, at most `limit`; after the timeout nothing. Also when all is held: who does not ask is thrown out."""
        with kafka_errors(self._what):
            messages = self._consumer.consume(limit, timeout_seconds)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        return [read for message in messages if (read := self._read(message)) is not None]

    def _read(self, message: Message) -> ReadRecord | None:
        error = message.error()
        if error is not None:
            if cannot_be_unpacked(error):
                self._steps.over(message)
            elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                return self._go_on(DeliveryPlace(message.topic(), message.partition()))
            else:
                self._complain(error)
            return None
        place = DeliveryPlace(message.topic(), message.partition())
        self._next[place] = message.offset() + 1
        return ReadRecord(place, message.offset(), self._delivery(message, place))

    def _go_on(self, place: DeliveryPlace) -> ReadRecord | None:
        """Read on where the broker has something. What was passed over is written down; a record that is nobody's stands for it, so
        that it is done."""
        partition = TopicPartition(*place)
        with kafka_errors(self._what):
            if place in self._next:
                position: int | None = self._next[place]
            else:
                stored = self._consumer.committed([partition], timeout=_ASK_SECONDS)[0].offset
                position = stored if stored >= 0 else None
            first, end = self._consumer.get_watermark_offsets(partition, timeout=_ASK_SECONDS)
            topic = place.topic.removeprefix(self._settings.namespace)
            start, gap = resume(topic, place.partition, ReadSoFar(position), Extent(first, end))
            if gap is not None:
                log.error("%s: %s: %s", self._what, gap.place, gap.detail)
                self._note_gap(gap)
            self._next[place] = start
            self._assign_anew(place)
        return None if gap is None else ReadRecord(place, start - 1, None)

    def _assign_anew(self, moved: DeliveryPlace) -> None:
        """Read on at `moved` where it is to go on, and at all others where they are. XXX: to seek there does nothing, once the
        broker had nothing at the offset before."""
        places = self._consumer.position(self._consumer.assignment())
        for each in places:
            place = DeliveryPlace(each.topic, each.partition)
            if place == moved or each.offset < 0:
                each.offset = self._next.get(place, self._first)
        self._consumer.assign(places)
        self._held.clear()  # whoever reads says again what is to wait

    def _delivery(self, message: Message, place: DeliveryPlace) -> Delivery | None:
        try:
            schema, record = self._codec.decode_one(message.value() or b"")
        except RejectedRecordError:
            return None  # not the hub's own, and so nobody's order
        written_ms = dated(message.timestamp()[1])
        return delivery_of(schema.subject, record, place, message.offset(), written_ms, self._settings.namespace)

    def _complain(self, error: KafkaError) -> None:
        if error.code() in _NO_TOPIC and any(each.startswith("^") for each in self._topics):
            return  # one that matched was taken away
        problem = translated(error, self._what)
        if isinstance(problem, FatalError):
            raise problem
        log.warning("%s", problem)

    def hold(self, places: set[DeliveryPlace]) -> None:
        """Read no more from these, and again from all others."""
        if places == self._held:
            return
        with kafka_errors(self._what):
            assigned = {DeliveryPlace(each.topic, each.partition) for each in self._consumer.assignment()}
            if more := (places - self._held) & assigned:
                self._consumer.pause([TopicPartition(*each) for each in more])
            if less := (self._held - places) & assigned:
                self._consumer.resume([TopicPartition(*each) for each in less])
        self._held = places & assigned

    def behind(self) -> int | None:
        """How many offsets are still to be read, by what the broker said last; None while it has no partitions."""
        with kafka_errors(self._what):
            assigned = self._consumer.assignment()
            if not assigned:
                return None
            found = 0
            for at in self._consumer.position(assigned):
                low, high = self._consumer.get_watermark_offsets(at, cached=True)
                found += max(0, high - (at.offset if at.offset >= 0 else low))
        return found

    def commit(self, done: SinkPositions) -> None:
        """Say how far it has come; what cannot be said now is said later, or comes again."""
        news = {place: offset for place, offset in done.items() if self._committed.get(place) != offset}
        if not news:
            return
        offsets = [TopicPartition(*place, offset) for place, offset in news.items()]
        try:
            with kafka_errors(f"{self._what}: committing how far it has come"):
                self._consumer.commit(offsets=offsets, asynchronous=False)
        except RetriableError as error:
            log.warning("%s", error)
        else:
            self._committed |= news

    def close(self) -> None:
        self._consumer.close()
