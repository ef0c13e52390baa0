"""A system that tells by itself: calls a source over HTTP until it is answered that its word is kept, as real ones do."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import httpx2

from hub.sdk.access.signature import headers as signed
from hub.sdk.access.signature import signing_secrets
from hub.sdk.contract import Batch, Context
from hub.sdk.sources.webhook.config import WebhookConfig
from hub.sdk.sources.webhook.source import WebhookSource

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
JSON = {"Content-Type": "application/json"}
PATIENCE_SECONDS = 120
_ids = itertools.count(1)


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]


def config(**more: Any) -> WebhookConfig:
    """Signed, on a free port, with time for a busy machine, if nothing else is said. The variable KEY_BY_TEST holds SECRET."""
    auth = {"kind": "standard", "secret": "env:KEY_BY_TEST"}
    settings = {"port": 0, "path": "/events", "auth": auth, "answer_seconds": 60} | more
    return WebhookConfig.model_validate(settings)


def sign(body: bytes, name: str | None = None, at: float | None = None, secret: str = SECRET) -> dict[str, str]:
    return signed(signing_secrets(secret), name or f"msg_{next(_ids)}", int(time.time() if at is None else at), body)


def post(port: int, body: bytes, headers: Mapping[str, str], path: str = "/events", method: str = "POST") -> Answer:
    sent = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    url = f"http://127.0.0.1:{port}{path}"
    # no certificates are looked at, and none read from the disk for each call
    answer = httpx2.request(method, url, content=body, headers=sent, timeout=PATIENCE_SECONDS, verify=False)
    return Answer(answer.status_code, answer.headers)


def said(number: int) -> bytes:
    return json.dumps({"number": number}).encode()


class Calls:
    """Calls side by side, each of which may wait for its answer."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(16)

    def post(self, port: int, body: bytes, headers: Mapping[str, str]) -> Future[Answer]:
        return self._pool.submit(post, port, body, headers)

    def close(self) -> None:
        self._pool.shutdown()


def read_until(source: WebhookSource, items: int) -> list[Batch]:
    """Batches with so many items in all. AssertionError if they do not come."""
    found: list[Batch] = []
    until = time.monotonic() + PATIENCE_SECONDS
    while sum(len(batch.items) for batch in found) < items:
        assert time.monotonic() < until, "it does not come"
        if (batch := source.read(0.2)).items:
            found.append(batch)
    return found


class System:
    """Tells one thing after the other, each until it is answered 202; `port` may change at any time."""

    def __init__(self, port: Callable[[], int | None], body: Callable[[int], bytes] = said) -> None:
        self._port, self._body = port, body
        self._wanted = 0
        self.confirmed = 0
        self._over = threading.Event()
        self._more = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._tell, daemon=True)
        self._thread.start()

    @property
    def left(self) -> int:
        return self._wanted - self.confirmed

    def tell(self, count: int) -> None:
        self._wanted += count
        for _ in range(count):
            self._more.release()

    def close(self) -> None:
        self._over.set()
        self._more.release()
        self._thread.join(PATIENCE_SECONDS)

    def _tell(self) -> None:
        for number in itertools.count():
            self._more.acquire()
            body, name = self._body(number), f"told_{number}"
            while not self._over.is_set() and not self._told(body, name):
                self._over.wait(0.02)
            if self._over.is_set():
                return
            self.confirmed += 1

    def _told(self, body: bytes, name: str) -> bool:
        port = self._port()
        try:
            return port is not None and post(port, body, JSON | sign(body, name)).status == 202
        except httpx2.TransportError:
            return False  # nobody is there now


class Patient(WebhookSource):
    """Reads to the end of what a system has to say, as benches want it."""

    def __init__(self, config: WebhookConfig, context: Context, system: System) -> None:
        super().__init__(config, context)
        self._of = system

    def read(self, timeout_seconds: float) -> Batch:
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            batch = super().read(timeout_seconds)
            if batch.items or not self._of.left or self._taken:
                return batch
            assert time.monotonic() < until, "the system does not call"
