"""A worker's end of the control topic: reads all that is kept there, then what comes, and says what its worker has to say.

Anybody may have written to the topic, so nothing that stands there ends the worker: what is not one of `hub.control.records`
is counted, named by its place, and stepped over. So is a broker that is away, for however long.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, NamedTuple, TypeVar

import mode
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from hub.backoff import Backoff
from hub.control.records import ControlRecord, Fault, opened, sealed
from hub.errors import HubError
from hub.metrics import CONTROL_REJECTS
from hub.settings import Settings
from hub.stream.gate import Gate
from hub.stream.kafka.client import SessionLostError, consumer_config, flushed, kafka_errors, producer_config, served
from hub.stream.kafka.headers import headers_of
from hub.stream.kafka.unpacking import Steps, cannot_be_unpacked
from hub.topics import CONTROL

log = logging.getLogger(__name__)
_R = TypeVar("_R", bound=ControlRecord)
_PARTITION = 0
"""The only one; whatever somebody adds is not read."""
_BATCH = 500
_REST_SECONDS = 0.1
"""After each batch that comes in: a flood takes no more of this process than 5,000 records a second."""
_SAY_AGAIN_SECONDS = 30.0
_MOST_SECONDS = 5.0
_DAMAGED = {KafkaError._BAD_MSG, KafkaError.INVALID_MSG}
_SEND_SECONDS = 30.0
_PROGRESS_SECONDS = 5.0


class Entry(NamedTuple, Generic[_R]):
    """A record of the control topic and where it stands."""

    record: _R
    offset: int
    at_ms: int
    live: bool
    """It came while this worker ran; else it was there before, and is read to know how things stand."""


class ControlTopic(mode.Service):
    """Calls subscribers, one record after the other, in a thread of its own. The gate is closed until all that is kept is read."""

    def __init__(self, settings: Settings, gate: Gate) -> None:
        super().__init__()
        self._settings = settings
        self._gate = gate
        self._name = settings.topic(CONTROL.name)
        self._key = settings.control_secret
        self._subscribers: dict[type[Any], list[Callable[[Entry[Any]], None]]] = {}
        self._stopping = threading.Event()
        self._next = OFFSET_BEGINNING
        self.caught_up = threading.Event()
        """All that was kept has been read."""
        self._said = time.monotonic()
        self._rejects = _Rejects()
        self._producer = self._fresh()
        gate.close("control", f"{self._name} is being read; nothing to do but wait")

    def _fresh(self) -> Producer:
        config: dict[str, Any] = producer_config(self._settings, "control")
        return Producer(config | {"delivery.timeout.ms": int(_SEND_SECONDS * 1000)})

    def subscribe(self, kind: type[_R], subscriber: Callable[[Entry[_R]], None]) -> None:
        """Have every record of a kind. `subscriber` may block, and raise HubError, which is said in the log."""
        self._subscribers.setdefault(kind, []).append(subscriber)

    def publish(self, record: ControlRecord) -> None:
        """Write a record, from any thread; returns before it is there. A failure is said in the log."""
        value, headers = sealed(record, self._name, self._key)
        try:
            self._producer.produce(self._name, value, partition=_PARTITION, headers=headers, on_delivery=_delivered)
        except (BufferError, KafkaException) as error:
            log.warning("%s: a record could not be written: %s", self._name, error)

    async def on_stop(self) -> None:
        self._stopping.set()

    @mode.Service.task
    async def _read(self) -> None:
        thread = ThreadPoolExecutor(1, thread_name_prefix="control")
        try:
            await asyncio.get_running_loop().run_in_executor(thread, self._follow)
        finally:
            self._stopping.set()
            thread.shutdown(wait=False)

    def _follow(self) -> None:
        """Until told to stop, over any number of connections."""
        backoff = Backoff(1.0, _MOST_SECONDS)
        while not self._stopping.is_set():
            reached = self._next
            try:
                self._read_on()
            except HubError as error:
                if self._next != reached:
                    backoff.reset()
                wait = backoff.next_seconds()
                log.warning("%s: begins anew in %.1f s: %s", self._name, wait, error)
                if isinstance(error, SessionLostError):
                    self._producer = self._fresh()
                self._stopping.wait(wait)
        try:
            flushed(self._producer, 1.0)
        except HubError as error:
            log.warning("%s: what was still to be said may be lost: %s", self._name, error)

    def _read_on(self) -> None:
        consumer = Consumer(
            consumer_config(self._settings, "control", f"{self._settings.namespace}control.{self._settings.instance}")
            | {"enable.partition.eof": True}
        )
        steps = Steps(self._settings, consumer)
        try:
            with kafka_errors("reading the control topic"):
                consumer.assign([TopicPartition(self._name, _PARTITION, self._next)])
                while not self._stopping.is_set():
                    batch = consumer.consume(_BATCH, 0.2)
                    for message in batch:
                        self._take(message, steps)
                    self._rejects.say(self._name)
                    self._say_progress()
                    served(self._producer, 0)
                    if batch and self.caught_up.is_set():
                        self._stopping.wait(_REST_SECONDS)
        finally:
            consumer.close()

    def _say_progress(self) -> None:
        """While the agents wait for it."""
        if not self.caught_up.is_set() and time.monotonic() - self._said >= _PROGRESS_SECONDS:
            self._said = time.monotonic()
            log.warning("%s: %d records read, and not at its end yet", self._name, max(0, self._next))

    def _take(self, message: Message, steps: Steps) -> None:
        error = message.error()
        if error is None:
            self._next = message.offset() + 1
            self._hand_out(message)
        elif error.code() == KafkaError._PARTITION_EOF:
            self._caught_up()
        elif cannot_be_unpacked(error):
            if records := steps.over(message):
                self._next = message.offset() + records
                self._rejects.add(Fault.UNREADABLE, message.offset())
        elif error.code() in _DAMAGED and message.offset() >= 0:
            self._next = message.offset() + 1
            self._rejects.add(Fault.UNREADABLE, message.offset())
        else:
            raise KafkaException(error)

    def _hand_out(self, message: Message) -> None:
        record = opened(message.value(), headers_of(message), self._name, self._key)
        if isinstance(record, Fault):
            self._rejects.add(record, message.offset())
            return
        entry = Entry(record, message.offset(), message.timestamp()[1], self.caught_up.is_set())
        for subscriber in self._subscribers.get(type(record), ()):
            try:
                subscriber(entry)
            except HubError as error:
                log.warning("%s: record %d: %s", self._name, entry.offset, error)

    def _caught_up(self) -> None:
        if not self.caught_up.is_set():
            self.caught_up.set()
            self._gate.open("control")


class _Rejects:
    """What is not the hub's, counted and said now and then: whoever floods the topic must not flood the log."""

    def __init__(self) -> None:
        self._counted: Counter[str] = Counter()
        self._new: Counter[str] = Counter()
        self._last = -1
        self._said = -_SAY_AGAIN_SECONDS

    def add(self, fault: Fault, offset: int) -> None:
        self._counted[str(fault)] += 1
        self._last = offset

    def say(self, topic: str) -> None:
        """After each batch: have the metric raised, and the log told if it is time."""
        for fault, records in self._counted.items():
            CONTROL_REJECTS.labels(fault).inc(records)
        self._new += self._counted
        self._counted.clear()
        if not self._new or time.monotonic() - self._said < _SAY_AGAIN_SECONDS:
            return
        self._said = time.monotonic()
        counted = ", ".join(f"{records} {fault}" for fault, records in self._new.most_common())
        log.warning("%s: not understood and stepped over: %s; the last at offset %d", topic, counted, self._last)
        self._new.clear()


def _delivered(error: KafkaError | None, _: Message) -> None:
    if error is not None:
        log.error("a record for the control topic was not taken: %s", error.str())
