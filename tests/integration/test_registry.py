"""`ConfluentRegistry` against a registry's HTTP, answered in this process: what it registers, reads, and makes of each trouble."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from hub.errors import FatalError, Reason, RejectedRecordError, RetriableError
from hub.settings import Settings
from hub.stream.avro.registry import ConfluentRegistry, FileRegistry, make_registry

pytestmark = pytest.mark.process

SUBJECT = "cityhub.Order"
QUICK = {"max.retries": 0}
"""The client's own retries wait for seconds; whether it makes them is its own tests' matter."""


class FakeRegistry:
    """As much of the service as the hub uses. `trouble`, if set, is the status of every answer."""

    def __init__(self) -> None:
        self.schemas: dict[int, str] = {}
        self.requests: list[str] = []
        self.trouble: int | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, method: str, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        path = path.partition("?")[0]
        self.requests.append(f"{method} {path}")
        if self.trouble:
            return self.trouble, {"error_code": self.trouble * 100, "message": "as the test wishes"}
        if method == "POST" and path == f"/subjects/{SUBJECT}/versions":
            known = {text: number for number, text in self.schemas.items()}
            number = known.get(body["schema"], 4000 + len(self.schemas))
            self.schemas[number] = body["schema"]
            return 200, {"id": number}
        number = int(path.rpartition("/")[2]) if path.startswith("/schemas/ids/") else -1
        if number in self.schemas:
            return 200, {"schema": self.schemas[number]}
        return 404, {"error_code": 40403, "message": f"Schema {number} not found"}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self.answer

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._reply("GET", None)

            def do_POST(self) -> None:
                self._reply("POST", json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def _reply(self, method: str, body: Any) -> None:
                status, said = answer(method, self.path, body)
                content = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                del format, args

        return Handler


@pytest.fixture
def service() -> Iterator[FakeRegistry]:
    fake = FakeRegistry()
    try:
        yield fake
    finally:
        fake.close()


@pytest.fixture
def registry(service: FakeRegistry) -> ConfluentRegistry:
    return ConfluentRegistry(service.url, FileRegistry(), client_settings=QUICK)


def test_settings_choose_it(service: FakeRegistry) -> None:
    assert isinstance(make_registry(Settings(registry_url=service.url)), ConfluentRegistry)
    assert isinstance(make_registry(Settings()), FileRegistry)


def test_registers_once_and_takes_the_service_s_id(service: FakeRegistry, registry: ConfluentRegistry) -> None:
    own = FileRegistry().latest(SUBJECT)
    registered = registry.latest(SUBJECT)
    assert registered.id == 4000 != own.id
    assert (registered.text, registered.version) == (own.text, own.version)
    assert json.loads(service.schemas[4000]) == own.declared
    assert registry.latest(SUBJECT) is registered
    assert service.requests == [f"POST /subjects/{SUBJECT}/versions"]


def test_reads_by_id_once(service: FakeRegistry, registry: ConfluentRegistry) -> None:
    service.schemas[17] = json.dumps(FileRegistry().latest(SUBJECT).declared)
    found = registry.by_id(17)
    assert (found.id, found.subject, found.text) == (17, SUBJECT, FileRegistry().latest(SUBJECT).text)
    assert registry.by_id(17) is found
    assert service.requests == ["GET /schemas/ids/17"]


def test_an_unknown_id_is_the_record_s_fault(registry: ConfluentRegistry) -> None:
    with pytest.raises(RejectedRecordError, match="99") as caught:
        registry.by_id(99)
    assert caught.value.reason is Reason.UNKNOWN_SCHEMA


@pytest.mark.parametrize("text", ['"string"', "[1]", '{"type": "int"}', "syntax = 'proto3';"])
def test_what_is_no_avro_record_is_the_record_s_fault(
    service: FakeRegistry, registry: ConfluentRegistry, text: str
) -> None:
    service.schemas[5] = text
    with pytest.raises(RejectedRecordError, match="no Avro record") as caught:
        registry.by_id(5)
    assert caught.value.reason is Reason.WRONG_SCHEMA


ENDLESS = {
    "a record within itself": [{"name": "next", "type": ["null", "CaseEvent"]}],
    "a record within itself, by its full name": [
        {"name": "next", "type": {"type": "array", "items": "cityhub.CaseEvent"}}
    ],
    "items without bytes": [{"name": "many", "type": {"type": "array", "items": "null"}}],
    "items that are records without bytes": [
        {"name": "many", "type": {"type": "array", "items": {"type": "record", "name": "None_", "fields": []}}}
    ],
    "items of no size": [
        {"name": "many", "type": {"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}}}
    ],
    "a type that nobody knows": [{"name": "what", "type": "elsewhere.Thing"}],
    "no type": [{"name": "what"}],
}


@pytest.mark.parametrize("what", ENDLESS)
def test_a_schema_by_which_a_few_bytes_are_endless_is_not_read_by(
    service: FakeRegistry, registry: ConfluentRegistry, what: str
) -> None:
    service.schemas[5] = json.dumps(
        {"type": "record", "name": "CaseEvent", "namespace": "cityhub", "fields": ENDLESS[what]}
    )
    with pytest.raises(RejectedRecordError) as caught:
        registry.by_id(5)
    assert caught.value.reason is Reason.WRONG_SCHEMA


def test_a_schema_nested_ever_deeper_is_not_read_by(service: FakeRegistry, registry: ConfluentRegistry) -> None:
    deep = '{"type":"array","items":' * 100_000 + '"int"' + "}" * 100_000
    fields = f'"fields":[{{"name":"a","type":{deep}}}]'
    service.schemas[5] = f'{{"type":"record","name":"CaseEvent","namespace":"cityhub",{fields}}}'
    with pytest.raises(RejectedRecordError) as caught:
        registry.by_id(5)
    assert caught.value.reason is Reason.WRONG_SCHEMA


def test_all_of_the_hub_s_own_schemas_may_be_read_by(service: FakeRegistry, registry: ConfluentRegistry) -> None:
    for schema in FileRegistry().all():
        service.schemas[schema.id] = json.dumps(schema.declared)
        assert registry.by_id(schema.id).text == schema.text


@pytest.mark.parametrize("status", [400, 422])
def test_an_id_that_a_service_calls_malformed_is_the_record_s_fault(
    service: FakeRegistry, registry: ConfluentRegistry, status: int
) -> None:
    service.trouble = status
    with pytest.raises(RejectedRecordError) as caught:
        registry.by_id(7)
    assert caught.value.reason is Reason.UNKNOWN_SCHEMA


def test_an_id_that_is_none_or_that_nobody_knows_is_not_asked_for_again_and_again(
    service: FakeRegistry, registry: ConfluentRegistry
) -> None:
    for schema_id in (99, 99, 99, 2**31, 2**32 - 1):
        with pytest.raises(RejectedRecordError):
            registry.by_id(schema_id)
    assert service.requests == ["GET /schemas/ids/99"]


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_service_in_trouble_is_asked_again(service: FakeRegistry, registry: ConfluentRegistry, status: int) -> None:
    service.trouble = status
    with pytest.raises(RetriableError, match=str(status)):
        registry.by_id(1)
    with pytest.raises(RetriableError, match=str(status)):
        registry.latest(SUBJECT)
    service.trouble = None
    assert registry.latest(SUBJECT).id == 4000, "the trouble was not remembered"


@pytest.mark.parametrize("status", [401, 409, 422])
def test_a_refusal_is_fatal(service: FakeRegistry, registry: ConfluentRegistry, status: int) -> None:
    service.trouble = status
    with pytest.raises(FatalError, match=f"refuses {SUBJECT}"):
        registry.latest(SUBJECT)


def test_an_address_that_is_no_registry_s_is_fatal(service: FakeRegistry, registry: ConfluentRegistry) -> None:
    service.trouble = 404
    with pytest.raises(FatalError, match="CITYHUB_REGISTRY_URL"):
        registry.latest(SUBJECT)


def test_an_unreachable_service_is_asked_again() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # nobody else gets it meanwhile
        port = silent.getsockname()[1]
        registry = ConfluentRegistry(f"http://127.0.0.1:{port}", FileRegistry(), client_settings=QUICK)
        with pytest.raises(RetriableError, match=str(port)):
            registry.by_id(1)
        with pytest.raises(RetriableError, match=str(port)):
            registry.latest(SUBJECT)


def test_an_unknown_subject_never_reaches_the_service(service: FakeRegistry, registry: ConfluentRegistry) -> None:
    with pytest.raises(FatalError, match="no schema for subject"):
        registry.latest("cityhub.Nothing")
    assert service.requests == []
