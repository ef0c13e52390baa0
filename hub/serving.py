"""Serves on one port, from a thread of its own: whoever is slow or many there delays nothing else.

Connections, headers and the time that a connection may last are bounded.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import h11
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from hub.errors import FatalError

MAX_CONNECTIONS = 64
MAX_HEADER_BYTES = 16_384
CONNECTION_SECONDS = 15.0
"""A connection may last so long, whatever it does: longer than any page takes, shorter than anybody needs to fill the port."""
_IDLE_SECONDS = 10
"""A connection is kept so long between calls. Clients mostly keep theirs for 5 s: where both end at once, a call is lost."""
_STOP_SECONDS = 1
"""Calls that are being answered may last so long once the port is given back; then whoever does not read is hung up on."""
_GIVEN_UP_SECONDS = 2
"""So long after that an app may take to see that its caller is gone. XXX: uvicorn then cancels it, with a traceback a call."""
_FILES_OF_OTHERS = 1024
"""So many files a process may have open beside its connections: what shells and systemd let it have in all."""
_FILES_EACH = 2
"""Files a connection takes: its own, and what it is sent."""
_HALF_OPEN_SECONDS = 5.0
"""An answer still reaches so long who has ended his own side: one that has gone for good looks the same."""
_WHOLE = (h11.DONE, h11.MUST_CLOSE)
"""A call has come, and nothing of it is missing: another may follow, or none will (`Connection: close`)."""


class Page(NamedTuple):
    """What a page answers."""

    body: bytes
    content_type: str
    status: int = 200


def json_page(content: Any, status: int = 200) -> Page:
    """A page that is a JSON document."""
    return Page(bytes(JSONResponse(content).body), "application/json", status)


def metrics_page() -> Page:
    """What Prometheus scrapes: all metrics of this process."""
    return Page(generate_latest(), CONTENT_TYPE_LATEST)


class PortLimits(NamedTuple):
    """What all clients of one port may take together. `renewed`: the seconds are counted anew behind each answer.
    `busy_seconds`: how long a call may last that has come whole, as streams do; None: it counts with the rest."""

    connections: int
    seconds: float
    renewed: bool = False
    busy_seconds: float | None = None


class _BoundedProtocol(H11Protocol):
    """One connection. uvicorn bounds the size of its headers and how long it idles, but not how slowly they come."""

    limits: ClassVar[PortLimits]
    _until: asyncio.TimerHandle
    _is_coming = True
    _is_half_open = False
    _is_ending = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            transport.abort()
        else:
            self._begin(self.limits.seconds)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.limits.busy_seconds is not None and self.conn.their_state in _WHOLE and self._is_coming:
            self._is_coming = False
            self._begin(self.limits.busy_seconds)

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn's says None: it hangs up at once
        """Whoever has sent all of his call may end his side of the connection, and waits for the answer (RFC 9112, 9.6)."""
        cycle: Any = self.cycle
        self._is_half_open = cycle is not None and not cycle.response_complete and self.conn.their_state in _WHOLE
        if self._is_half_open:
            self._begin(_HALF_OPEN_SECONDS)
        return self._is_half_open

    def send_400_response(self, msg: str) -> None:
        """XXX: of bytes that are no HTTP behind a head that is, uvicorn tells its app nothing, and both answer: what h11 then
        raises would stand in the log, at any length, by the will of anybody who finds the port."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:  # it is answered, or being answered
            self.transport.close()
        cycle: Any = self.cycle  # None before the first call
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()

    def on_response_complete(self) -> None:
        if self.limits.renewed and hasattr(self, "_until") and not self._is_half_open:
            self._begin(self.limits.seconds)
            self._is_coming = True
        super().on_response_complete()
        if self._is_half_open and self.cycle.response_complete:
            self.transport.close()  # no other call that came with this one is being answered

    def shutdown(self) -> None:
        """Called once, when the server stops. Who is sent something has a moment left to read it, whatever he does."""
        super().shutdown()
        self._begin(_STOP_SECONDS)
        self._is_ending = True

    def connection_lost(self, exc: Exception | None) -> None:
        if hasattr(self, "_until"):
            self._until.cancel()
        super().connection_lost(exc)

    def _begin(self, seconds: float) -> None:
        """From now on the connection lasts so long at most, unless the server is stopping."""
        if self._is_ending:
            return
        if hasattr(self, "_until"):
            self._until.cancel()
        self._until = self.loop.call_later(seconds, self.transport.abort)


