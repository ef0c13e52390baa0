"""A person in every place that a stranger's call has: what the web answers, logs, counts and keeps of calls has nothing of them.

Where an answer names again what its caller calls something (a reference, an update's or a case's id), it is their own word to them.
"""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from prometheus_client import generate_latest

from hub.serving import PortLimits, Server
from hub.web.access.chain import export_lines
from hub.web.access.trail import trail_entries
from hub.web.app import all_operations
from hub.web.operations import Operation
from hub.web.tokens import Scope, TokenKind
from tests.raw_calls import answer_to
from tests.unit.web.front import MemoryWeb, memory_web, pothole

NAME, PHONE = "Rosalind Quimby", "+44 7700 900417"
PERSON = f"{NAME} {PHONE} 李小兰"
_NUMBERS = ("7700 900417", "7700+900417", "7700%20900417")  # bare figures stand in any time of a metric, some day
TRACES = ("Rosalind", "Quimby", *_NUMBERS, "李小兰", "\\u674e\\u5c0f\\u5170", quote("李小兰"))
_HEADERS = ("User-Agent", "Referer", "Cookie", "X-Forwarded-For", "X-Request-Id", "Accept", "Accept-Language", "From", "Origin",
            "Last-Event-ID", "Idempotency-Key", "Content-Type", "If-Match", "Range")  # fmt: skip


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MemoryWeb]:
    with memory_web(tmp_path_factory.mktemp("planted")) as web:
        web.hub.publish(pothole("H1"))
        web.settle()
        yield web


def bodies(operation: Operation, key: str) -> Iterator[tuple[dict[str, str], bytes]]:
    """In every shape that is taken, and some that are not: the person as key, as value, and as the whole."""
    update = {"update_id": "U", "case_id": "C-AAAAAAAAAAAAAAAA", "status": "accepted", "at": 1_772_424_000_000}
    for name in (PERSON, "status", "at", "outcome", "until", "department", "step", "to"):
        changed = {name: PERSON}
        yield {"Content-Type": "application/json"}, json.dumps(update | changed).encode()
    yield {"Content-Type": "application/json"}, json.dumps([PERSON, [PERSON], {PERSON: PERSON}]).encode()
    yield {"Content-Type": "application/json"}, PERSON.encode()
    yield {"Content-Type": "application/json"}, f'{{"update_id": "{PERSON}'.encode("gb18030")
    whole = {"api_key": key, "service_code": "road.pothole", "lat": "34.02", "long": "114.515"}
    fields = ("service_code", "lat", "long", "jurisdiction_id", "media_url", f"attribute[{PERSON}]", PERSON, "api_key", "status",
              "updated_datetime", "service_request_id")  # fmt: skip
    for name in fields:
        form = urlencode(whole | {name: PERSON})
        yield {"Content-Type": "application/x-www-form-urlencoded"}, form.encode()
    yield {"Content-Type": f"multipart/form-data; boundary={quote(PERSON)}"}, f'filename="{PERSON}"'.encode()
    yield {"Content-Type": "text/xml"}, f'<?xml version="1.0"?><a b="{PERSON}">{PERSON}</a>'.encode()


def calls(web: MemoryWeb, operation: Operation, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    sound = {"department": "roads", "format": "json", "service_code": "road.pothole"}
    for form, bearer in itertools.product(
        ("json", "xml"), (web.bearer("roads"), {"Authorization": f"Bearer {quote(PERSON)}"})
    ):
        path = operation.path
        for name, value in (sound | {"format": form}).items():
            path = path.replace(f"{{{name}}}", value)
        path = path.replace("{service_request_id}", quote(PERSON)).replace("{token}", quote(PERSON))
        known = {"source": "hotline", "ref": "H1", "code": "A" * 16}
        yield path, {"headers": bearer | {name: quote(PERSON) for name in _HEADERS if name != "Accept"}}
        yield path, {"headers": bearer | {"Accept": quote(PERSON)}, "params": {PERSON: PERSON}}
        for parameter in operation.parameters:
            if parameter.where == "query":
                asked = {
                    name: value
                    for name, value in known.items()
                    if any(each.name == name for each in operation.parameters)
                }
                yield path, {"headers": bearer, "params": asked | {parameter.name: PERSON}}
            elif parameter.where == "header":
                yield path, {"headers": bearer | {parameter.name: quote(PERSON)}}
        if operation.method == "POST":
            for headers, body in bodies(operation, key):
                yield path, {"headers": bearer | headers, "content": body}
    for part in ("department", "format", "service_code"):
        yield operation.path.replace(f"{{{part}}}", quote(PERSON)), {"headers": web.bearer("roads")}


def require_nothing_of_them(where: str, text: str) -> None:
    found = [each for each in TRACES if each in text]
    assert not found, f"{where} says {found}: {text[:300]}"


def test_no_call_leaves_a_trace_of_who_is_named_in_it(web: MemoryWeb, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    key = web.tokens.new(TokenKind.OPEN311, "walker", tuple(Scope))
    web.tokens._looked = -1e9
    statuses: set[int] = set()
    for operation in all_operations(web.front, web.offers, b"a secret of this test's"):
        for path, how in calls(web, operation, key):
            answer = web.client.request(operation.method, path, **how)
            statuses.add(answer.status_code)
            assert answer.status_code < 500, (operation.method, path, answer.status_code)
            require_nothing_of_them(
                f"{operation.method} {operation.path}", answer.text + repr(answer.headers.multi_items())
            )
    assert {200, 202, 400, 401, 403, 404, 422} <= statuses
    logins = [
        {"name": PERSON, "password": PERSON},
        {PERSON: PERSON},
        {"name": PERSON, "password": "x", "after": "//" + PERSON},
    ]
    for form in logins:
        answer = web.client.post("/login", data=form, headers={"Sec-Fetch-Site": "same-origin"})
        require_nothing_of_them("login", answer.text + repr(answer.headers.multi_items()))
    for path in ("/", "/openapi.json", "/readyz", f"/{quote(PERSON)}", f"/open311/{quote(PERSON)}.xml", "/login"):
        answer = web.client.get(path, params={PERSON: PERSON})
        require_nothing_of_them(path, answer.text + repr(answer.headers.multi_items()))
    ours = [
        each.getMessage() for each in caplog.records if each.name.startswith("hub") or each.levelno >= logging.WARNING
    ]
    require_nothing_of_them("the log", "\n".join(ours))
    require_nothing_of_them("metrics", generate_latest().decode())
    require_nothing_of_them("the trail", "\n".join(export_lines(trail_entries(web.access.file))))


@pytest.mark.process
def test_a_head_that_cannot_be_read_is_answered_without_it(web: MemoryWeb, caplog: pytest.LogCaptureFixture) -> None:
    said = PERSON.encode()
    heads = [
        b"GET /" + said + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\nHost: " + said + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + said + b"\r\n\r\n", said + b"\r\n\r\n",
        b"GET /" + quote(PERSON).encode() * 2_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: " + said + b"\r\n\r\n",
    ]  # fmt: skip
    with Server(web.app, "127.0.0.1", 0, PortLimits(64, 60.0), "web") as server:
        for head in heads:
            answer = answer_to(server.port, head, ends=True)
            require_nothing_of_them(head[:30].decode("latin-1"), answer.decode("latin-1"))
            assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 2")) or not answer
    require_nothing_of_them("the log", caplog.text)
