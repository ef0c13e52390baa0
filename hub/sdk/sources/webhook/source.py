"""The source of calls: a system tells by itself, by HTTP, and is answered when Kafka has what it told."""

from __future__ import annotations

import asyncio
import errno
from collections import deque
from collections.abc import Iterator
from typing import ClassVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from hub.clock import wall_ms
from hub.metrics import CALLS
from hub.sdk.access.signature import ForgedError
from hub.sdk.contract import Batch, Context, Item, Position, Source
from hub.sdk.errors import ConfigurationError, TransientError
from hub.sdk.sources.bodies import call_statements
from hub.sdk.sources.webhook.config import WebhookConfig
from hub.sdk.sources.webhook.inbox import Call, CallInbox
from hub.serving import PortLimits, Server, app_of, listen
from hub.traces import called_within

_RETRY_AFTER_SECONDS = 30
_SEND_SECONDS = 15.0
"""A call may take so long to come, beside the time that it waits."""


class _TooLongError(Exception):
    """The body is longer than is taken."""


class WebhookSource(Source):
    """202 says that Kafka has the events, or their dead letters; 503 with Retry-After that it does not, and the system calls again.
    Nothing is kept here in between: the system remembers what it was not answered.

    A call that comes again is answered and not published twice, where its signature says which it is; after a restart the hub knows
    it as a repeat.
    """

    Config: ClassVar[type[WebhookConfig]] = WebhookConfig
    remembers = True
    awaited = True

    def __init__(self, config: WebhookConfig, context: Context) -> None:
        super().__init__(config, context)
        remember = config.auth.remember_seconds if config.auth else 0
        self._inbox = CallInbox(remember, config.answer_seconds)
        self._server: Server | None = None
        self._taken: deque[tuple[Batch, list[Call]]] = deque()
        self._calls = 0
        self._refuses = False

    @property
    def system(self) -> str:
        return f"POST {self.config.host}:{self.config.port}{self.config.path}"

    @property
    def port(self) -> int:
        """Where it listens, once it is connected."""
        return self._server.port if self._server else self.config.port

    def check(self) -> str:
        """Says also if the port is taken, which is as it should be while the edge runs. Raises ConfigurationError."""
        config = self.config
        who = f"auth {config.auth.kind}" if config.auth else "without auth, for this machine only"
        said = (
            f"takes POST at {config.host}:{config.port}{config.path}, {who}; nothing is asked of the system, it calls"
        )
        try:
            listen(config.host, config.port).close()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise self._no_port(error) from error
            return f"{said}. The port is taken, by this edge at work or by another process"
        return said

    def sample(self, limit: int) -> Iterator[Item]:
        """None: what a system says now is for the run."""
        return iter(())

    def connect(self, position: Position | None) -> None:
        self.close()
        config = self.config
        route = Route(config.path, self._hear, methods=["POST"])
        limits = PortLimits(config.max_connections, config.answer_seconds + _SEND_SECONDS, renewed=True)
        server = Server(app_of([route]), config.host, config.port, limits, "webhook")
        self._inbox.reopen()
        try:
            server.start()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise TransientError(f"port {config.port} is taken; end who has it, or choose another") from error
            raise self._no_port(error) from error
        self._server = server

    def read(self, timeout_seconds: float) -> Batch:
        calls = self._inbox.take(self.context.batch_items, timeout_seconds, self.context.stop)
        items = [item for call in calls for item in self._items(call)]
        batch = Batch(items)
        if items:
            self._taken.append((batch, calls))
        else:
            self._inbox.acknowledge(calls)  # there is nothing in them that anybody could have
        return batch

    def ack(self, batch: Batch) -> None:
        while batch.items and self._taken:
            each, calls = self._taken.popleft()
            self._inbox.acknowledge(calls)
            if each is batch:
                return

    def close(self) -> None:
        self._inbox.close()
        self._taken.clear()
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _items(self, call: Call) -> Iterator[Item]:
        self._calls += 1
        of = f"POST {self.config.path} call {self._calls}"
        for number, said in enumerate(call_statements(call.headers, call.body), 1):
            if isinstance(said, dict):
                yield Item(said, of, number, unit="event", caller=call.caller)
            else:
                yield Item(None, of, number, said.raw, fault=said.fault, unit="event")

    def _no_port(self, error: OSError) -> ConfigurationError:
        config = self.config
        return ConfigurationError(f"{config.host}:{config.port} cannot be listened at ({error.strerror}); look at both")

    # -- in the server's thread ----------------------------------------------------------------------------------------------------

    async def _hear(self, request: Request) -> Response:
        answer = await self._heard(request)
        CALLS.labels(self.context.domain, str(answer.status_code)).inc()
        return answer

    async def _heard(self, request: Request) -> Response:
        headers = dict(request.headers)
        try:
            body = await self._body(request)
            key = self.config.auth.admit(headers, body, wall_ms() / 1000) if self.config.auth else None
        except _TooLongError:
            said = f"at most {self.config.max_body_bytes} bytes are taken in a call\n"
            return PlainTextResponse(said, 413, {"Connection": "close"})
        except ClientDisconnect:
            return Response(status_code=400)
        except ForgedError as error:
            self._say_refused(error)
            return PlainTextResponse(f"{error}\n", 401)
        self._refuses = False
        return await self._answer(Call(headers, body, key, called_within(request.headers.raw)))

    async def _answer(self, call: Call) -> Response:
        """One that has waited for too long stays in line all the same: when it comes again it waits with itself, or is known."""
        kept = asyncio.wrap_future(self._inbox.offer(call))
        done, _ = await asyncio.wait([kept], timeout=self.config.answer_seconds)
        if done and kept.result():
            return Response(status_code=202)
        return PlainTextResponse("not now, call again\n", 503, {"Retry-After": str(_RETRY_AFTER_SECONDS)})

    async def _body(self, request: Request) -> bytes:
        """Raises _TooLongError before more than that is in memory."""
        most, body = self.config.max_body_bytes, bytearray()
        if int(request.headers.get("content-length") or 0) > most:
            raise _TooLongError
        async for part in request.stream():
            body += part
            if len(body) > most:
                raise _TooLongError
        return bytes(body)

    def _say_refused(self, error: ForgedError) -> None:
        """Once until a call is admitted."""
        if not self._refuses:
            self._refuses = True
            self.context.say(f"a call to {self.config.path} was refused: {error}")
