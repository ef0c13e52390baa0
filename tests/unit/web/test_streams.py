"""A department that listens: what comes is there at once, nothing is missed between connections, and a stop waits for nobody."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from hub.serving import PortLimits, Server
from hub.web.gateway import reading
from hub.web.tokens import TokenKind
from tests.raw_calls import statuses_at_once
from tests.unit.web.front import MemoryWeb, memory_web, pothole
from tests.waiting import wait_for

pytestmark = pytest.mark.process

ORDERS = "/departments/roads/orders"
_SECONDS = 120.0


@pytest.fixture
def web(tmp_path: Path) -> Iterator[MemoryWeb]:
    with memory_web(tmp_path) as web:
        yield web


@contextmanager
def served(web: MemoryWeb) -> Iterator[httpx2.Client]:
    server = Server(web.app, "127.0.0.1", 0, PortLimits(64, _SECONDS, renewed=True, busy_seconds=_SECONDS), "web")
    with server, httpx2.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=_SECONDS) as client:
        yield client
        web.news.close()


def report(web: MemoryWeb, number: int) -> None:
    web.hub.publish(pothole(f"H{number}", place={"lat": 34.02 + number / 100, "lon": 114.515}))
    web.settle()


def events_of(answer: httpx2.Response) -> Iterator[tuple[str, str]]:
    """The id and data of each event."""
    event_id = ""
    for line in answer.iter_lines():
        if line.startswith("id: "):
            event_id = line[4:]
        if line.startswith("data: "):
            yield event_id, line[6:]


def test_a_stream_goes_on_where_the_one_before_ended(web: MemoryWeb) -> None:
    headers = web.bearer("roads") | {"Accept": "text/event-stream"}
    found, last = [], ""
    report(web, 0)
    with served(web) as client:
        for number in range(1, 4):
            resumed = {"Last-Event-ID": last} if last else {}
            with client.stream("GET", ORDERS, headers=headers | resumed) as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                events = events_of(answer)
                last, order = next(events)
                found.append(json.loads(order)["order_id"])
            report(web, number)
    assert found == [each["order_id"] for each in web.hub.records("dept.roads.orders")][:3]


def test_who_listens_hears_what_comes_and_the_end(web: MemoryWeb) -> None:
    headers = web.bearer("roads") | {"Accept": "text/event-stream"}
    heard: list[str] = []
    begun, first = threading.Event(), threading.Event()

    def listen(client: httpx2.Client) -> None:
        with client.stream("GET", ORDERS, headers=headers) as answer:
            begun.set()
            for _, data in events_of(answer):
                heard.append(json.loads(data)["kind"])
                first.set()

    with served(web) as client:
        listener = threading.Thread(target=listen, args=(client,))
        listener.start()
        assert begun.wait(_SECONDS)
        report(web, 1)
        assert first.wait(_SECONDS)
        web.news.close()
        listener.join(_SECONDS)  # the stream ended whole: the client saw its end, and no broken connection
        assert not listener.is_alive()
    assert heard == ["ASSIGN"]


def test_who_asks_for_the_head_alone_holds_no_stream(web: MemoryWeb) -> None:
    report(web, 1)
    headers = web.bearer("roads") | {"Accept": "text/event-stream"}
    answer = web.client.head(ORDERS, headers=headers)
    assert (answer.status_code, answer.content) == (200, b"")
    assert not web.front.streams


def test_a_page_may_wait_for_what_comes(web: MemoryWeb) -> None:
    roads = web.bearer("roads")
    with served(web) as client:
        answers: list[httpx2.Response] = []
        ask = threading.Thread(
            target=lambda: answers.append(client.get(ORDERS, params={"wait": 30}, headers=roads)), daemon=True
        )
        ask.start()
        report(web, 1)
        ask.join(_SECONDS)
        assert [each["order"]["kind"] for each in answers[0].json()["orders"]] == ["ASSIGN"]


def test_one_token_holds_only_so_many_streams(web: MemoryWeb) -> None:
    headers = web.bearer("roads") | {"Accept": "text/event-stream"}
    token = web.tokens.all()[0]
    with served(web) as client:
        web.front.streams[token.id] = 8
        assert client.get(ORDERS, headers=headers).status_code == 429


def test_streams_that_are_asked_for_at_once_are_counted_too(web: MemoryWeb) -> None:
    headers = web.bearer("roads") | {"Accept": "text/event-stream"}
    with served(web) as client:
        statuses = statuses_at_once(client.base_url.port or 0, ORDERS, headers, 40)
    assert sorted(statuses) == [200] * 8 + [429] * 32


def test_a_stream_of_a_token_that_was_revoked_ends(web: MemoryWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.web.tokens._LOOK_SECONDS", 0.0)
    headers = web.bearer("roads", TokenKind.DEPARTMENT) | {"Accept": "text/event-stream"}
    report(web, 1)
    with served(web) as client, client.stream("GET", ORDERS, headers=headers) as answer:
        events = events_of(answer)
        next(events)
        web.tokens.revoke(web.tokens.all()[0].id)
        report(web, 2)
        assert len(list(events)) <= 1, "one may have been on its way"


def test_a_waiting_page_whose_caller_has_gone_is_given_up(web: MemoryWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    async def forever(event: asyncio.Event, seconds: float) -> bool:
        await event.wait()
        return False

    monkeypatch.setattr(reading, "_woken", forever)
    head = "\r\n".join(
        [f"GET {ORDERS}?wait=30 HTTP/1.1", "Host: x", *(f"{k}: {v}" for k, v in web.bearer("roads").items())]
    )
    with served(web) as client:
        here = client.base_url
        callers = [socket.create_connection((here.host, here.port)) for _ in range(8)]
        for each in callers:
            each.sendall(f"{head}\r\n\r\n".encode())
        wait_for(lambda: sum(web.front.streams.values()) == len(callers), "all of them wait")
        for each in callers:
            each.close()
        wait_for(lambda: not web.front.streams, "their places are free")
