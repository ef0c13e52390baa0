"""Reads what a sink is to be handed: committed records of its topics, in order of each partition, and says how far all is done."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple, Protocol, TypeAlias

from confluent_kafka import OFFSET_BEGINNING, OFFSET_STORED, Consumer, KafkaError, Message, TopicPartition

from hub.errors import FatalError, RejectedRecordError, RetriableError
from hub.sdk.sink_contract import Delivery, DeliveryPlace, SinkPositions
from hub.sdk.sinks.records import delivery_of
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.readable import dated
from hub.stream.kafka.client import SessionLostError, consumer_config, kafka_errors, missing, translated
from hub.stream.kafka.extent import Extent
from hub.stream.kafka.extents import ids_on_broker
from hub.stream.kafka.going_on import go_on_at
from hub.stream.kafka.standpoint import Standpoint, is_made_anew
from hub.stream.kafka.unpacking import Steps, cannot_be_unpacked
from hub.stream.letters.gaps import Gap, ReadSoFar, resume
from hub.stream.numbers import PartitionPlace

log = logging.getLogger(__name__)
_ASK_SECONDS = 30.0
LOOK_SECONDS = 10.0
"""So often it is looked whether a topic is another by now."""
_NO_TOPIC = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC)


SinkStandpoints: TypeAlias = dict[DeliveryPlace, Standpoint]
"""How far each partition was delivered, and of which topic."""


class ReadRecord(NamedTuple):
    """One record; `delivery` is None for what nobody is told of, as the hub did not write it."""

    place: DeliveryPlace
    offset: int
    delivery: Delivery | None
    is_marker: bool = False
    """It is the last of the markers of transactions at a partition's end: nothing that anybody wrote."""


