"""Nobody fills or holds the web: what comes slowly, endlessly or too large is ended with the status that says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from hub.serving import PortLimits, Server
from hub.web import bodies
from tests.raw_calls import answer_to
from tests.unit.web.front import MemoryWeb, memory_web, pothole

pytestmark = pytest.mark.process

UPDATES = "/departments/roads/updates"
_SECONDS = 100.0
_HEAD = "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[MemoryWeb]:
    with memory_web(tmp_path) as web:
        yield web


@pytest.fixture
def port(web: MemoryWeb) -> Iterator[int]:
    with Server(
        web.app, "127.0.0.1", 0, PortLimits(16, _SECONDS, renewed=True, busy_seconds=_SECONDS), "web"
    ) as server:
        yield server.port
        web.news.close()


@contextmanager
def hasty(web: MemoryWeb, seconds: float) -> Iterator[int]:
    """A port at which a call is to come whole within so long."""
    limits = PortLimits(16, seconds, renewed=True, busy_seconds=_SECONDS)
    with Server(web.app, "127.0.0.1", 0, limits, "web") as server:
        yield server.port
        web.news.close()


def said(port: int, *parts: str) -> str:
    """The head of what is answered, or nothing if the server only ends the connection."""
    return answer_to(port, *parts, until=b"\r\n\r\n").decode()


def head(web: MemoryWeb, *headers: str) -> str:
    token = web.bearer("roads")["Authorization"]
    return _HEAD.format(path=UPDATES, token=token) + "".join(f"{each}\r\n" for each in headers) + "\r\n"


def test_a_body_that_comes_too_slowly_is_told_so(web: MemoryWeb, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.5)
    assert said(port, head(web, "Content-Length: 100"), "{").startswith("HTTP/1.1 408")


def test_a_call_without_a_token_waits_for_no_body(web: MemoryWeb, port: int) -> None:
    del web
    assert said(port, _HEAD.format(path=UPDATES, token="Bearer x") + "Content-Length: 100\r\n\r\n").startswith(
        "HTTP/1.1 401"
    )


def test_headers_that_come_too_slowly_are_hung_up_on(web: MemoryWeb) -> None:
    with hasty(web, 0.3) as port:
        assert said(port, "GET /healthz HTTP/1.1\r\nHost: x\r\n") == ""


def test_endless_headers_are_refused(web: MemoryWeb, port: int) -> None:
    del web
    assert said(port, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + "x" * 20_000).startswith("HTTP/1.1 400")


@pytest.mark.parametrize(
    ("call", "status"),
    [
        ("GET /healthz?" + "x" * 17_000, 414), ("GET /" + "x" * 17_000, 414),
        ("GET /healthz", 431), ("POST /departments/roads/updates", 431),
    ],
)  # fmt: skip
def test_a_head_that_comes_at_once_is_bounded_too(port: int, call: str, status: int) -> None:
    many = "".join(f"X-{number}: {'x' * 20}\r\n" for number in range(700)) if status == 431 else ""
    answer = said(port, f"{call} HTTP/1.1\r\nHost: x\r\n{many}\r\n")
    assert answer.split(" ")[1] in (str(status), "400"), "400 where it came in pieces"


@pytest.mark.parametrize("length", ["9999999999", "1" * 4000])
def test_a_body_that_says_it_is_too_long_is_not_read(web: MemoryWeb, port: int, length: str) -> None:
    assert said(port, head(web, f"Content-Length: {length}")).split(" ")[1] in ("413", "400")


def test_a_call_that_says_its_length_in_two_ways_hides_no_other(web: MemoryWeb, port: int) -> None:
    both = head(web, "Content-Length: 5", "Transfer-Encoding: chunked") + "0\r\n\r\n"
    hidden = "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = answer_to(port, both + hidden)
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1


def test_mistakes_of_strangers_fill_no_log(port: int, caplog: pytest.LogCaptureFixture) -> None:
    assert said(port, "nonsense\r\n\r\n").startswith("HTTP/1.1 400")
    assert not caplog.records


def test_a_body_in_parts_is_counted_as_it_comes(web: MemoryWeb, port: int) -> None:
    parts = [*(f"{2**16:x}\r\n{' ' * 2**16}\r\n" for _ in range(32)), "1\r\n \r\n"]
    assert said(port, head(web, "Transfer-Encoding: chunked"), *parts).startswith("HTTP/1.1 413")


def test_a_stream_outlasts_what_a_call_may_take_to_come(web: MemoryWeb) -> None:
    """The connection's 5 s are for the call to come whole; the stream goes on behind them."""
    headers = web.bearer("roads") | {"Accept": "text/event-stream"}
    with (
        hasty(web, 5.0) as port,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=_SECONDS) as client,
        client.stream("GET", "/departments/roads/orders", headers=headers) as answer,
    ):
        lines = answer.iter_lines()
        assert next(lines) == "retry: 2000"
        assert said(port, "GET /healthz HTTP/1.1\r\nHost: x\r\n") == ""  # the 5 s have passed
        web.hub.publish(pothole("H1"))
        web.settle()
        assert any(line.startswith("data: ") for line in lines)
