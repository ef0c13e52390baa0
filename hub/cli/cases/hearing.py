"""Reads what the hub tells one department: its orders as they come, and the receipt of an update that was just sent."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from confluent_kafka import OFFSET_STORED, Consumer, KafkaError, Message, TopicPartition

from hub.cli.terminal.foreign import name_foreign
from hub.errors import FatalError, RejectedRecordError
from hub.model.outputs import WAITING, Order, Receipt
from hub.model.update import Update
from hub.screen import say
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.kafka.client import consumer_config, kafka_errors
from hub.stream.kafka.extent import Extent
from hub.stream.kafka.going_on import go_on_at
from hub.stream.kafka.unpacking import Steps, cannot_be_unpacked
from hub.stream.letters.gaps import ReadSoFar, resume
from hub.topics import Topic, dept_receipts

_POLL_SECONDS = 0.5
_ANSWER_SECONDS = 10.0
HeardUpdate = tuple[str, dict[str, Any]]
"""The subject of a record, and it. Times in ms."""


def records_to(
    settings: Settings, codec: Codec, topics: Sequence[Topic], *, from_start: bool, group: str | None
) -> Iterator[HeardUpdate]:
    """What a department is told by some of its topics as it comes, without end. With `group` a record is taken as seen when the
    next is asked for, and what was gone before it was seen is named on stderr. Raises FatalError if a topic is missing or cannot
    be read, RetriableError if the broker does not say where one begins.
    """
    names = [settings.topic(topic.name) for topic in topics]
    start = "earliest" if from_start else "latest"
    # XXX: of a group, "latest" would also leave out what is there yet, where what comes before that was deleted unseen
    consumer = _consumer(settings, group, start if group is None else "error")
    consumer.subscribe(names)
    steps = Steps(settings, consumer)
    try:
        while True:
            message = consumer.poll(_POLL_SECONDS)
            if message is not None and _has_nothing_there(message):
                _go_on(consumer, message, len(settings.namespace), from_start=from_start)
                continue
            if message is None or not _sound(message, names, steps):
                continue
            heard = _read(codec, message)
            if heard is not None:
                yield heard
            if group is not None:
                consumer.commit(message, asynchronous=True)
    finally:
        consumer.close()


def _has_nothing_there(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() == KafkaError._AUTO_OFFSET_RESET


def _go_on(consumer: Consumer, message: Message, cut: int, *, from_start: bool) -> None:
    """Read on where there is something, and name what was gone before it was seen. A group that is new begins as it is told."""
    place = TopicPartition(message.topic(), message.partition())
    with kafka_errors(f"asking where {place.topic} begins"):
        seen = [*consumer.position([place]), *consumer.committed([place], timeout=_ANSWER_SECONDS)]
        position = next((each.offset for each in seen if each.offset >= 0), None)
        extent = Extent(*consumer.get_watermark_offsets(place, _ANSWER_SECONDS))
        start, gap = resume(place.topic[cut:], place.partition, ReadSoFar(position), extent)
        if position is None and not from_start:
            start = extent.high
        if gap is not None:
            say(f"gone unseen 未读已删: {gap.place}: {gap.detail}", err=True)
        go_on_at(consumer, (place.topic, place.partition), {(place.topic, place.partition): start}, OFFSET_STORED)


class ReceiptOf:
    """Waits for a receipt: as a context manager, entered before the update is sent."""

    def __init__(self, settings: Settings, codec: Codec, department: str) -> None:
        self._codec, self._name = codec, settings.topic(dept_receipts(department).name)
        self._consumer = _consumer(settings, None, "latest")
        self._steps = Steps(settings, self._consumer)

    def __enter__(self) -> Self:
        known = self._consumer.list_topics(self._name, _ANSWER_SECONDS).topics[self._name]
        if known.error is not None:
            _complain(known.error, [self._name])
        places = [TopicPartition(self._name, partition) for partition in known.partitions]
        for place in places:
            place.offset = self._consumer.get_watermark_offsets(place, _ANSWER_SECONDS)[1]
        self._consumer.assign(places)
        return self

    def wait(self, update: Update, seconds: float) -> dict[str, Any] | None:
        """The receipt of an update, times in ms: the last word, or after so long that it waits; None if there is none by then."""
        waiting = None
        wanted = (update.case_id, update.update_id, update.revision)
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            message = self._consumer.poll(min(left, _POLL_SECONDS))
            if message is None or not _sound(message, [self._name], self._steps):
                continue
            heard = _read(self._codec, message)
            if heard is not None and tuple(heard[1][name] for name in ("case_id", "update_id", "revision")) == wanted:
                if heard[1]["outcome"] != WAITING:
                    return heard[1]
                waiting = heard[1]
        return waiting

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()


def _consumer(settings: Settings, group: str | None, start: str) -> Consumer:
    name = group or f"{settings.namespace}dept-watch-{uuid.uuid4().hex}"
    return Consumer(consumer_config(settings, "dept-watch", name) | {"auto.offset.reset": start})


def _sound(message: Message, names: list[str], steps: Steps) -> bool:
    error = message.error()
    if error is not None and cannot_be_unpacked(error):
        steps.over(message)
    elif error is not None:
        _complain(error, names)
    return error is None


def _complain(error: KafkaError, names: list[str]) -> None:
    if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        raise FatalError(
            f"there is no topic {' or '.join(names)}; name the hub's --namespace, or run `cityhub topics --create`"
        )
    if error.fatal():
        raise FatalError(f"{' and '.join(names)} cannot be read: {error.str()}")


def _read(codec: Codec, message: Message) -> HeardUpdate | None:
    """None, and named on stderr, if it is not the hub's own."""
    try:
        schema, record = codec.decode_one(message.value() or b"")
    except RejectedRecordError:
        schema = None
    if schema is None or schema.subject not in (Order.subject(), Receipt.subject()):
        name_foreign([f"{message.topic()}[{message.partition()}]@{message.offset()}"])
        return None
    return schema.subject, record
