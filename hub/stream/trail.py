"""What an agent made of the sampled records of a chunk: their spans, and which outputs bear their contexts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from hub.stream.chunk import Chunk
from hub.traces import TRACEPARENT, TraceContext, Traces, TraceSpan, context_in

_NO_ROW = -1
_MOST = 1_000
"""Spans of one chunk: whoever sends may say of every record that it is sampled."""


class TraceTrail:
    """Filled while a chunk is decided; keeps nothing of the chunk itself, as it lives on until the commit."""

    def __init__(self, traces: Traces, agent: str, chunk: Chunk) -> None:
        self._traces = traces
        self._contexts: dict[int, TraceContext] = {}
        self._by_key: dict[bytes, int] = {}
        """The row that what has this key comes of."""
        self._spans: list[TraceSpan] = []
        began_ns = time.time_ns()
        for row, header in list(chunk.header(TRACEPARENT).items())[:_MOST]:
            if (before := context_in(header)) is None:
                continue
            self._contexts[row] = context = before.within()
            facts: dict[str, str | int] = {
                "messaging.destination.name": chunk.topics[row],
                "messaging.destination.partition.id": str(chunk.partitions[row]),
                "messaging.kafka.offset": chunk.offsets[row],
            }
            self._spans.append(TraceSpan(context, before.span, agent, began_ns, facts))
            if (key := chunk.keys[row]) is not None:
                self._by_key.setdefault(key, row)

    def follow(self, row: int, *keys: str) -> None:
        """Have outputs with one of these keys bear the context of a row, if that has one."""
        if row in self._contexts:
            for key in keys:
                self._by_key.setdefault(key.encode(), row)

    def rows_of(self, keys: Iterable[str | bytes]) -> list[int]:
        """The row that each comes of, by its key; one that is none where that is not sampled."""
        return [self._by_key.get(key.encode() if isinstance(key, str) else key, _NO_ROW) for key in keys]

    def mark(self, messages: Iterable[dict[str, Any]], rows: Sequence[int] | None) -> bool:
        """Give each its headers: of the row that it comes of, or of one with its key. True if any has some."""
        found = map(self._contexts.get, self.rows_of(each["key"] for each in messages) if rows is None else rows)
        marked = False
        for message, context in zip(messages, found, strict=True):
            if context is not None:
                message["headers"], marked = context.headers, True
        return marked

    def write(self) -> None:
        """Once all of it has committed."""
        if self._spans:
            self._traces.write(self._spans)
