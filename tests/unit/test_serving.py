"""A port of the hub answers on named paths only, and nobody can fill it or hold it."""

from __future__ import annotations

import asyncio
import http.client
import resource
import socket
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from hub import serving
from hub.errors import FatalError
from hub.serving import Page, PageServer, PortLimits, Server, json_page
from tests.raw_calls import answer_to
from tests.waiting import PATIENCE_SECONDS, wait_for

pytestmark = pytest.mark.process


@pytest.fixture
def server() -> Iterator[PageServer]:
    pages = {"/healthz": lambda: json_page({"status": "ok"}), "/metrics": lambda: Page(b"up 1\n", "text/plain", 200)}
    with PageServer(pages, "127.0.0.1", 0) as server:
        yield server


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server of this test gives nobody more than 2 s."""
    monkeypatch.setattr(serving, "CONNECTION_SECONDS", 2.0)


def ask(server: PageServer, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_SECONDS)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def served(server: PageServer, path: str) -> bool:
    try:
        return ask(server, path)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def test_named_pages_are_served(server: PageServer) -> None:
    assert ask(server, "/healthz") == (200, b'{"status":"ok"}')
    assert ask(server, "/metrics?name=x") == (200, b"up 1\n")
    assert ask(server, "/metrics", "HEAD") == (200, b"")


@pytest.mark.parametrize(
    "path", ["/", "/metrics/", "/graph", "/router/", "/production_index", "/../etc", "/%00", "//metrics"]
)
def test_every_other_path_is_404(server: PageServer, path: str) -> None:
    assert ask(server, path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_is_taken(server: PageServer, method: str) -> None:
    assert ask(server, "/metrics", method)[0] == 405


def test_endless_headers_are_refused(server: PageServer) -> None:
    try:
        status = ask(server, "/metrics", **{"X-Long": "x" * 1_000_000})[0]
    except ConnectionError:
        status = 400  # it did not wait for the rest
    assert status == 400
    assert ask(server, "/metrics")[0] == 200


@pytest.mark.usefixtures("hasty", "server")
def test_who_sends_slowly_is_hung_up_on(server: PageServer) -> None:
    assert answer_to(server.port, "GET /metrics HTTP/1.1\r\nHost: x\r\n") == b"", "the server ends it; nobody else can"


@pytest.mark.usefixtures("hasty", "server")
def test_too_many_connections_do_not_keep_the_page_from_others(server: PageServer) -> None:
    many = [
        socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_SECONDS)
        for _ in range(3 * serving.MAX_CONNECTIONS)
    ]
    try:
        for one in many:
            try:
                assert one.recv(1) == b""
            except ConnectionResetError:
                continue
        wait_for(lambda: served(server, "/healthz"), "nobody else is served")
    finally:
        for one in many:
            one.close()


_HEAD = b" /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("method", [b"GET", b"POST"])
@pytest.mark.parametrize(
    "body", [b"zz\r\n", b"-5\r\nhello\r\n", b"F" * 40 + b"\r\n", b"5;" + b"x" * 100_000, b"1\r\nab\r\n", b"0\r\n\0\r\n\r\n"]
)  # fmt: skip
@pytest.mark.parametrize("at_once", [True, False])
def test_what_is_no_http_behind_a_head_fills_no_log(
    server: PageServer, caplog: pytest.LogCaptureFixture, method: bytes, body: bytes, at_once: bool
) -> None:
    """Nobody needs a token for that: forty lines a call, as many calls as somebody likes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_SECONDS) as caller:
        caller.sendall(method + _HEAD + (body if at_once else b""))
        answer = caller.recv(65_536)
        try:
            if not at_once:
                caller.sendall(body)
            while more := caller.recv(65_536):
                answer += more
        except ConnectionError:
            pass  # it did not wait for the rest
    assert answer.startswith(b"HTTP/1.1 ")
    assert served(server, "/healthz")
    assert not caplog.records


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(FatalError, match=rf"127\.0\.0\.1:{port}.+choose another port"):
            PageServer({}, "127.0.0.1", port).start()


@pytest.mark.parametrize("rest", ["", "Connection: close\r\n", "Connection: keep-alive\r\n"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_who_ends_his_side_behind_a_whole_call_is_answered(server: PageServer, version: str, rest: str) -> None:
    """As `printf ... | nc -N` does; then the connection is ended, not kept for a call that cannot come."""
    answer = answer_to(server.port, f"GET /metrics HTTP/{version}\r\nHost: x\r\n{rest}\r\n", ends=True)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"up 1\n")


def test_all_calls_that_came_whole_are_answered(server: PageServer) -> None:
    call = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    assert answer_to(server.port, call + call, ends=True).count(b"up 1\n") == 2


def test_who_ends_his_side_within_a_call_is_hung_up_on(server: PageServer) -> None:
    assert answer_to(server.port, "GET /metrics HTTP/1.1\r\nHost:", ends=True) == b""
    assert answer_to(server.port, "GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx", ends=True) == b""
    assert served(server, "/metrics")


class Waiting:
    """An app that answers nobody, and notes who is gone."""

    def __init__(self) -> None:
        self.gone = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.gone.set()


def test_who_is_gone_while_he_waits_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """He looks like one who has ended his side alone, so he is waited for a little."""
    monkeypatch.setattr(serving, "_HALF_OPEN_SECONDS", 0.2)
    with Server(app := Waiting(), "127.0.0.1", 0, PortLimits(8, 600.0), "waits") as server:
        assert answer_to(server.port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", ends=True) == b""
        assert app.gone.wait(PATIENCE_SECONDS)


@pytest.mark.parametrize("kept", ["close", "keep-alive"])
def test_how_long_a_call_that_has_come_whole_may_last_counts_for_the_last_one_too(kept: str) -> None:
    """A proxy that keeps no connections says of each call that it is the last."""
    with Server(app := Waiting(), "127.0.0.1", 0, PortLimits(8, 600.0, busy_seconds=0.2), "waits") as server:
        assert answer_to(server.port, f"GET / HTTP/1.1\r\nHost: x\r\nConnection: {kept}\r\n\r\n") == b""
        assert app.gone.wait(PATIENCE_SECONDS)


class Endless:
    """An app that tells everybody more than a connection holds."""

    def __init__(self) -> None:
        self.sent = 0
        self.is_over = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await StreamingResponse(self._parts())(scope, receive, send)
        self.is_over.set()

    async def _parts(self) -> AsyncIterator[bytes]:
        while True:
            self.sent += 1
            yield b"x" * 1_000_000
            await asyncio.sleep(0)  # else nobody would hear that the caller is gone


def test_who_does_not_read_is_hung_up_on_when_the_server_stops(caplog: pytest.LogCaptureFixture) -> None:
    """Each of them was a traceback in the log."""
    with Server(app := Endless(), "127.0.0.1", 0, PortLimits(8, 600.0, busy_seconds=600.0), "tells") as server:
        deaf = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_SECONDS)
        deaf.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: app.sent, "it is told something")
    deaf.close()
    assert app.is_over.is_set(), "the app ended by itself"
    assert not caplog.records


def test_connections_leave_the_process_files_to_open() -> None:
    """Strangers who say nothing took all 1,024 that a shell or systemd gives."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, before[1]), before[1]))
    try:
        with Server(Waiting(), "127.0.0.1", 0, PortLimits(1024, 600.0), "waits"):
            assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= min(3 * 1024, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
