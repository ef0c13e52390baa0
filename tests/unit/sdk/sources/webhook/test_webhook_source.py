"""Systems that call: real HTTP clients, forged and replayed calls, a hub that dies with calls in hand, a Kafka that is away."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError

from hub.metrics import CALLS
from hub.model.event import CaseEvent
from hub.sdk.contract import Context
from hub.sdk.errors import TransientError, UndeliveredError
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import load_manifest
from hub.sdk.running.positions import PositionFile
from hub.sdk.running.runner import Run, RunnerOptions
from hub.sdk.running.status import Board
from hub.sdk.scaffold.folder import scaffold
from hub.sdk.sources.webhook.source import WebhookSource
from hub.testing.source_suite import KilledError, MemoryPublisher
from tests.raw_calls import answer_to
from tests.unit.sdk.sources.webhook.system import (
    JSON,
    OTHER,
    PATIENCE_SECONDS,
    SECRET,
    Calls,
    System,
    config,
    post,
    read_until,
    said,
    sign,
)

pytestmark = pytest.mark.process


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_BY_TEST", SECRET)


@pytest.fixture
def calls() -> Iterator[Calls]:
    made = Calls()
    yield made
    made.close()


@pytest.fixture
def source() -> Iterator[WebhookSource]:
    made = WebhookSource(config(), Context("calls"))
    made.connect(None)
    yield made
    made.close()


def numbers(batches: list[Any]) -> list[Any]:
    return [item.values["number"] for batch in batches for item in batch.items]


# -- the answer ------------------------------------------------------------------------------------


def test_the_answer_comes_behind_the_acknowledgement(source: WebhookSource, calls: Calls) -> None:
    answer = calls.post(source.port, said(1), sign(said(1)))
    (batch,) = read_until(source, 1)
    assert not answer.done(), "nobody has it yet"
    source.ack(batch)
    assert answer.result(PATIENCE_SECONDS).status == 202


def test_each_item_bears_the_trace_that_its_call_brought(source: WebhookSource, calls: Calls) -> None:
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    for number, header in enumerate((trace, trace + "-forged", None)):
        body = said(number)
        calls.post(source.port, body, sign(body) | ({"traceparent": header} if header else {}))
        (batch,) = read_until(source, 1)
        assert [item.caller for item in batch.items] == [("a" * 32, "b" * 16) if header == trace else None]
        source.ack(batch)


def test_whoever_is_in_hand_when_it_ends_is_told_to_call_again(source: WebhookSource, calls: Calls) -> None:
    port = source.port
    taken = calls.post(port, said(1), sign(said(1)))
    read_until(source, 1)
    source.close()
    answer = taken.result(PATIENCE_SECONDS)
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    with pytest.raises(httpx2.TransportError):
        post(port, said(1), sign(said(1)))


def test_while_kafka_takes_nothing_calls_are_told_to_come_again_and_are_not_doubled(calls: Calls) -> None:
    source = WebhookSource(config(answer_seconds=0.3), Context("calls"))
    source.connect(None)
    try:
        assert post(source.port, said(1), sign(said(1), "a")).status == 503
        answer = post(source.port, said(2), sign(said(2), "b"))
        assert (answer.status, answer.headers["retry-after"]) == (503, "30")
        (batch,) = read_until(source, 1)
        assert numbers([batch]) == [1], "who was turned away at once is not in line"
        source.ack(batch)
        assert post(source.port, said(1), sign(said(1), "a")).status == 202, "what came late is known"
        assert not source.read(0.05).items
    finally:
        source.close()


def test_a_call_without_events_waits_for_nobody(source: WebhookSource, calls: Calls) -> None:
    answer = calls.post(source.port, b"[]", JSON | sign(b"[]"))
    while not answer.done():
        assert not source.read(0.1).items
    assert answer.result().status == 202


def test_a_connection_serves_many_calls(source: WebhookSource) -> None:
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            if (batch := source.read(0.1)).items:
                source.ack(batch)

    with ThreadPoolExecutor(1) as pool, httpx2.Client(timeout=PATIENCE_SECONDS) as client:
        serving = pool.submit(serve)
        try:
            for number in range(20):
                body = said(number)
                answer = client.post(f"http://127.0.0.1:{source.port}/events", content=body, headers=JSON | sign(body))
                assert answer.status_code == 202
        finally:
            over.set()
        serving.result(PATIENCE_SECONDS)


# -- who calls -------------------------------------------------------------------------------------

GENUINE = said(1)
FORGED: dict[str, Callable[[], tuple[bytes, dict[str, str]]]] = {
    "unsigned": lambda: (GENUINE, {}),
    "by another secret": lambda: (GENUINE, sign(GENUINE, secret=OTHER)),
    "another body": lambda: (said(2), sign(GENUINE)),
    "another id": lambda: (GENUINE, sign(GENUINE, "msg") | {"webhook-id": "msh"}),
    "of yesterday": lambda: (GENUINE, sign(GENUINE, at=time.time() - 86_400)),
    "of tomorrow": lambda: (GENUINE, sign(GENUINE, at=time.time() + 86_400)),
    "dated anew": lambda: (GENUINE, sign(GENUINE, at=time.time() - 400) | {"webhook-timestamp": str(int(time.time()))}),
    "no signature at all": lambda: (GENUINE, sign(GENUINE) | {"webhook-signature": "v1"}),
    "no time at all": lambda: (GENUINE, sign(GENUINE) | {"webhook-timestamp": "now"}),
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_call_is_refused_and_read_by_nobody(forged: str, source: WebhookSource) -> None:
    body, headers = FORGED[forged]()
    assert post(source.port, body, JSON | headers).status == 401
    assert not source.read(0.05).items


def test_a_replayed_call_is_answered_and_published_once(source: WebhookSource, calls: Calls) -> None:
    before = CALLS.labels("calls", "202")._value.get()
    headers = JSON | sign(GENUINE, "once")
    first, meanwhile = calls.post(source.port, GENUINE, headers), calls.post(source.port, GENUINE, headers)
    (batch,) = read_until(source, 1)
    source.ack(batch)
    assert {each.result(PATIENCE_SECONDS).status for each in (first, meanwhile)} == {202}
    assert post(source.port, GENUINE, headers).status == 202, "its answer may have been lost: it is told again"
    assert post(source.port, GENUINE, JSON | sign(GENUINE, "once", time.time() + 5)).status == 202, "a try of its own"
    assert not source.read(0.05).items, "and nothing is published for it"
    assert CALLS.labels("calls", "202")._value.get() == before + 4


def test_another_body_under_the_same_id_is_not_lost(source: WebhookSource, calls: Calls) -> None:
    for number in (1, 2):
        answer = calls.post(source.port, said(number), JSON | sign(said(number), "same"))
        (batch,) = read_until(source, 1)
        assert numbers([batch]) == [number]
        source.ack(batch)
        assert answer.result(PATIENCE_SECONDS).status == 202


@pytest.mark.parametrize(
    ("auth", "good"),
    [
        ({"kind": "bearer", "token": "env:KEY_BY_TEST"}, {"Authorization": f"Bearer {SECRET}"}),
        ({"kind": "header", "name": "X-Token", "value": "env:KEY_BY_TEST"}, {"x-token": SECRET}),
    ],
)
def test_a_shared_secret_lets_in_who_has_it(auth: dict[str, str], good: dict[str, str], calls: Calls) -> None:
    source = WebhookSource(config(auth=auth), Context("calls"))
    source.connect(None)
    try:
        name, value = next(iter(good.items()))
        for bad in ({}, {name: value[:-1]}, {name: value + "x"}, {name: ""}, {name: "\xe9"}):
            assert post(source.port, GENUINE, bad).status == 401
        answer = calls.post(source.port, GENUINE, good)
        (batch,) = read_until(source, 1)
        source.ack(batch)
        assert answer.result(PATIENCE_SECONDS).status == 202
    finally:
        source.close()


def test_a_refusal_is_said_once_and_quotes_nothing() -> None:
    told: list[str] = []
    source = WebhookSource(config(), Context("calls", say=told.append))
    source.connect(None)
    try:
        for _ in range(3):
            assert post(source.port, b'{"caller": "138"}', {"webhook-id": "138"}).status == 401
    finally:
        source.close()
    assert len(told) == 1
    assert "138" not in told[0]


# -- bounds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["said", "in parts"])
def test_a_body_that_is_too_long_is_refused_before_it_is_read(way: str) -> None:
    source = WebhookSource(config(max_body_bytes=1024), Context("calls"))
    source.connect(None)
    try:
        call = "POST /events HTTP/1.1\r\nHost: x\r\n"
        if way == "said":
            call += "Content-Length: 1000000000\r\n\r\n"
        else:
            call += "Transfer-Encoding: chunked\r\n\r\n" + ("400\r\n" + "x" * 1024 + "\r\n") * 2
        assert answer_to(source.port, call, until=b"\r\n\r\n").startswith(b"HTTP/1.1 413")
        assert not source.read(0.05).items
    finally:
        source.close()


@pytest.mark.parametrize(
    ("path", "method", "status"), [("/", "POST", 404), ("/events/", "POST", 404), ("/events", "GET", 405)]
)
def test_there_is_one_address_and_one_method(path: str, method: str, status: int, source: WebhookSource) -> None:
    assert post(source.port, GENUINE, sign(GENUINE), path, method).status == status


def test_who_hangs_up_half_way_troubles_nobody(source: WebhookSource, calls: Calls) -> None:
    with socket.create_connection(("127.0.0.1", source.port), timeout=PATIENCE_SECONDS) as line:
        line.sendall(b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    answer = calls.post(source.port, GENUINE, sign(GENUINE))
    (batch,) = read_until(source, 1)
    source.ack(batch)
    assert answer.result(PATIENCE_SECONDS).status == 202


# -- settings --------------------------------------------------------------------------------------


def test_who_can_be_called_by_others_has_to_know_who_calls() -> None:
    with pytest.raises(ValidationError, match="auth is needed"):
        config(host="0.0.0.0", auth=None)
    assert config(auth=None).host == "127.0.0.1"


def test_a_secret_that_is_none_is_refused_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_BY_TEST", "hunter2hunter2hunter2")
    with pytest.raises(ValidationError) as caught:
        config()
    assert "hunter2" not in str(caught.value)


def test_a_port_that_is_taken_is_waited_for_and_check_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        source = WebhookSource(config(port=taken.getsockname()[1]), Context("calls"))
        with pytest.raises(TransientError, match="is taken"):
            source.connect(None)
        assert "is taken" in source.check()
    assert "is taken" not in source.check()


# -- a run -----------------------------------------------------------------------------------------


def call_of(number: int) -> bytes:
    """As the scaffolded mapping reads it."""
    return json.dumps({"id": f"N-{number}", "revision": "0", "action": "new", "time": "2026/1/6 8:00:00"}).encode()


class Hub:
    """One edge of a scaffolded connector: started, killed and started again, with what Kafka would have."""

    def __init__(self, folder: Path) -> None:
        self._manifest = load_manifest(scaffold("calls", folder / "connectors", "webhook"))
        self._folder = folder
        self.source: WebhookSource | None = None
        self.events: list[CaseEvent] = []
        self.letters = 0

    def port(self) -> int | None:
        source = self.source
        return source.port or None if source else None

    def run(self, publisher: MemoryPublisher) -> None:
        """Until it dies, or `publisher.stop`. What it had sent is there, acknowledged or not."""
        intake = MappingSet(self._manifest)
        options = RunnerOptions(stop=publisher.stop)
        context = Context("calls", intake.outcome, intake.mapping, publisher.stop)
        self.source = WebhookSource(config(), context)
        position = PositionFile(self._folder / "calls.json")
        try:
            Run(self.source, intake, position, options, publisher, Board("calls", "calls", None)).run()
        finally:
            self.events += publisher.events
            self.letters += len(publisher.letters)


def test_killed_with_calls_in_hand_nothing_is_lost_and_what_comes_again_is_the_same(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    system = System(hub.port, call_of)
    try:
        system.tell(12)
        for die_at in (0, 3, 4):
            with pytest.raises(KilledError):
                hub.run(MemoryPublisher(die_at=die_at))
        last = MemoryPublisher()
        with ThreadPoolExecutor(1) as pool:
            run = pool.submit(hub.run, last)
            until = time.monotonic() + PATIENCE_SECONDS
            while system.left and time.monotonic() < until:
                last.stop.wait(0.05)
            last.stop.set()
            run.result(PATIENCE_SECONDS)
    finally:
        system.close()
    assert not system.left
    refs = [event.source_ref for event in hub.events]
    assert list(dict.fromkeys(refs)) == [f"N-{number}" for number in range(12)], "all, in the system's order"
    again = {ref: {event.model_dump_json() for event in hub.events if event.source_ref == ref} for ref in refs}
    assert all(len(each) == 1 for each in again.values()), "what comes again is the same, and known as a repeat"


class Away(MemoryPublisher):
    """Kafka does not take what it was sent."""

    def flush(self) -> None:
        if len(self.events) > self.acknowledged:
            raise UndeliveredError("Kafka at nowhere: nothing is lost")


def test_what_kafka_does_not_take_is_not_said_to_be_kept(tmp_path: Path, calls: Calls) -> None:
    hub, away = Hub(tmp_path), Away()
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(hub.run, away)
        until = time.monotonic() + PATIENCE_SECONDS
        while not hub.port():
            assert time.monotonic() < until
            away.stop.wait(0.01)
        body = call_of(1)
        answer = calls.post(hub.port() or 0, body, sign(body))
        wait([run], PATIENCE_SECONDS)
        assert isinstance(run.exception(), UndeliveredError)
    assert answer.result(PATIENCE_SECONDS).status == 503


def test_what_cannot_be_used_is_a_dead_letter_and_kept(tmp_path: Path, calls: Calls) -> None:
    hub, publisher = Hub(tmp_path), MemoryPublisher()
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(hub.run, publisher)
        until = time.monotonic() + PATIENCE_SECONDS
        while not hub.port():
            assert time.monotonic() < until
            publisher.stop.wait(0.01)
        bodies = [b"no json", b'{"caller": "withheld", "id": "N-1"}', call_of(2)]
        answers = [calls.post(hub.port() or 0, body, sign(body)) for body in bodies]
        assert [answer.result(PATIENCE_SECONDS).status for answer in answers] == [202] * 3
        publisher.stop.set()
        run.result(PATIENCE_SECONDS)
    assert [event.source_ref for event in hub.events] == ["N-2"]
    assert hub.letters == 2
    assert not any(b"withheld" in (letter.value or b"") for letter in publisher.letters)
