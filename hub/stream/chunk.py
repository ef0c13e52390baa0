"""A chunk: the records of one transaction as columns, on their way from an inlet to its agent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import compress, count

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from confluent_kafka import Message

from hub.stream.avro.readable import all_dated
from hub.stream.kafka.headers import Headers, headers_of
from hub.stream.publication import Publication
from hub.stream.session import Session

_AROUND_BYTES = 5
"""What a length takes at most that Kafka writes before a key, a value, the name of a header."""
ORIGIN_TYPE = pa.struct(
    {"topic": pa.string(), "partition": pa.int32(), "offset": pa.int64(), "ingested_at": pa.timestamp("ms")}
)


@dataclass(eq=False)
class Chunk:
    """Records as columns of equal length. An agent answers each chunk with exactly one transaction.

    A chunk without records is a tick: nothing came in, but time may have passed.
    """

    session: Session
    settled: asyncio.Future[Publication | BaseException]
    """Resolves to what the agent made of the chunk, or to the error because of which it made nothing."""
    caught_up: bool
    """True if nothing more was there to be read, on any of the agent's topics."""
    topics: list[str] = field(default_factory=list)
    """Names without the namespace."""
    partitions: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    arrived_ms: list[int] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)
    headers: list[Headers] = field(default_factory=list)
    """The headers of each record; the list is empty if no record has any."""

    def __len__(self) -> int:
        return len(self.values)

    @property
    def own_numbers(self) -> list[int]:
        """Partition numbers this worker holds."""
        return self.session.own_numbers

    def fill(self, messages: Sequence[Message], namespace: str) -> None:
        cut = len(namespace)
        self.topics = [message.topic()[cut:] for message in messages]
        self.partitions = [message.partition() for message in messages]
        self.offsets = [message.offset() for message in messages]
        self.arrived_ms = all_dated([message.timestamp()[1] for message in messages])
        self.keys = [message.key() for message in messages]
        self.values = [message.value() for message in messages]
        headers = [headers_of(message) for message in messages]
        self.headers = headers if any(headers) else []

    def header(self, name: str) -> dict[int, bytes]:
        """The value of one header, by row, for the rows that have it."""
        told = ((row, dict(headers).get(name)) for row, headers in enumerate(self.headers) if headers)
        return {row: value for row, value in told if value is not None}

    def ends(self) -> dict[tuple[str, int], int]:
        """The offset after the last record of each topic and partition."""
        places = zip(self.topics, self.partitions, strict=True)  # of each the last counts
        return {place: offset + 1 for place, offset in dict(zip(places, self.offsets, strict=True)).items()}

    def rows(self, chosen: Callable[[str], bool]) -> list[int]:
        """The rows that came by one of the topics for which `chosen` is true."""
        every = set(self.topics)
        names = {topic for topic in every if chosen(topic)}
        if len(names) == len(every):
            return list(range(len(self.topics)))
        return list(compress(count(), map(names.__contains__, self.topics))) if names else []

    def size(self, row: int) -> int:
        """Bytes of one row as a record: key, value and headers, with what Kafka writes around these at most."""
        parts = [self.keys[row], self.values[row]]
        for name, value in (self.headers[row] if self.headers else None) or ():
            parts += (name.encode(), value)
        return sum(len(part or b"") + _AROUND_BYTES for part in parts)

    def origin(self, row: int) -> dict[str, object]:
        """`cityhub.Origin` of one row."""
        return {
            "topic": self.topics[row],
            "partition": self.partitions[row],
            "offset": self.offsets[row],
            "ingested_at": self.arrived_ms[row],
        }

    @cached_property
    def lies_in(self) -> npt.NDArray[np.int64]:
        """The partition of each row, int64 of shape (n,)."""
        return np.array(self.partitions, dtype=np.int64)

    @cached_property
    def lies_at(self) -> npt.NDArray[np.int64]:
        """The offset of each row, int64 of shape (n,)."""
        return np.array(self.offsets, dtype=np.int64)

    @cached_property
    def came_ms(self) -> npt.NDArray[np.int64]:
        """`arrived_ms`, as int64 of shape (n,)."""
        return np.array(self.arrived_ms, dtype=np.int64)

    def origins(self, rows: Sequence[int]) -> pa.StructArray:
        """`cityhub.Origin` of some rows."""
        return self._origins.take(pa.array(rows, pa.int64()))

    @cached_property
    def _origins(self) -> pa.StructArray:
        columns = (self.topics, self.lies_in, self.lies_at, self.came_ms.view("datetime64[ms]"))
        arrays = [pa.array(column, field.type) for column, field in zip(columns, ORIGIN_TYPE, strict=True)]
        return pa.StructArray.from_arrays(arrays, fields=list(ORIGIN_TYPE))
