"""The document says what is served, and what is served keeps to it, whatever it is asked: no 500, and nothing that is not for
the caller. (schemathesis was tried: it takes half a minute to make up what it asks.)"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.contracts.meanings import PARAMETER_MEANINGS
from hub.model.event import CaseEvent
from hub.web.access.routes import GuardedRoute, OpenTo
from hub.web.app import all_operations
from hub.web.operations import Operation, Parameter
from hub.web.tokens import TokenKind
from ops.checks.json_schema import Draft202012Validator
from tests.unit.web.front import MemoryWeb, memory_web, pothole

_SECRETS = ("Wang", "13800000000", "Traceback", "sqlite", "site-packages")
_HOSTILE = [
    "",
    "\x00",
    "'; drop table cases",
    "../..",
    "%",
    "\u202e",
    "😀" * 50,
    "9" * 400,
    "<!DOCTYPE x>",
    "-1",
    "NaN",
    "a\r\nb: c",
]
_WORDS = st.text(max_size=20) | st.sampled_from(_HOSTILE)
_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=6,
)
_GOOD: dict[str, list[str]] = {
    "department": ["roads", "water_supply"], "format": ["xml", "json"], "source": ["hotline"], "ref": ["H1"],
    "service_code": ["road.pothole"], "status": ["open", "accepted", "closed"], "lat": ["34.02"], "long": ["114.515"],
    "start_date": ["2026-03-01T00:00:00Z"], "updated_datetime": ["2026-03-01T00:00:00Z"], "at": ["2026-03-01T00:00:00Z"],
    "wait": ["0"], "radius": ["100"], "after": ["0", "0.0", "C-A"],
}  # fmt: skip


@pytest.fixture(scope="module")
def web() -> Iterator[MemoryWeb]:
    with tempfile.TemporaryDirectory() as folder, memory_web(Path(folder)) as web:
        said = "Wang of 13800000000 says it is deep."
        web.hub.publish(
            pothole("H1", text=said), CaseEvent(**pothole("S-1", text=said).model_dump() | {"source": "open311"})
        )
        web.settle()
        yield web


def document(web: MemoryWeb) -> dict[str, Any]:
    found = web.client.get("/openapi.json")
    assert found.status_code == 200
    content: dict[str, Any] = found.json()
    return content


def test_all_that_is_served_is_described(web: MemoryWeb) -> None:
    paths = document(web)["paths"]
    described = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert described == {(each.method, each.path) for each in operations(web)}
    routes = [route for route in web.app.routes if isinstance(route, GuardedRoute)]
    served = {route.path for route in routes if isinstance(route.may, OpenTo) and route.may != OpenTo.BROWSERS}
    assert served - {"/healthz", "/readyz", "/openapi.json", "/"} == set(paths)
    names = [each["operationId"] for methods in paths.values() for each in methods.values()]
    assert len(names) == len(set(names))
    assert all(each["responses"] for methods in paths.values() for each in methods.values())


def test_the_page_says_it_to_people(web: MemoryWeb) -> None:
    answer = web.client.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    assert all(f"{each.method} {each.path}" in answer.text for each in operations(web))
    assert "script" not in answer.text


def test_each_parameter_is_explained_in_both_languages(web: MemoryWeb) -> None:
    asked = {one.name for each in operations(web) for one in each.parameters}
    assert asked == PARAMETER_MEANINGS.keys()
    page, paths = web.client.get("/").text, document(web)["paths"]
    for each in operations(web):
        for one in paths[re.sub(r":\w+}", "}", each.path)][each.method.lower()]["parameters"]:
            assert one["description"].endswith(f" {PARAMETER_MEANINGS[one['name']]}")
            assert PARAMETER_MEANINGS[one["name"]] in page


def operations(web: MemoryWeb) -> list[Operation]:
    return all_operations(web.front, web.offers, b"x" * 32)


@pytest.fixture(scope="module")
def keys(web: MemoryWeb) -> dict[TokenKind, str]:
    holders = {TokenKind.DEPARTMENT: "water_supply", TokenKind.OPEN311: "app", TokenKind.SOURCE: "police"}
    return {kind: web.bearer(holder, kind)["Authorization"].removeprefix("Bearer ") for kind, holder in holders.items()}


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_asked_is_answered_as_described(
    web: MemoryWeb, keys: Mapping[TokenKind, str], data: st.DataObject
) -> None:
    some = operations(web)
    operation = some[data.draw(st.integers(0, len(some) - 1))]
    path, query, headers = _asked(operation, data.draw)
    if (kind := data.draw(st.sampled_from([None, *keys]))) is not None:
        headers["Authorization"] = f"Bearer {keys[kind]}"
    if kind is TokenKind.OPEN311:
        query["api_key"] = keys[kind]
    headers, body = {**headers, **_media(operation)}, _body(operation, data.draw)
    url = f"{path}?{urlencode(query, errors='surrogatepass')}"
    answer = web.client.request(operation.method, url, headers=headers, content=body)
    assert answer.status_code < 500 or answer.status_code == 503, answer.text
    assert not any(secret in answer.text for secret in _SECRETS), answer.text
    if answer.status_code == 404 and "problem" in answer.headers["content-type"]:
        return  # a path that is none
    assert answer.status_code in operation.answers, (answer.status_code, answer.text)
    described = dict(operation.answers[answer.status_code].content)
    media = answer.headers["content-type"].partition(";")[0]
    if described:
        assert media in described
        if media == "application/json" and described[media]:
            Draft202012Validator(described[media]).validate(answer.json())


def _asked(operation: Operation, draw: Any) -> tuple[str, dict[str, str], dict[str, str]]:
    given: dict[str, dict[str, str]] = {"path": {}, "query": {}, "header": {}}
    for each in operation.parameters:
        if each.where == "path" or draw(st.booleans()):
            given[each.where][each.name] = draw(_value(each))
    path = operation.path
    for name, value in given["path"].items():
        path = path.replace(f"{{{name}}}", quote(value, safe="", errors="surrogatepass"))
    return path, given["query"], {name: quote(value, errors="surrogatepass") for name, value in given["header"].items()}


def _value(parameter: Parameter) -> st.SearchStrategy[str]:
    good = _GOOD.get(parameter.name, ["1"])
    return st.sampled_from(good) | st.sampled_from(good) | _WORDS


def _media(operation: Operation) -> dict[str, str]:
    return {"Content-Type": next(iter(operation.body))} if operation.body else {}


def _body(operation: Operation, draw: Any) -> bytes:
    if "application/json" in operation.body:
        names = ["update_id", "case_id", "status", "at", "note", "step", "members", "score", "revision", "department"]
        some = st.fixed_dictionaries({}, optional={name: _known(name) | _JSON for name in names})
        return draw(
            st.binary(max_size=30)
            | (_JSON | some | st.lists(some, max_size=3)).map(lambda content: json.dumps(content).encode())
        )
    if operation.body:
        (schema,) = operation.body.values()
        fields = draw(
            st.fixed_dictionaries({}, optional={name: _known(name) | _WORDS for name in schema["properties"]})
        )
        return draw(st.binary(max_size=30) | st.just(urlencode(fields, errors="surrogatepass").encode()))
    return b""


def _known(name: str) -> st.SearchStrategy[Any]:
    return st.sampled_from(_GOOD.get(name, ["1"]))
