"""A receiver of webhooks on loopback, over TLS if it is given a certificate: answers as it is told, and keeps what came."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple


class ReceiverAnswer(NamedTuple):
    """What a receiver says to a call."""

    status: int = 204
    headers: Mapping[str, str] = {}
    body: bytes = b""


class ReceivedCall(NamedTuple):
    """What came in."""

    headers: Mapping[str, str]
    body: bytes
    answer: ReceiverAnswer

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class WebhookReceiver:
    """`answers` decides by the call, whose answer is not given yet."""

    url: str
    answers: Callable[[ReceivedCall], ReceiverAnswer] = lambda call: ReceiverAnswer()
    calls: list[ReceivedCall] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def taken(self) -> list[ReceivedCall]:
        """Those answered with 2xx."""
        with self.lock:
            return [call for call in self.calls if call.answer.status < 300]

    def _hear(self, headers: Mapping[str, str], body: bytes) -> ReceiverAnswer:
        with self.lock:
            answer = self.answers(ReceivedCall(headers, body, ReceiverAnswer()))
            self.calls.append(ReceivedCall(headers, body, answer))
        return answer


@contextmanager
def webhook_receiver(certificate: Path | None = None, host: str = "127.0.0.1") -> Iterator[WebhookReceiver]:
    """Serving for the block. `certificate`: key and chain in one PEM file."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = receiver._hear({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((host, 0), Handler) as server:
        server.daemon_threads = True
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "http" if certificate is None else "https"
        receiver = WebhookReceiver(f"{scheme}://localhost:{server.server_port}/hook")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
