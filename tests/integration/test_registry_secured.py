"""A registry over TLS that asks who comes."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from hub.broker.guarded.certificates import Authority
from hub.errors import FatalError, RetriableError
from hub.settings import Settings
from hub.stream.avro.registry import ConfluentRegistry, FileRegistry, client_settings, make_registry

pytestmark = pytest.mark.process

SUBJECT = "cityhub.CaseEvent"
QUICK = {"max.retries": 0}


class Handler(BaseHTTPRequestHandler):
    """Knows one user, and gives every schema the id 7."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        known = self.headers.get("Authorization") == f"Basic {base64.b64encode(b'hub:the password').decode()}"
        body = json.dumps({"id": 7} if known else {"error_code": 401, "message": "who are you?"}).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.kept_in(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def url(authority: Authority) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.issued("registry"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def told(url: str, authority: Authority, **more: Any) -> Settings:
    given: dict[str, Any] = {
        "registry_url": url, "registry_ca": authority.certificate, "registry_user": "hub", "registry_password": "the password",
        "bootstrap_servers": "127.0.0.1:1",
    }  # fmt: skip
    return Settings(**given | more)


def test_who_is_known_is_answered(url: str, authority: Authority) -> None:
    settings = told(url, authority)
    assert make_registry(settings).latest(SUBJECT).id == 7


def test_a_wrong_password_is_a_sentence(url: str, authority: Authority) -> None:
    settings = told(url, authority, registry_password="not the password")
    with pytest.raises(FatalError, match="check CITYHUB_REGISTRY_USER and CITYHUB_REGISTRY_PASSWORD") as caught:
        make_registry(settings).latest(SUBJECT)
    assert "not the password" not in str(caught.value)


def test_a_certificate_of_nobody_is_not_believed(url: str, authority: Authority) -> None:
    settings = told(url, authority, registry_ca=None)
    registry = ConfluentRegistry(url, FileRegistry(), client_settings=client_settings(settings) | QUICK)
    with pytest.raises(RetriableError, match="check CITYHUB_REGISTRY_CA"):
        registry.latest(SUBJECT)
