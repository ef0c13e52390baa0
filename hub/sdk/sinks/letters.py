"""Deliveries that no receiver takes, and what was gone before it was read, into hub.dead."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Protocol

from confluent_kafka import KafkaError, Producer

from hub import metrics
from hub.clock import wall_ms
from hub.errors import FatalError, Reason
from hub.escaping import to_json
from hub.model.admitted import DeadLetter
from hub.sdk.errors import UndeliveredError
from hub.sdk.sink_contract import Delivery
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.kafka.client import SessionLostError, flushed, kafka_errors, producer_config
from hub.stream.letters.dead_letters import fitted
from hub.stream.letters.gaps import Gap
from hub.topics import DEAD, source_of

log = logging.getLogger(__name__)
_FLUSH_SECONDS = 30.0


class Aside(Protocol):
    """Where deliveries go that nobody takes: `SinkLetters`, or memory."""

    def set_aside(self, delivery: Delivery, why: str) -> None: ...


class SinkLetters:
    """Of one sink. The producer is made with the first: most sinks write none."""

    def __init__(self, settings: Settings, codec: Codec, name: str, stage: str) -> None:
        self._settings, self._codec, self._name, self._stage = settings, codec, name, stage
        self._producer: Producer | None = None

    def set_aside(self, delivery: Delivery, why: str) -> None:
        """Return when Kafka has it. Raises UndeliveredError if it does not take it: the delivery is not done then."""
        letter = DeadLetter(
            stage=self._stage,
            reason=Reason.NO_RECEIVER,
            detail=f"{why} to {delivery.id}; deliver it by hand, and see with its receiver what it does not take",
            at=wall_ms(),
            key=delivery.case.encode(),
            value=to_json(delivery.values).encode(),
        )
        fits = fitted(letter.to_avro())
        self._write(fits, fits["key"])
        metrics.DEAD_LETTERS.labels(letter.stage, letter.reason, self._name).inc()
        log.warning("%s: set aside in %s: %s", self._name, DEAD.name, why)

    def note_gap(self, gap: Gap) -> None:
        """Return when Kafka has the letter that stands for what was gone before this sink had read it. Raises as `set_aside`."""
        self._write(gap.letter(self._stage, wall_ms()), f"{gap.topic}[{gap.partition}]".encode())
        reason = str(gap.reason)
        metrics.DEAD_LETTERS.labels(self._stage, reason, self._name).inc()
        metrics.GAPS.labels(self._stage, source_of(gap.topic), reason).inc()
        metrics.GAP_RECORDS.labels(self._stage, source_of(gap.topic), reason).inc(gap.records_at_most)

    def _write(self, letter: Mapping[str, Any], key: bytes) -> None:
        failed: list[KafkaError] = []
        producer = self._made()
        try:
            with kafka_errors(f"{self._name}: writing a dead letter"):
                producer.produce(
                    self._settings.topic(DEAD.name), self._codec.encode_one(DeadLetter.subject(), letter), key,
                    on_delivery=lambda error, _: failed.append(error) if error is not None else None,
                )  # fmt: skip
            left = flushed(producer, _FLUSH_SECONDS)
        except SessionLostError as error:
            self._producer = None
            raise UndeliveredError(f"{error}; nothing is lost") from error
        if left or failed:
            raise UndeliveredError(f"{self._name}: {DEAD.name} did not take a dead letter; nothing is lost")

    def _made(self) -> Producer:
        if self._producer is None:
            try:
                self._producer = Producer(producer_config(self._settings, f"sink.{self._name}"))
            except FatalError as error:
                raise UndeliveredError(str(error)) from error
        return self._producer
