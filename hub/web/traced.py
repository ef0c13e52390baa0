"""What a call of the web says of its own trace (W3C `traceparent`), for what it publishes.
Around the app only where traces are on."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from hub.traces import CALLER, called_within


class TracedCalls:
    """A header that is no context, too long, or there twice is as if it were not there: nobody is refused for it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        before = CALLER.set(called_within(scope["headers"]) if scope["type"] == "http" else None)
        try:
            await self._app(scope, receive, send)
        finally:
            CALLER.reset(before)
