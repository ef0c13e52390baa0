"""GeoReport v2 as others ask it wrongly: every mistake is named, in the format that was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.open311.documents import (
    ERRORS,
    REQUESTS,
)  # fmt: skip
from hub.open311.models import iso_of
from hub.web.open311.config import load_open311
from tests.unit.open311.reading import read_records
from tests.unit.web.front import CITY, NOON, MemoryWeb, memory_web
from tests.unit.web.open311_calls import BASE, FILE, FORMATS, got, key, post, said


@pytest.fixture
def web(tmp_path: Path) -> Iterator[MemoryWeb]:
    with memory_web(tmp_path) as web:
        yield web


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[MemoryWeb, str]]:
    """As `asking`, for calls of which nothing is taken; and a key."""
    with memory_web(tmp_path_factory.mktemp("strict"), FILE) as web:
        yield web, key(web)


@FORMATS
@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"api_key": None}, ["403"]), ({"api_key": "cityhub_0.x"}, ["403"]),
        ({"service_code": None}, ["400"]), ({"service_code": "no.such"}, ["404"]),
        ({"lat": None}, ["400"]), ({"lat": None, "long": None}, ["400"]), ({"lat": "91"}, ["400"]), ({"lat": "nan"}, ["400"]),
        ({"long": "east"}, ["400"]), ({"description": "x" * 4001}, ["400"]), ({"media_url": "javascript:x"}, ["400"]),
        *[({"media_url": f"https://{rest}"}, ["400"]) for rest in ("", "x y", "user:pw@x/y", "x/\r\ny", "x y/")],
        *[({name: text}, ["400"]) for name in ("lat", "long") for text in ("1_0", "\uff13\uff14", "\u0663", ".", "1e999", "0x1")],
        ({"attribute[size]": None}, ["400"]), ({"attribute[size]": "xl"}, ["400"]), ({"jurisdiction_id": "elsewhere"}, ["404"]),
        ({"jurisdiction_id": None}, ["400"]), ({"service_code": "no.such", "lat": "x"}, ["404", "400"]),
    ],
)  # fmt: skip
def test_every_mistake_is_named(
    strict: tuple[MemoryWeb, str], form: str, changes: dict[str, Any], codes: list[str]
) -> None:
    web, api_key = strict
    fields = said(**{"api_key": api_key, "jurisdiction_id": "harbour", "attribute[size]": "s"} | changes)
    answer = web.client.post(f"{BASE}/requests.{form}", data=fields)
    errors = read_records(ERRORS, answer.content)
    assert (answer.status_code, [each.code for each in errors]) == (int(codes[0]), codes)
    assert all(each.description for each in errors)
    assert not web.hub.broker.records("city.open311.events")


@FORMATS
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/services/no.such", 404), ("/requests/S-NONE", 404), ("/tokens/S-NONE", 404), ("/requests?start_date=soon", 400),
        ("/requests?status=perhaps", 400), ("/requests?page=0", 400), ("/requests?page_size=1001", 400), ("/requests?lat=1", 400),
        ("/requests?start_date=2026-01-01T00:00:00Z&end_date=2026-06-01T00:00:00Z", 400), ("/services?jurisdiction_id=x", 404),
        ("/servicerequestupdates", 403), ("/requests?lat=1_0&long=1&radius=1", 400), ("/requests?lat=1&long=1&radius=-1", 400),
        ("/nothing", 404), ("/requests?lat=x&long=1&radius=1", 400),
    ],
)  # fmt: skip
def test_what_is_asked_wrongly_is_told_in_its_format(
    strict: tuple[MemoryWeb, str], form: str, path: str, status: int
) -> None:
    web, _ = strict
    path += f"{'&' if '?' in path else '?'}jurisdiction_id=harbour" if "jurisdiction" not in path else ""
    where, mark, query = path.partition("?")
    answer = web.client.get(f"{BASE}{where}.{form}{mark}{query}")
    (error,) = read_records(ERRORS, answer.content)
    assert (answer.status_code, error.code) == (status, str(status))


@FORMATS
@pytest.mark.parametrize("status", ["OPEN", "CANCELLED", "closed"])
def test_only_the_app_that_made_a_request_may_add_to_it(web: MemoryWeb, form: str, status: str) -> None:
    """With whichever of its keys, and after every restart."""
    ref = post(web, **said(api_key=key(web)))
    renewed, stranger = key(web), key(web, app="other")
    web.tokens._looked = -1e9
    web.settle()
    fields = {
        "service_request_id": ref, "update_id": "A1", "status": status, "updated_datetime": iso_of(NOON), "description": "More.",
    }  # fmt: skip
    before = len(web.hub.broker.records("city.open311.events"))
    refused = web.client.post(f"{BASE}/servicerequestupdates.{form}", data=fields | {"api_key": stranger})
    assert (refused.status_code, [each.code for each in read_records(ERRORS, refused.content)]) == (403, ["403"])
    assert post(web, **said(api_key=stranger)) != ref, "what another app says is its own request"
    web.settle()
    assert len(web.hub.broker.records("city.open311.events")) == before + 1
    assert got(web, REQUESTS, f"{BASE}/requests/{ref}")[0].status == "open"
    web.rebuild()
    assert (
        web.client.post(f"{BASE}/servicerequestupdates.{form}", data=fields | {"api_key": renewed}).status_code == 200
    )
    assert post(web, **said(api_key=renewed)) == ref


@FORMATS
@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b"a=" + b"%ff" * 10, b"&" * 100_000, b"a=1&" * 600, b"\x00" * 99, "服务=1".encode()]
)
def test_a_body_that_is_no_form_is_refused(strict: tuple[MemoryWeb, str], form: str, body: bytes) -> None:
    web, _ = strict
    answer = web.client.post(f"{BASE}/requests.{form}", content=body)
    assert answer.status_code in (400, 403)
    assert read_records(ERRORS, answer.content)


@FORMATS
@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/json", "text/plain"])
def test_a_body_that_says_itself_that_it_is_no_form_is_told_so(
    strict: tuple[MemoryWeb, str], form: str, kind: str
) -> None:
    """And not that its key is missing, which it may well have."""
    web, _ = strict
    for path in ("requests", "servicerequestupdates"):
        answer = web.client.post(f"{BASE}/{path}.{form}", content=b"{}", headers={"Content-Type": kind})
        (error,) = read_records(ERRORS, answer.content)
        assert (answer.status_code, error.code) == (400, "400")
        assert "application/x-www-form-urlencoded" in error.description


@FORMATS
def test_another_method_is_told_which_there_are(strict: tuple[MemoryWeb, str], form: str) -> None:
    web, _ = strict
    for path, methods in (("requests", "GET, HEAD, POST"), ("services", "GET, HEAD")):
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
            answer = web.client.request(method, f"{BASE}/{path}.{form}")
            assert (answer.status_code, answer.headers["Allow"]) == (405, methods)
            assert [each.code for each in read_records(ERRORS, answer.content)] == ["405"]
        assert not web.client.head(f"{BASE}/{path}.{form}", params={"jurisdiction_id": "harbour"}).content


def test_long_keys_of_calls_are_told_apart(web: MemoryWeb) -> None:
    fields, long = said(api_key=key(web)), "k" * 1_990
    refs = {post(web, "json", {"Idempotency-Key": long + end}, **fields) for end in ("1", "2", "1")}
    assert len(refs) == 2


def test_a_body_that_is_too_long_is_refused(web: MemoryWeb) -> None:
    assert web.client.post(f"{BASE}/requests.xml", content=b"a" * 300_000).status_code == 413


def test_a_file_that_offers_what_is_no_category_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "open311.yaml"
    path.write_text("services: {no.such: {}}\n")
    with pytest.raises(Exception, match=r"no\.such"):
        load_open311(path, CITY)
