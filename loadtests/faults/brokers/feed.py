"""What goes in during a round, in bursts, and comes in again at its end: events of four sources and departments' answers."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from random import Random
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from hub.errors import FatalError
from hub.model.update import Update, UpdateStatus
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.stream.kafka.client import client_config, flushed, producer_config
from hub.topics import city_events, dept_orders, dept_updates
from loadtests.job.events import SOURCES, Events, source_of
from loadtests.job.rules import Rules

log = logging.getLogger(__name__)
_FLUSH_SECONDS = 300.0
_MOST_AT_ONCE = 400
_FIRST_ORDERS = ("ASSIGN", "LINK")
_ANSWERED = 0.6
Sent = tuple[str, bytes, bytes]
"""Topic on the broker, key, value."""


class Feed:
    """Two threads: one makes events, the other answers orders. Idempotent, so nothing is sent twice unless by `again`."""

    def __init__(self, settings: Settings, rules: Rules, departments: list[str], rate: float, seed: int) -> None:
        self._settings, self._rate = settings, rate
        self._events = Events(rules, seed)
        self._draw = Random(f"feed:{seed}")
        self._orders = [settings.topic(dept_orders(name).name) for name in departments]
        self._codec = Codec(FileRegistry())
        self._failed: KafkaError | None = None
        # a broker that is away for minutes is waited for
        config = producer_config(settings, "feed") | {"message.timeout.ms": 900_000, "error_cb": _ignore}
        self._producer = Producer(config)
        self._sent: list[Sent] = []
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=work, name=f"feed-{work.__name__}", daemon=True)
            for work in (self._report, self._answer)
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def sent(self) -> Counter[str]:
        """How many records went to each topic."""
        return Counter(topic for topic, _, _ in self._sent)

    @property
    def fresh(self) -> int:
        """How many events were sent that had not been sent before."""
        return self._events.truth().orders

    def finish(self) -> None:
        """Stop, and return when all that was sent is acknowledged. Raises FatalError if something was refused."""
        self._stop()
        self._flush()

    def _stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def again(self) -> None:
        """Send everything once more, in the order in which it was sent first. Returns when it is acknowledged."""
        for at, (topic, key, value) in enumerate(list(self._sent)):
            self._producer.produce(topic, value, key, on_delivery=self._delivered)
            if at % 1000 == 0:
                self._producer.poll(0)
        self._flush()

    def _flush(self) -> None:
        left = flushed(self._producer, _FLUSH_SECONDS)
        if self._failed is not None or left:
            cause = self._failed.str() if self._failed is not None else f"{left} unsent after {_FLUSH_SECONDS:.0f} s"
            raise FatalError(f"what was fed could not be published: {cause}; look at the brokers' logs")

    def _report(self) -> None:
        began, topics = time.monotonic(), {name: self._settings.topic(city_events(name).name) for name in SOURCES}
        while not self._stopping.wait(self._draw.uniform(0.02, 0.5)):
            due = int((time.monotonic() - began) * self._rate) - self._events.records
            if due > 0:
                block = self._events.make(min(due, _MOST_AT_ONCE), time.time_ns() // 1_000_000)
                for key, value in zip(block.keys, block.values, strict=True):
                    self._send(topics[source_of(key)], key, value)

    def _send(self, topic: str, key: bytes, value: bytes) -> None:
        self._sent.append((topic, key, value))
        self._producer.produce(topic, value, key, on_delivery=self._delivered)
        self._producer.poll(0)

    def _delivered(self, error: KafkaError | None, _message: object) -> None:
        self._failed = self._failed or error

    def _answer(self) -> None:
        config = client_config(self._settings, "departments") | {
            "error_cb": _ignore,
            "group.id": f"{self._settings.namespace}departments",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
        consumer = Consumer(config)
        consumer.subscribe(self._orders)
        try:
            while not self._stopping.is_set():
                for message in consumer.consume(500, 0.1):
                    self._take(message)
        finally:
            consumer.close()

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            if error.fatal():
                raise KafkaException(error)
            return
        order = self._codec.decode_one(message.value())[1]
        if str(order["kind"]) in _FIRST_ORDERS and Random(order["case_id"]).random() < _ANSWERED:
            self._resolve(order["case_id"], order["department"])

    def _resolve(self, case_id: str, department: str) -> None:
        update = Update(
            update_id=f"U-{case_id}", department=department, case_id=case_id, status=UpdateStatus.RESOLVED,
            at=time.time_ns() // 1_000_000, note="",
        )  # fmt: skip
        value = self._codec.encode_one("cityhub.Update", update.to_avro())
        self._send(self._settings.topic(dept_updates(department).name), case_id.encode(), value)


def _ignore(_error: KafkaError) -> None:
    """librdkafka tries again by itself; what it cannot mend is told with the delivery."""
