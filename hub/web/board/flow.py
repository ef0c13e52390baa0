"""What has changed, numbered, for any number of listeners: who is behind by more than is kept begins anew with all there is.

The server keeps one bounded row of changes for all of them, so a slow listener costs nothing.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from hub.clock import wall_ms
from hub.escaping import to_json

KEPT_EVENTS = 64
MOST_BEHIND = 16
"""Who lacks more changes than that is given the whole: it is shorter."""
_KEYED = frozenset(("points",))
"""Parts of which only what came and what went is said."""


class FlowEvent(NamedTuple):
    """`kind`: snapshot or patch."""

    number: int
    kind: str
    data: str


class Flow:
    """`tell` is for one thread; all else for the event loop that answers calls."""

    def __init__(self) -> None:
        self._epoch = secrets.token_hex(4)
        """Numbers of another process are no numbers here."""
        self._lock = threading.Lock()
        self._heard = threading.Condition(self._lock)
        self._parts: dict[str, Any] = {}
        self._number = 0
        self._kept: deque[FlowEvent] = deque(maxlen=KEPT_EVENTS)
        self._listeners: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self.is_closed = False

    # -- told --------------------------------------------------------------------------------------------------------------

    def is_heard(self, seconds: float) -> bool:
        """Whether anybody listens; waits so long for somebody."""
        with self._heard:
            return bool(self._heard.wait_for(lambda: bool(self._listeners) or self.is_closed, seconds)) and bool(
                self._listeners
            )

    def tell(self, parts: Mapping[str, Any], standing: Mapping[str, Any], *, also_alone: bool = False) -> bool:
        """Say what of `parts` is other than before, with the standing. True if anything was said."""
        with self._lock:
            changes = {
                name: _change(name, self._parts.get(name), value)
                for name, value in parts.items()
                if name not in self._parts or self._parts[name] != value
            }
            if not changes and not also_alone:
                return False
            self._parts |= {**parts, **standing}
            self._number += 1
            self._kept.append(FlowEvent(self._number, "patch", to_json({**changes, **standing})))
            for event, loop in self._listeners.items():
                loop.call_soon_threadsafe(event.set)
            return True

    def close(self) -> None:
        """From any thread: nobody is to wait any more."""
        with self._heard:
            self.is_closed = True
            self._heard.notify_all()
            for event, loop in self._listeners.items():
                loop.call_soon_threadsafe(event.set)

    # -- heard -------------------------------------------------------------------------------------------------------------

    @contextmanager
    def listening(self) -> Iterator[asyncio.Event]:
        """An event that is set when there is news, and when all is over; who waits clears it before it looks."""
        event = asyncio.Event()
        event.set()
        with self._heard:
            self._listeners[event] = asyncio.get_running_loop()
            self._heard.notify_all()
        try:
            yield event
        finally:
            with self._lock:
                del self._listeners[event]

    @property
    def listeners(self) -> int:
        """How many there are."""
        return len(self._listeners)

    def number_of(self, event_id: str) -> int:
        """Behind which event a listener stands, by the id that it was given last; 0 if that says nothing here."""
        epoch, _, number = event_id.partition("-")
        return int(number[:15]) if epoch == self._epoch and number.isascii() and number.isdigit() else 0

    def behind(self, number: int) -> list[FlowEvent]:
        """What a listener lacks that has heard so far: changes, or the whole."""
        with self._lock:
            if number == self._number:
                return []
            lacking = self._number - number
            if number and 0 < lacking <= min(MOST_BEHIND, len(self._kept)):
                return list(self._kept)[-lacking:]
            return (
                [FlowEvent(self._number, "snapshot", to_json(self._parts | {"sent": wall_ms()}))] if self._parts else []
            )

    def text(self, event: FlowEvent) -> str:
        """As server-sent events are written."""
        return f"id: {self._epoch}-{event.number}\nevent: {event.kind}\ndata: {event.data}\n\n"


def _change(name: str, before: Any, now: Any) -> Any:
    if name not in _KEYED or before is None:
        return now
    came = {key: value for key, value in now.items() if before.get(key) != value}
    return {"+": came, "-": [key for key in before if key not in now]}
