"""A record as a reader outside the agents has it."""

from __future__ import annotations

from typing import NamedTuple


class KafkaRecord(NamedTuple):
    """A record as it lies in Kafka; `topic` without the namespace. `written_ms`: its timestamp."""

    topic: str
    partition: int
    offset: int
    written_ms: int
    value: bytes | None
