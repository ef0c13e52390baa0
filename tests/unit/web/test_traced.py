"""A call that brings its own trace has it taken over where traces are on; else nobody looks at its headers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from hub.serving import app_of
from hub.settings import Settings
from hub.web import intake
from hub.web.intake import KafkaIntake, Outgoing
from hub.web.traced import TracedCalls
from tests.unit.web.test_intake import FakeProducer

TRACE = "0af7651916cd43dd8448eb211c80319c"
SENT = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


class Noting(FakeProducer):
    """Keeps the headers of what it is given."""

    def produce(self, topic: str, value: bytes, key: bytes, on_delivery: Any, headers: object) -> None:
        self.headers = [*getattr(self, "headers", []), headers]
        super().produce(topic, value, key, on_delivery, headers)


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> type[Noting]:
    fake = type("_Fake", (Noting,), {"made": []})
    monkeypatch.setattr(intake, "Producer", fake)
    monkeypatch.setattr(intake, "producer_config", lambda *_: {})
    monkeypatch.setattr(intake, "_POLL_SECONDS", 0.01)
    return fake


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    return tmp_path / "spans.jsonl"


@pytest.fixture
def client(producer: type[Noting], traces: Path) -> Iterator[TestClient]:
    del producer
    running = KafkaIntake(Settings(traces=traces, traces_share=0))
    running.start()

    async def take(_: Request) -> Response:
        await asyncio.gather(running.put([Outgoing("city.web.events", b"k", b"v")]))
        return Response(status_code=202)

    app = app_of([Route("/", take, methods=["POST"])])
    app.add_middleware(TracedCalls)
    with TestClient(app) as found:
        yield found
    running.stop()


def test_what_a_call_publishes_is_within_its_trace_and_the_next_is_not(
    client: TestClient, producer: type[Noting], traces: Path
) -> None:
    for headers in (SENT, {}, {"traceparent": SENT["traceparent"] + "0" * 5000}):
        assert client.post("/", headers=headers).status_code == 202
    (made,) = producer.made
    first, *others = made.headers
    assert first[0][1].decode().startswith(f"00-{TRACE}-")
    assert others == [None, None]
    (span,) = [
        span
        for line in traces.read_text().splitlines()
        for span in json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    ]
    assert (span["traceId"], span["parentSpanId"]) == (TRACE, "b7ad6b7169203331")
