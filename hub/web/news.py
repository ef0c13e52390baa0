"""Wakes who waits for something new of a topic: told by the thread that reads Kafka, heard by those that answer calls."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class News:
    """Listeners are of a running event loop each. After `close` everybody is awake, and stays so."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[asyncio.Event, tuple[str, asyncio.AbstractEventLoop]] = {}
        self.is_closed = False

    @contextmanager
    def listening(self, topic: str) -> Iterator[asyncio.Event]:
        """An event that is set when the topic has something new, and when all is over; who waits clears it before it looks."""
        event = asyncio.Event()
        with self._lock:
            self._listeners[event] = topic, asyncio.get_running_loop()
            if self.is_closed:
                event.set()
        try:
            yield event
        finally:
            with self._lock:
                del self._listeners[event]

    def tell(self, topics: Iterable[str]) -> None:
        """From any thread."""
        wanted = set(topics)
        with self._lock:
            for event, (topic, loop) in self._listeners.items():
                if topic in wanted:
                    loop.call_soon_threadsafe(event.set)

    def close(self) -> None:
        """From any thread: nobody is to wait any more."""
        with self._lock:
            self.is_closed = True
            for event, (_, loop) in self._listeners.items():
                loop.call_soon_threadsafe(event.set)
