"""Server-sent events to one listener, whose place is counted from the moment in which he is let in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

EVENT_STREAM = "text/event-stream"
StreamPlace = TypeVar("StreamPlace")


class HeldStream(StreamingResponse, Generic[StreamPlace]):
    """`place` is entered before anything is sent, and left with the last of it; `events` is told what it gives. Who asks for
    the head alone is sent no events, and holds no place.

    XXX: a place that the events themselves take is taken at their first word, behind which the loop has let in all others that
    came at once: a bound on places would hold nobody.
    """

    def __init__(
        self, place: AbstractContextManager[StreamPlace], events: Callable[[StreamPlace], AsyncIterator[str]]
    ) -> None:
        super().__init__((), headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}, media_type=EVENT_STREAM)
        self._place, self._events = place, events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            await super().__call__(scope, receive, send)
            return
        with self._place as place:
            self.body_iterator = self._events(place)
            await super().__call__(scope, receive, send)