class Records(Protocol):
    """Where a sink's run reads: `DeliveryReader`, or topics in memory."""

    def subscribe(
        self, revoked: Callable[[bool], None], positions: Callable[[], SinkStandpoints] | None = None
    ) -> None: ...
    def topic_id(self, place: DeliveryPlace) -> str: ...
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
        # else what is gone would be passed over without a word, and what is none but a marker be taken for gone
        own = {"auto.offset.reset": "error", "enable.partition.eof": True}
        self._consumer = Consumer(consumer_config(settings, f"sink.{name}", settings.namespace + group) | own)
        self._note_gap = note_gap
        self._first = OFFSET_STORED
        """Where a place is begun of which nothing else is known."""
        self._next: dict[PartitionPlace, int] = {}
        """The offset of each place that is to be read next, as far as it was read, or its sink remembers it."""
        self._steps = Steps(settings, self._consumer)
        self._ids = ids_on_broker(settings, f"sink.{name}")
        self._logs: dict[str, str] = {}
        """The ids of the topics that are read, by name on the broker."""
        self._looked = 0.0
        self._anew: SinkStandpoints = {}
        """Places whose topic is another than the one that was read, with how far that was; to be said."""
        self._reached: SinkStandpoints = {}
        """How far this reader has come in all: with a deleted topic Kafka forgets what the group committed."""
        self._nameless: SinkPositions = {}
        """What the group committed without an id: a release before did."""
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
                self._consumer.commit(offsets=self._named(fresh), asynchronous=False)

    def _named(self, places: Collection[TopicPartition]) -> list[TopicPartition]:
        """With the ids of their topics, as the group keeps them beside its offsets; without, if they cannot be told."""
        try:
            logs = self._ids_of({each.topic for each in places})
        except RetriableError as error:
            log.warning("%s", error)
            logs = dict.fromkeys((each.topic for each in places), "")
        return [TopicPartition(each.topic, each.partition, each.offset, logs[each.topic]) for each in places]

    def _ids_of(self, names: Iterable[str]) -> dict[str, str]:
        """By name on the broker."""
        namespace = self._settings.namespace
        found = self._ids([name.removeprefix(namespace) for name in names])
        return {self._settings.topic(topic): log for topic, log in found.items()}

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
                self._consumer.commit(offsets=self._named(places), asynchronous=False)
        except SessionLostError as error:
            raise FatalError(f"{self._what}: it runs somewhere; pause it, or end that process") from error

    def subscribe(
        self, revoked: Callable[[bool], None], positions: Callable[[], SinkStandpoints] | None = None
    ) -> None:
        """Begin to read. `revoked(lost)` is called when partitions go to another. `positions`: of a sink that remembers, how far it
        has come."""
        with kafka_errors(self._what):
            self._partitions()

        def give_back(_consumer: Consumer, _places: list[TopicPartition], *, lost: bool = False) -> None:
            revoked(lost)
            for own in (self._committed, self._held, self._next, self._nameless):
                own.clear()

        def lose(consumer: Consumer, places: list[TopicPartition]) -> None:
            give_back(consumer, places, lost=True)

        def assign(consumer: Consumer, places: list[TopicPartition]) -> None:
            try:
                consumer.assign(self._from(None if positions is None else positions(), places))
            except (FatalError, RetriableError) as error:
                self._failure = error  # what is raised in here ends the process
                consumer.assign([])

        self._consumer.subscribe(self._topics, on_assign=assign, on_revoke=give_back, on_lost=lose)

    def _from(self, kept: SinkStandpoints | None, places: list[TopicPartition]) -> list[TopicPartition]:
        """Where reading goes on. XXX: of a sink that remembers only what it has counts, and not what the group has committed: a
        table that somebody has emptied is filled again, not gone on with. The group's id does, if the sink keeps none."""
        # the id first: asked afterwards, it could be of a topic that came since
        self._logs, self._looked = self._ids_of({each.topic for each in places}), time.monotonic()
        group = self._reached | self._in_group(places)
        self._nameless = {place: at.offset for place, at in group.items() if not at.log}
        self._first = OFFSET_STORED if kept is None or self._begin_now else OFFSET_BEGINNING
        named = [DeliveryPlace(each.topic, each.partition) for each in places]
        if kept is None:
            stood = {place: group[place] for place in named if place in group}
        else:
            stood = {place: _named_by(kept[place], group.get(place)) for place in named if place in kept}
        self._anew = {place: at for place, at in stood.items() if is_made_anew(at.log, self._logs[place.topic])}
        self._next = {place: at.offset for place, at in stood.items() if place not in self._anew}
        starts = dict.fromkeys(self._anew, OFFSET_BEGINNING) | self._next
        return [TopicPartition(*place, starts.get(place, self._first)) for place in named]

    def _in_group(self, places: list[TopicPartition]) -> SinkStandpoints:
        with kafka_errors(f"{self._what}: asking how far it has come"):
            committed = self._consumer.committed(
                [TopicPartition(each.topic, each.partition) for each in places], _ASK_SECONDS
            )
        return {
            DeliveryPlace(each.topic, each.partition): Standpoint(each.offset, each.metadata or "")
            for each in committed if each.offset >= 0
        }  # fmt: skip

    def topic_id(self, place: DeliveryPlace) -> str:
        """Of a partition that is read; empty if it is not known."""
        return self._logs.get(place.topic, "")

    def read(self, limit: int, timeout_seconds: float) -> list[ReadRecord]:
        """What has come, at most `limit`; after the timeout nothing. Also when all is held: who does not ask is thrown out. Raises
        RetriableError where a topic was made anew meanwhile: it is to be read anew."""
        with kafka_errors(self._what):
            messages = self._consumer.consume(limit, timeout_seconds)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self._look()
        gone = self._begun_anew()
        return gone + [read for message in messages for read in self._read(message)]

    def _look(self) -> None:
        """Raises RetriableError where a topic is another by now. XXX: what waits for receivers is of the former, under the same
        offsets: it begins anew as after a restart, from what was committed with the id of the former."""
        self._looked = time.monotonic()
        try:
            logs = self._ids_of(self._logs)
        except RetriableError as error:
            log.warning("%s", error)
            return
        for topic, kept in self._logs.items():
            if is_made_anew(kept, logs[topic]):
                raise RetriableError(f"{self._what}: {topic} was deleted and made anew; reading begins anew")

    def _begun_anew(self) -> list[ReadRecord]:
        """Write down what was gone with topics that were deleted."""
        found = []
        for place, stood in self._anew.items():
            _, passed_over = self._passed_over(place, stood)
            found += passed_over
        self._anew = {}
        return found

    def _passed_over(self, place: DeliveryPlace, stood: Standpoint | None) -> tuple[int, list[ReadRecord]]:
        """The offset at which reading goes on. What lies between is written down before, and a record that is nobody's stands for
        it, so that it is done."""
        with kafka_errors(self._what):
            first, end = self._consumer.get_watermark_offsets(TopicPartition(*place), timeout=_ASK_SECONDS)
        topic = place.topic.removeprefix(self._settings.namespace)
        so_far = ReadSoFar() if stood is None else ReadSoFar(stood.offset, log=stood.log)
        start, gap = resume(topic, place.partition, so_far, Extent(first, end, self.topic_id(place)))
        if gap is None:
            return start, []
        log.error("%s: %s: %s", self._what, gap.place, gap.detail)
        self._note_gap(gap)
        return start, [ReadRecord(place, start - 1, None)]

    def _read(self, message: Message) -> list[ReadRecord]:
        error, place = message.error(), DeliveryPlace(message.topic(), message.partition())
        if error is None:
            self._next[place] = message.offset() + 1
            return [ReadRecord(place, message.offset(), self._delivery(message, place))]
        if cannot_be_unpacked(error):
            self._steps.over(message)
        elif error.code() == KafkaError._PARTITION_EOF:
            return self._past_markers(place, message.offset())
        elif error.code() == KafkaError._AUTO_OFFSET_RESET:
            return self._go_on(place)
        else:
            self._complain(error)
        return []

    def _past_markers(self, place: DeliveryPlace, end: int) -> list[ReadRecord]:
        """What stands for the markers between the last record and the end, if there are any: whoever commits goes past them, so
        that retention does not make a gap of them."""
        if end <= self._next.get(place, 0):
            return []
        self._next[place] = end
        return [ReadRecord(place, end - 1, None, is_marker=True)]

    def _go_on(self, place: DeliveryPlace) -> list[ReadRecord]:
        """Read on where the broker has something."""
        self._look()
        if place in self._next:
            stood: Standpoint | None = Standpoint(self._next[place])
        else:
            stood = self._in_group([TopicPartition(*place)]).get(place)
        self._next[place], passed_over = self._passed_over(place, stood)
        with kafka_errors(self._what):
            go_on_at(self._consumer, place, self._next, self._first)
            self._held.clear()  # whoever reads says again what is to wait
        return passed_over

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
        self._reached |= {place: Standpoint(offset, self.topic_id(place)) for place, offset in done.items()}
        all_done = self._nameless | done
        news = {place: offset for place, offset in all_done.items() if self._committed.get(place) != offset}
        if not news:
            return
        offsets = [TopicPartition(*place, offset, self.topic_id(place)) for place, offset in news.items()]
        try:
            with kafka_errors(f"{self._what}: committing how far it has come"):
                self._consumer.commit(offsets=offsets, asynchronous=False)
        except RetriableError as error:
            log.warning("%s", error)
        else:
            self._committed |= news
            self._nameless.clear()

    def close(self) -> None:
        self._consumer.close()


def _named_by(kept: Standpoint, group: Standpoint | None) -> Standpoint:
    return kept if kept.log or group is None else kept._replace(log=group.log)
