"""Publishes a source's events and dead letters through one idempotent producer. Knows what is acknowledged; drops nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from hub.errors import Reason, RejectedRecordError
from hub.metrics import DEAD_LETTERS, PUBLISH_ERRORS
from hub.model.admitted import DeadLetter
from hub.model.base import Record
from hub.model.event import CaseEvent
from hub.sdk.errors import UndeliveredError
from hub.sdk.mapping.by_columns import EventColumns
from hub.sdk.mapping.updates import department_update
from hub.sdk.publishing.encoding import Encoded, encoded
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import make_registry
from hub.stream.kafka.client import SessionLostError, flushed, producer_config, served
from hub.stream.letters.dead_letters import fitted
from hub.topics import DEAD as DEAD_TOPIC
from hub.topics import Topic, city_events, dept_updates
from hub.traces import Traces

log = logging.getLogger(__name__)
_FLUSH_SLICE_SECONDS = 0.5
RecordHeaders = list[tuple[str, str | bytes | None]] | None


class Publisher(Protocol):
    """Where a runner sends. `flush` returns when everything sent before is acknowledged, or raises FatalError."""

    def send(self, event: CaseEvent) -> None:
        """Raises RejectedRecordError(too_large), FatalError if an earlier delivery failed for good."""
        ...

    def set_aside(self, letter: DeadLetter) -> None: ...

    def poll(self) -> None:
        """Serve acknowledgements; cheap."""
        ...

    def flush(self) -> None: ...


@runtime_checkable
class ManyPublisher(Publisher, Protocol):
    """A publisher that takes many events at once."""

    def encode(self, columns: EventColumns, count: int) -> list[Encoded | None]:
        """For each of `count` rows its record; None where the event is to be sent by `send`, which says what is wrong with it."""
        ...

    def send_encoded(self, record: Encoded) -> None:
        """As `send`, what `encode` gave."""
        ...


class _ToKafka:
    """A full local queue makes `send` wait. A delivery that fails for good is a FatalError at the next call."""

    def __init__(
        self, settings: Settings, domain: str, topic: Topic, role: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self._domain = domain
        self._headers: RecordHeaders = list(headers.items()) if headers else None
        self._traces = Traces.of(settings, role)
        self._codec = Codec(make_registry(settings))
        self._topic, self._most = settings.topic(topic.name), topic.max_bytes
        self._dead = settings.topic(DEAD_TOPIC.name)
        self._failed: KafkaError | None = None
        self._bootstrap = settings.bootstrap_servers
        config: dict[str, Any] = producer_config(settings, role)
        self._lost = False
        self._producer = Producer(config | {"error_cb": self._on_error})

    def _send(self, record: Record, key: str) -> None:
        value = self._codec.encode_one(record.subject(), record.to_avro())
        if len(value) > self._most:
            raise RejectedRecordError(
                Reason.TOO_LARGE, f"the record has {len(value):,} bytes; at most {self._most:,} can be sent"
            )
        self._produce(self._topic, key.encode(), value, self._headed())

    def _headed(self) -> RecordHeaders:
        """What the next record bears."""
        if self._traces is None or (begun := self._traces.begin(self._topic)) is None:
            return self._headers
        return [*(self._headers or ()), *begun]

    def set_aside(self, letter: DeadLetter) -> None:
        DEAD_LETTERS.labels(letter.stage, letter.reason, self._domain).inc()
        fits = fitted(letter.to_avro())
        self._produce(self._dead, fits["key"], self._codec.encode_one(DeadLetter.subject(), fits))

    def poll(self) -> None:
        self._serve(served, 0)

    def flush(self) -> None:
        while self._serve(flushed, _FLUSH_SLICE_SECONDS):
            pass

    def _produce(self, topic: str, key: bytes | None, value: bytes, headers: RecordHeaders = None) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, on_delivery=self._on_delivery, headers=headers)
            except BufferError:
                self._serve(served, _FLUSH_SLICE_SECONDS)
            except KafkaException as error:
                raise UndeliveredError(
                    f"Kafka at {self._bootstrap} does not take events: {error.args[0].str()}"
                ) from error
            else:
                return

    def _serve(self, serve: Callable[[Producer, float], int], seconds: float) -> int:
        try:
            said = serve(self._producer, seconds)
        except SessionLostError as error:
            raise self._undelivered(str(error)) from error
        if self._failed is not None:
            raise self._undelivered(self._failed.str())
        return said

    def _on_delivery(self, error: KafkaError | None, _: Message) -> None:
        if error is not None and self._failed is None:
            self._failed = error
        if error is None and self._lost:
            self._lost = False
            log.warning("%s: Kafka at %s takes events again", self._domain, self._bootstrap)

    def _on_error(self, error: KafkaError) -> None:
        PUBLISH_ERRORS.labels(self._domain).inc()
        if not self._lost:
            self._lost = True
            log.warning("%s: Kafka at %s: %s; waiting, nothing is lost", self._domain, self._bootstrap, error.str())

    def _undelivered(self, why: str) -> UndeliveredError:
        self._producer.purge()  # what comes after the next start must not arrive before what is still here
        return UndeliveredError(
            f"events could not be delivered to Kafka at {self._bootstrap}: {why}. "
            "Nothing is lost: run the same command again and it goes on from its position"
        )


class KafkaPublisher(_ToKafka):
    """Keyed by source reference, so that statements about one case stay in order, also through retries."""

    def __init__(self, settings: Settings, domain: str, headers: Mapping[str, str] | None = None) -> None:
        """`headers`: of all events."""
        super().__init__(settings, domain, city_events(domain), f"connector.{domain}", headers)

    def send(self, event: CaseEvent) -> None:
        self._send(event, event.source_ref)

    def encode(self, columns: EventColumns, count: int) -> list[Encoded | None]:
        return encoded(self._codec, columns, count, self._most)

    def send_encoded(self, record: Encoded) -> None:
        self._produce(self._topic, *record, self._headed())


class UpdatesPublisher(_ToKafka):
    """Sends what was read as events as the updates of a department, keyed by case."""

    def __init__(self, settings: Settings, department: str) -> None:
        super().__init__(settings, department, dept_updates(department), f"department.{department}")
        self._department = department

    def send(self, event: CaseEvent) -> None:
        update = department_update(event, self._department)
        self._send(update, update.case_id)


class Checkpoints:
    """When to save the position: after so many rows or so many seconds, whichever is first."""

    def __init__(self, rows: int = 20_000, seconds: float = 1.0) -> None:
        self._rows, self._seconds = rows, seconds
        self._since, self._at = 0, time.monotonic()

    def due(self, rows: int = 1) -> bool:
        self._since += rows
        return self._since >= self._rows or (self._since > 0 and time.monotonic() - self._at >= self._seconds)

    def done(self) -> None:
        self._since, self._at = 0, time.monotonic()
