"""What Kafka has given to an agent and the agent has not decided yet. It is handed on in chunks that are bounded in
bytes too."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from confluent_kafka import Message

from hub.stream.kafka.headers import headers_of

MAX_CHUNK_BYTES = 32 << 20
"""Bytes of keys, values and headers that a chunk may have. A chunk lies in memory several times over, as bytes, as columns and as
what comes of it, and a record may have megabytes."""


class Inbox:
    """Messages in the order in which they came."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._sizes: list[int] = []
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def is_full(self) -> bool:
        """True if its bytes are enough for a chunk."""
        return self._bytes >= MAX_CHUNK_BYTES

    def add(self, messages: Sequence[Message]) -> None:
        sizes = [len(message) + len(message.key() or b"") for message in messages]
        for at, headers in enumerate(map(headers_of, messages)):
            if headers:
                sizes[at] += sum(len(name) + len(value or b"") for name, value in headers)
        self._messages += messages
        self._sizes += sizes
        self._bytes += sum(sizes)

    def take(self) -> list[Message]:
        """Take out as many records as a chunk may have, and one at least if there is one."""
        fit = len(self._messages)
        if self._bytes > MAX_CHUNK_BYTES:
            fit = max(1, bisect_right(list(accumulate(self._sizes)), MAX_CHUNK_BYTES))
        taken, self._messages = self._messages[:fit], self._messages[fit:]
        self._sizes = self._sizes[fit:]
        self._bytes = sum(self._sizes)
        return taken

    def clear(self) -> None:
        self._messages, self._sizes, self._bytes = [], [], 0
