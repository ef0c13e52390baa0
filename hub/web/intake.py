"""What comes in by HTTP on its way into Kafka: a call is answered when Kafka has acknowledged all it brought, or not at all."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from hub.settings import Settings
from hub.stream.kafka.client import SessionLostError, flushed, producer_config, served
from hub.traces import Traces

log = logging.getLogger(__name__)
ANSWER_SECONDS = 10.0
"""Nobody waits longer; who was not answered calls again."""
_DELIVERY_SECONDS = 30.0
_MOST_RECORDS = 5_000
_MOST_BYTES = 64 * 2**20
_POLL_SECONDS = 0.2


class NotTakenError(Exception):
    """Kafka has not said that it has all. Whoever sent it has to send it again: what is sent twice counts once."""


class Outgoing(NamedTuple):
    """A record for a topic named without the namespace."""

    topic: str
    key: bytes | None
    value: bytes | None


class Intake(Protocol):
    """Where calls leave their records."""

    async def put(self, records: Sequence[Outgoing]) -> None:
        """Returns once Kafka has them all, each behind those before it. Raises NotTakenError."""
        ...


class KafkaIntake:
    """Bounded: while too much waits, or the oldest has waited for longer than anybody does, it takes nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._traces = Traces.of(settings, "web")
        self._lock = threading.Lock()
        self._waiting: dict[int, tuple[float, int]] = {}
        """By number: since when, and how many bytes."""
        self._bytes = self._number = 0
        self._stop = threading.Event()
        self._producer = self._fresh()
        self._thread = threading.Thread(target=self._poll, name="intake", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What is under way is given a moment; who waits for it is told by its own clock."""
        self._stop.set()
        self._thread.join()
        try:
            flushed(self._producer, 1.0)
        except SessionLostError as error:
            log.warning("%s; who is not answered calls again", error)

    async def put(self, records: Sequence[Outgoing]) -> None:
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[bool]] = []
        for record in records:
            future = loop.create_future()
            self._send(record, loop, future)
            futures.append(future)
        done, _ = await asyncio.wait(futures, timeout=ANSWER_SECONDS)
        if len(done) < len(futures) or not all(each.result() for each in done):
            raise NotTakenError

    def _send(self, record: Outgoing, loop: asyncio.AbstractEventLoop, future: asyncio.Future[bool]) -> None:
        size = len(record.key or b"") + len(record.value or b"")
        number = self._admit(size)

        def delivered(error: KafkaError | None, _: Message) -> None:
            self._release(number)
            if error is not None:
                log.warning("a record was not delivered (%s); its sender is told to call again", error.name())
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, future, error is None)

        try:
            topic = self._settings.topic(record.topic)
            headers = None if self._traces is None else self._traces.begin(topic)
            self._producer.produce(topic, record.value, record.key, on_delivery=delivered, headers=headers)
        except (BufferError, KafkaException) as error:
            self._release(number)
            raise NotTakenError from error

    def _admit(self, size: int) -> int:
        with self._lock:
            oldest = next(iter(self._waiting.values()), None)
            stuck = oldest is not None and time.monotonic() - oldest[0] > ANSWER_SECONDS
            if stuck or self._stop.is_set() or len(self._waiting) >= _MOST_RECORDS or self._bytes + size > _MOST_BYTES:
                raise NotTakenError
            self._number += 1
            self._bytes += size
            self._waiting[self._number] = time.monotonic(), size
            return self._number

    def _release(self, number: int) -> None:
        with self._lock:
            self._bytes -= self._waiting.pop(number)[1]

    def _fresh(self) -> Producer:
        config: dict[str, Any] = producer_config(self._settings, "web")
        return Producer(config | {"delivery.timeout.ms": int(_DELIVERY_SECONDS * 1000)})

    def _poll(self) -> None:
        while not self._stop.is_set():
            try:
                served(self._producer, _POLL_SECONDS)
            except SessionLostError as error:
                log.warning("%s; a new producer takes over", error)
                self._replace()

    def _replace(self) -> None:
        """A producer with a fatal error takes nothing more; what it still had is said to be undelivered."""
        broken, self._producer = self._producer, self._fresh()
        broken.purge()
        with suppress(SessionLostError):  # as is known
            flushed(broken, 1.0)


def _settle(future: asyncio.Future[bool], kept: bool) -> None:
    if not future.done():
        future.set_result(kept)
