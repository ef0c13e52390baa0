"""GeoReport v2 as others ask it: the same in both formats, from the report to the city's answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hub.millis import DAY_MS
from hub.model.update import Update
from hub.open311.documents import (
    DEFINITION,
    DISCOVERY,
    ERRORS,
    POSTED_DOCUMENT,
    POSTED_UPDATES,
    REQUESTS,
    SERVICES,
    UPDATES_DOCUMENT,
)  # fmt: skip
from hub.open311.models import iso_of
from hub.policy.models.steps import StepSpec
from hub.web.open311.shown import notes_of
from hub.web.read.model import SourceReply
from tests.unit.open311.reading import read_records
from tests.unit.web.front import CITY, NOON, MemoryWeb, memory_web, pothole
from tests.unit.web.open311_calls import BASE, FILE, FORMATS, got, key, post, said


@pytest.fixture
def web(tmp_path: Path) -> Iterator[MemoryWeb]:
    with memory_web(tmp_path) as web:
        yield web


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[MemoryWeb]:
    """A server with two jurisdictions and a service that asks."""
    (tmp_path / "asking").mkdir()
    with memory_web(tmp_path / "asking", FILE) as web:
        yield web


@FORMATS
def test_a_report_becomes_an_order_and_its_status_comes_back(web: MemoryWeb, form: str) -> None:
    ref = post(web, form, **said(api_key=key(web)))
    web.read()
    (request,) = got(web, REQUESTS, f"{BASE}/requests/{ref}")
    assert (request.status, request.agency_responsible, request.requested_datetime) == ("open", "", NOON)
    web.settle()
    (order,) = web.hub.records("dept.roads.orders")
    assert (order["event"]["source"], order["event"]["source_ref"]) == ("open311", ref)
    (request,) = got(web, REQUESTS, f"{BASE}/requests/{ref}")
    assert request.expected_datetime == next(due["due_at"] for due in order["deadlines"] if due["clock"] == "resolve")
    assert request.agency_responsible == "Roads 市政道路"
    case = order["case_id"]
    for number, status in enumerate(("ACCEPTED", "RESOLVED")):
        web.hub.publish(
            Update(update_id=f"U{number}", department="roads", case_id=case, status=status, at=NOON + 1000 * number, note="Filled.")
        )  # fmt: skip
        web.settle()
    (request,) = got(web, REQUESTS, f"{BASE}/requests/{ref}", extensions="true")
    assert (request.status, request.status_notes) == ("closed", "resolved 办结: Filled.")
    assert [note.type for note in request.notes] == ["accepted", "resolved"]


def test_contacts_are_not_kept_and_words_are_not_shown(web: MemoryWeb) -> None:
    ref = post(web, **said(api_key=key(web), address_string="8 Quay"))
    web.settle()
    for topic in ("city.open311.events", "dept.roads.orders", "hub.cases", "hub.events"):
        for record in web.hub.broker.records(topic):
            assert not any(each in (record.value or b"") for each in (b"Wang", b"w@example.org", b"13800000000")), topic
    (request,) = got(web, REQUESTS, f"{BASE}/requests/{ref}")
    assert (request.description, request.address) == ("", "")
    assert (request.lat, request.long) == (34.02, 114.515)


@FORMATS
def test_a_report_that_is_sent_again_has_the_same_id_and_is_one(web: MemoryWeb, form: str) -> None:
    fields, again = said(api_key=key(web)), {"Idempotency-Key": "K1"}
    assert post(web, form, **fields) == post(web, form, **fields)
    first = post(web, form, again, **fields)
    web.hub.clock.pass_seconds(3600)
    web.read()
    web.rebuild()  # a restart between the two
    assert post(web, form, again, **fields) == first
    assert post(web, form, **fields) != first, "an hour later it is another"
    web.settle()
    assert len(web.hub.broker.records("city.open311.events")) == 3


def test_nothing_is_answered_before_kafka_has_it(web: MemoryWeb) -> None:
    fields = said(api_key=key(web))
    web.is_away = True
    answer = web.client.post(f"{BASE}/requests.xml", data=fields)
    assert (answer.status_code, read_records(ERRORS, answer.content)[0].code) == (503, "503")
    assert answer.headers["Retry-After"]
    web.is_away = False
    ref = post(web, **fields)
    web.settle()
    assert [each["source_ref"] for each in web.hub.records("city.open311.events")] == [ref]


def test_answers_to_questions_go_with_the_report(asking: MemoryWeb) -> None:
    post(
        asking,
        **said(
            **{"api_key": key(asking), "jurisdiction_id": "harbour", "attribute[size]": "l", "attribute[other]": "x"}
        ),
    )
    (event,) = asking.hub.records("city.open311.events")
    assert event["attributes"] == {"size": "l"}


def test_what_is_offered(asking: MemoryWeb, web: MemoryWeb) -> None:
    services = got(asking, SERVICES, f"{BASE}/services", jurisdiction_id="lanting")
    assert [(each.service_code, each.metadata, each.type) for each in services] == [
        ("road.pothole", True, "realtime"), ("lighting.out", False, "realtime"),
    ]  # fmt: skip
    (definition,) = got(asking, DEFINITION, f"{BASE}/services/road.pothole", jurisdiction_id="lanting")
    assert [(each.code, each.required, len(each.values)) for each in definition.attributes] == [("size", True, 2)]
    (discovery,) = got(asking, DISCOVERY, "/open311/discovery")
    assert [each.formats for each in discovery.endpoints] == [["text/xml", "application/json"]]
    assert discovery.endpoints[0].url == f"http://127.0.0.1{BASE}"
    assert len(got(web, SERVICES, f"{BASE}/services")) == len(CITY.categories)


def test_requests_are_filtered_and_paged(web: MemoryWeb) -> None:
    api_key = key(web)
    refs = []
    for number in range(5):
        code = "lighting.out" if number == 4 else "road.pothole"
        refs.append(post(web, **said(api_key=api_key, lat=str(34.0 + number / 100), service_code=code)))
        web.hub.clock.pass_seconds(60)
    web.hub.publish(pothole("H1"))  # what other sources say is none of Open311's
    web.settle()
    changed = web.hub.clock.now_ms
    for order in web.hub.records("dept.roads.orders", kind="ASSIGN"):
        if order["event"]["source_ref"] == refs[1]:
            fields = {"update_id": "U", "department": "roads", "case_id": order["case_id"], "at": changed}
            web.hub.publish(Update(status="RESOLVED", **fields))
    web.settle()

    def ids(**params: Any) -> list[str]:
        return [each.service_request_id for each in got(web, REQUESTS, f"{BASE}/requests", **params)]

    assert ids() == refs[::-1]
    assert ids(status="closed") == [refs[1]]
    assert ids(status="open") == [refs[4], refs[3], refs[2], refs[0]]
    assert ids(status="open,closed", service_code="lighting.out") == [refs[4]]
    assert ids(service_request_id=f"{refs[0]},{refs[3]},S-NONE", status="closed") == [refs[3], refs[0]]
    assert ids(page_size=2, page=2) == [refs[2], refs[1]]
    assert ids(start_date=iso_of(NOON + 60_000), end_date=iso_of(NOON + 120_000)) == [refs[2], refs[1]]
    assert ids(end_date=iso_of(NOON)) == [refs[0]]
    assert ids(start_date=iso_of(NOON + DAY_MS)) == []
    assert ids(lat=34.03, long=114.515, radius=100) == [refs[3]]
    assert ids(updated_after=iso_of(changed)) == [refs[1]]
    (token,) = got(web, POSTED_DOCUMENT, f"{BASE}/tokens/{refs[0]}")
    assert token.service_request_id == refs[0]


def test_updates_come_back_and_go_in(web: MemoryWeb) -> None:
    api_key = key(web)
    ref = post(web, **said(api_key=api_key))
    web.settle()
    (order,) = web.hub.records("dept.roads.orders")
    web.hub.publish(
        Update(update_id="U", department="roads", case_id=order["case_id"], status="ACCEPTED", at=NOON, note="Soon.")
    )
    web.settle()
    (update,) = got(web, UPDATES_DOCUMENT, f"{BASE}/servicerequestupdates", api_key=api_key)
    assert (update.service_request_id, update.status, update.description) == (ref, "open", "accepted 受理: Soon.")
    fields = {
        "api_key": api_key, "service_request_id": ref, "update_id": "A1", "status": "OPEN", "updated_datetime": iso_of(NOON),
        "description": "It has grown.",
    }  # fmt: skip
    for _ in range(2):
        answer = web.client.post(f"{BASE}/servicerequestupdates.xml", data=fields)
        assert (answer.status_code, read_records(POSTED_UPDATES, answer.content)[0].update_id) == (200, "A1")
        web.settle()
    assert [each["event"]["text"] for each in web.hub.records("dept.roads.orders", kind="AMEND")] == ["It has grown."]
    for name in ("update_id", "service_request_id", "updated_datetime", "status", "description"):
        assert web.client.post(f"{BASE}/servicerequestupdates.json", data=fields | {name: ""}).status_code == 400
    assert (
        web.client.post(f"{BASE}/servicerequestupdates.json", data=fields | {"service_request_id": "S-X"}).status_code
        == 404
    )


def test_a_report_may_be_withdrawn(web: MemoryWeb) -> None:
    api_key = key(web)
    ref = post(web, **said(api_key=api_key))
    web.settle()
    fields = {
        "api_key": api_key, "service_request_id": ref, "update_id": "A1", "status": "CANCELLED", "updated_datetime": iso_of(NOON),
        "description": "Found it.",
    }  # fmt: skip
    assert web.client.post(f"{BASE}/servicerequestupdates.json", data=fields).status_code == 200
    web.settle()
    (request,) = got(web, REQUESTS, f"{BASE}/requests/{ref}")
    assert request.status == "closed"


def test_a_request_is_there_as_soon_as_its_post_is_answered(web: MemoryWeb) -> None:
    """Before the topic was read; and as it is there afterwards."""
    api_key = key(web)
    ref = post(web, **said(api_key=api_key))
    (at_once,) = got(web, REQUESTS, f"{BASE}/requests/{ref}")
    (token,) = got(web, POSTED_DOCUMENT, f"{BASE}/tokens/{ref}")
    assert (at_once.service_request_id, at_once.status, at_once.lat, token.service_request_id) == (
        ref,
        "open",
        34.02,
        ref,
    )
    web.read()
    (read,) = got(web, REQUESTS, f"{BASE}/requests/{ref}")
    assert {**vars(read), "updated_datetime": None} == {**vars(at_once), "updated_datetime": None}
    web.is_away = True
    assert web.client.post(f"{BASE}/requests.json", data=said(api_key=api_key, lat="34.5")).status_code == 503
    assert got(web, REQUESTS, f"{BASE}/requests") == [read], "what Kafka has not acknowledged is nowhere"


def test_a_step_of_the_citys_own_has_the_citys_name() -> None:
    own = StepSpec.model_validate({"name": {"en": "on site", "zh": "已到现场"}})
    city = replace(CITY, steps={"on_site": own})
    answer = SourceReply("R", "open311", "S", "roads", "ON_SITE", NOON, "A crew is here.", NOON)
    assert notes_of(answer, city) == "on site 已到现场: A crew is here."
    assert notes_of(answer._replace(status="ACCEPTED", text=""), city) == "accepted 受理"