class Server:
    """Serves an app from `start` to `stop`, once. Raises OSError on `start` if the port cannot be had."""

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        limits: PortLimits,
        name: str,
        proxy: str | None = None,
        prefix: str = "",
    ) -> None:
        """`proxy`: the address of who calls for others; only what it says of them is believed (X-Forwarded-For, -Proto).
        `prefix`: the path under which it shows this, which it cuts off before it calls."""
        self._host, self._port, self._name, self._backlog = host, port, name, limits.connections
        protocol = type("_Protocol", (_BoundedProtocol,), {"limits": limits})
        config = uvicorn.Config(
            _within_bounds(app), http=protocol, ws="none", lifespan="off", log_config=None, access_log=False,
            log_level=logging.ERROR,  # strangers' mistakes would be a line each
            server_header=False, proxy_headers=proxy is not None, forwarded_allow_ips=proxy or "", root_path=prefix,
            timeout_keep_alive=_IDLE_SECONDS, timeout_graceful_shutdown=_STOP_SECONDS + _GIVEN_UP_SECONDS,
            backlog=limits.connections,
            h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        )  # fmt: skip
        self._server = uvicorn.Server(config)

    @property
    def port(self) -> int:
        """The port it has, once it serves."""
        return self._port

    def start(self) -> None:
        """Take the port and serve from now on."""
        _make_room(self._backlog)
        listener = listen(self._host, self._port, self._backlog)
        self._port = listener.getsockname()[1]
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Give the port back."""
        self._server.should_exit = True
        self._thread.join(_STOP_SECONDS + 4)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class PageServer(Server):
    """Serves a few named pages: GET and HEAD only; every other path is 404. Raises FatalError if the port cannot be had."""

    def __init__(self, pages: Mapping[str, Callable[[], Page]], host: str, port: int) -> None:
        routes = [Route(path, _endpoint(page), methods=["GET"]) for path, page in pages.items()]
        super().__init__(app_of(routes), host, port, PortLimits(MAX_CONNECTIONS, CONNECTION_SECONDS), "pages")

    def start(self) -> None:
        try:
            super().start()
        except OSError as error:
            raise FatalError(
                f"the pages cannot be served at {self._host}:{self._port} ({error.strerror}); choose another port, or 0 for any"
            ) from error


def _make_room(connections: int) -> None:
    """Let this process open as many files as that takes, as far as it may: else strangers who say nothing take them all, and
    neither Kafka nor a database nor a page can be opened until they are hung up on."""
    wanted = _FILES_OF_OTHERS + _FILES_EACH * connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        may = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (may, hard))


def _within_bounds(app: ASGIApp) -> ASGIApp:
    """An app that hears only calls whose head has a bounded size, and of which everybody on the way sees the same end."""

    async def checked(scope: Scope, receive: Receive, send: Send) -> None:
        status, said = _unfit(scope) if scope["type"] == "http" else (0, "")
        if status:
            await PlainTextResponse(said, status, {"Connection": "close"})(scope, receive, send)
        else:
            await app(scope, receive, send)

    return checked


def _unfit(scope: Scope) -> tuple[int, str]:
    """The status that refuses such a call, and why; 0 for one that is sound. XXX: h11 bounds only a head that comes in pieces."""
    headers = scope["headers"]
    if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_HEADER_BYTES:
        return 414, "the address is too long"
    if sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES:
        return 431, f"the headers have more than {MAX_HEADER_BYTES:,} bytes"
    if {b"content-length", b"transfer-encoding"} <= {name for name, _ in headers}:
        return 400, "a call has Content-Length or Transfer-Encoding: one that has both may hide another behind it"
    return 0, ""


def app_of(routes: Sequence[Route]) -> Starlette:
    """An app of these paths, as they are written."""
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False
    return app


def listen(host: str, port: int, backlog: int = MAX_CONNECTIONS) -> socket.socket:
    """Take a port. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=backlog)


def _endpoint(page: Callable[[], Page]) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        del request
        body, content_type, status = page()
        return Response(body, status, {"X-Content-Type-Options": "nosniff"}, content_type)

    return answer
