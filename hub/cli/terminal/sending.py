"""Sends a few records by hand, and says whether they arrived."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from hub.errors import FatalError
from hub.settings import Settings
from hub.stream.kafka.client import flushed, producer_config, served

_TIMEOUT_SECONDS = 30.0
_BY_KEY = -1


class Sender:
    """As a context manager: leaving it in order returns when all is delivered, or raises FatalError. `sent` counts deliveries."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._failed: KafkaError | None = None
        self.sent = 0
        self._producer = Producer(
            producer_config(settings, "by-hand") | {"delivery.timeout.ms": int(_TIMEOUT_SECONDS * 1000)}
        )

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int = _BY_KEY,
    ) -> None:
        """To a topic named without the namespace; to the partition of its key, unless another is named."""
        while True:
            try:
                self._producer.produce(
                    self._settings.topic(topic), value, key, partition, self._delivered, headers=list(headers)
                )
            except BufferError:
                served(self._producer, 0.5)
            except KafkaException as error:
                raise FatalError(f"{topic} cannot be sent to: {error.args[0].str()}") from error
            else:
                served(self._producer, 0)
                return

    def flush(self) -> None:
        left = flushed(self._producer, _TIMEOUT_SECONDS + 1)
        if self._failed is not None or left:
            why = self._failed.str() if self._failed is not None else f"no answer in {_TIMEOUT_SECONDS:.0f} s"
            raise FatalError(
                f"{self._settings.bootstrap_servers} did not take everything ({why}); {self.sent} records were delivered"
            )

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        self._failed = self._failed or error
        self.sent += error is None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.flush()
