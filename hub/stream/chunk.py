"""A chunk: the records of one transaction as columns, on their way from an inlet to its agent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from confluent_kafka import Message

from hub.stream.session import Session


@dataclass(eq=False)
class Chunk:
    """Records as columns of equal length. An agent answers each chunk with exactly one transaction.

    A chunk without records is a tick: nothing came in, but time may have passed.
    """

    session: Session
    settled: asyncio.Future[BaseException | None]
    """None when committed, else why not."""
    caught_up: bool
    """Nothing more was there to read, on any of the agent's topics."""
    topics: list[str] = field(default_factory=list)
    """Names without the namespace."""
    partitions: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    arrived_ms: list[int] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def held(self) -> list[int]:
        """Partition numbers this worker holds."""
        return self.session.held

    def fill(self, messages: Sequence[Message], namespace: str) -> None:
        cut = len(namespace)
        for message in messages:
            self.topics.append(message.topic()[cut:])
            self.partitions.append(message.partition())
            self.offsets.append(message.offset())
            self.arrived_ms.append(message.timestamp()[1])
            self.keys.append(message.key())
            self.values.append(message.value())

    def ends(self) -> dict[tuple[str, int], int]:
        """The offset after the last record of each topic and partition."""
        return {
            (topic, partition): offset + 1
            for topic, partition, offset in zip(self.topics, self.partitions, self.offsets, strict=True)
        }

    def origin(self, row: int) -> dict[str, object]:
        """`cityhub.Origin` of one row."""
        return {
            "topic": self.topics[row],
            "partition": self.partitions[row],
            "offset": self.offsets[row],
            "ingested_at": self.arrived_ms[row],
        }

    def origins(self, rows: Iterable[int]) -> list[dict[str, object]]:
        """`cityhub.Origin` of some rows."""
        return [self.origin(row) for row in rows]
