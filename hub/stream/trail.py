"""What an agent made of the sampled records of a chunk: their spans, and which outputs bear their contexts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from hub.stream.chunk import Chunk
from hub.traces import TRACEPARENT, TraceContext, Traces, TraceSpan, context_in

_MOST = 1_000
"""Spans of one chunk: whoever sends may say of every record that it is sampled."""


class TraceTrail:
    """Filled while a chunk is decided; keeps nothing of the chunk itself, as it lives on until the commit."""

    def __init__(self, traces: Traces, agent: str, chunk: Chunk) -> None:
        self._traces = traces
        self._contexts: dict[int, TraceContext] = {}
        self._by_key: dict[bytes, TraceContext] = {}
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
                self._by_key.setdefault(key, context)

    def follow(self, row: int, *keys: str) -> None:
        """Have outputs with one of these keys bear the context of a row, if that has one."""
        if (context := self._contexts.get(row)) is not None:
            for key in keys:
                self._by_key.setdefault(key.encode(), context)

    def mark(self, messages: Iterable[dict[str, Any]], rows: Sequence[int] | None) -> bool:
        """Give each its headers: of the row that it comes of, or of one with its key. True if any has some."""
        found = map(self._contexts.get, rows) if rows is not None else (self._of_key(each["key"]) for each in messages)
        marked = False
        for message, context in zip(messages, found, strict=True):
            if context is not None:
                message["headers"], marked = context.headers, True
        return marked

    def _of_key(self, key: str | bytes) -> TraceContext | None:
        return self._by_key.get(key.encode() if isinstance(key, str) else key)

    def write(self) -> None:
        """Once all of it has committed."""
        if self._spans:
            self._traces.write(self._spans)
