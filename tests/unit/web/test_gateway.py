"""A department by HTTP: what it is told, what it says, and who is let in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from hub.topics import dept_orders
from hub.web.tokens import Scope, TokenKind
from tests.unit.web.front import NOON, MemoryWeb, memory_web, pothole

ORDERS, UPDATES, RECEIPTS, CASES = (f"/departments/roads/{each}" for each in ("orders", "updates", "receipts", "cases"))


@pytest.fixture
def web(tmp_path: Path) -> Iterator[MemoryWeb]:
    with memory_web(tmp_path) as web:
        yield web


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[MemoryWeb, dict[str, str]]]:
    """For calls of which nothing is taken; and a token of `roads`."""
    with memory_web(tmp_path_factory.mktemp("strict")) as web:
        yield web, web.bearer("roads")


def said(case: str, update_id: str = "U1", **changes: Any) -> dict[str, Any]:
    return {
        "update_id": update_id,
        "case_id": case,
        "status": "accepted",
        "at": NOON + 1000,
        "note": "A crew comes.",
    } | changes


def test_who_of_the_department_says_so_goes_with_it(web: MemoryWeb) -> None:
    roads = web.bearer("roads")
    web.hub.publish(pothole("H1"))
    web.settle()
    (entry,) = web.client.get(ORDERS, headers=roads).json()["orders"]
    assert entry["order"]["unit"] is None  # this city has no organisation.yaml
    answer = web.client.post(UPDATES, json=said(entry["order"]["case_id"], unit="patrol"), headers=roads)
    assert answer.status_code == 202
    web.settle()
    assert [each["update"]["unit"] for each in web.hub.records("hub.updates")] == ["patrol"]


def test_a_report_becomes_an_order_an_update_and_a_receipt(web: MemoryWeb) -> None:
    roads = web.bearer("roads")
    web.hub.publish(pothole("H1"))
    web.settle()
    page = web.client.get(ORDERS, headers=roads).json()
    (entry,) = page["orders"]
    assert entry["order"]["kind"] == "ASSIGN"
    case = entry["order"]["case_id"]
    (open_case,) = web.client.get(CASES, headers=roads).json()["cases"]
    assert (open_case["case_id"], open_case["holds"], open_case["is_over"]) == (case, True, False)
    assert {clock["clock"]: clock["due_ms"] for clock in open_case["clocks"]} == {
        due["clock"]: due["due_at"] for due in entry["order"]["deadlines"]
    }
    answer = web.client.post(UPDATES, json=said(case), headers=roads)
    assert (answer.status_code, answer.json()["taken"]) == (202, [{"case_id": case, "update_id": "U1", "revision": 0}])
    web.settle()
    (receipt,) = web.client.get(RECEIPTS, headers=roads).json()["receipts"]
    assert receipt["receipt"]["outcome"] == "accepted"
    assert web.client.get(ORDERS, params={"after": page["next"]}, headers=roads).json()["orders"] == []


def test_an_update_that_is_sent_twice_counts_once(web: MemoryWeb) -> None:
    roads = web.bearer("roads")
    web.hub.publish(pothole("H1"))
    web.settle()
    case = web.hub.orders()[0]["case_id"]
    for _ in range(2):
        assert web.client.post(UPDATES, json=[said(case)], headers=roads).status_code == 202
        web.settle()
    assert [each["outcome"] for each in web.hub.receipts()] == ["accepted", "repeat"]
    assert len(web.hub.replies(status="ACCEPTED")) == 1


def test_pages_miss_nothing_and_repeat_nothing(web: MemoryWeb) -> None:
    roads = web.bearer("roads")
    web.hub.publish(
        *(pothole(f"H{number}", place={"lat": 34.02 + number / 100, "lon": 114.515}) for number in range(7))
    )
    web.settle()
    found, after = [], ""
    while page := web.client.get(ORDERS, params={"after": after, "limit": 3}, headers=roads).json():
        if not page["orders"]:
            break
        found += [each["order"]["order_id"] for each in page["orders"]]
        after = page["next"]
        web.rebuild()  # a restart between two pages
    assert found == [each["order_id"] for each in web.hub.records("dept.roads.orders")]
    assert len(found) > 3


@pytest.mark.parametrize("path", [ORDERS, RECEIPTS, CASES])
def test_only_its_own_token_lets_in(web: MemoryWeb, path: str) -> None:
    water, source = web.bearer("water_supply"), web.bearer("roads", TokenKind.SOURCE)
    assert web.client.get(path).status_code == 401
    assert web.client.get(path, headers={"Authorization": "Bearer cityhub_0.x"}).status_code == 401
    assert web.client.get(path, headers=source).status_code == 401
    assert web.client.get(path, headers=water).status_code == 403
    unknown = web.client.get(path.replace("roads", "nobody"), headers=water)
    assert (unknown.status_code, unknown.json()["detail"]) == (
        403,
        web.client.get(path, headers=water).json()["detail"],
    )


def test_answers_are_counted_by_operation_and_not_by_what_was_asked(web: MemoryWeb) -> None:
    labels = {"operation": "GET /departments/{department}/orders", "status": "401"}
    before = REGISTRY.get_sample_value("hub_web_answers_total", labels) or 0.0
    for department in ("roads", "nobody"):
        web.client.get(f"/departments/{department}/orders")
    assert REGISTRY.get_sample_value("hub_web_answers_total", labels) == before + 2


def test_a_token_that_may_only_look_says_nothing(web: MemoryWeb) -> None:
    looking = web.bearer("roads", scopes=[Scope.READ])
    assert web.client.get(ORDERS, headers=looking).status_code == 200
    assert web.client.post(UPDATES, json=said("C-1"), headers=looking).status_code == 403


def test_a_revoked_token_lets_in_no_more(web: MemoryWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.web.tokens._LOOK_SECONDS", 0.0)
    roads = web.bearer("roads")
    assert web.client.get(ORDERS, headers=roads).status_code == 200
    web.tokens.revoke(roads["Authorization"].removeprefix("Bearer ").partition(".")[0])
    assert web.client.get(ORDERS, headers=roads).status_code == 401


def test_nothing_is_answered_before_kafka_has_it(web: MemoryWeb) -> None:
    roads = web.bearer("roads")
    web.is_away = True
    answer = web.client.post(UPDATES, json=said("C-1"), headers=roads)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert not web.hub.broker.records("dept.roads.updates")


def test_nothing_is_shown_before_the_topics_are_read(web: MemoryWeb) -> None:
    roads = web.bearer("roads")
    web.model.is_ready = False
    assert web.client.get(ORDERS, headers=roads).status_code == 503
    assert web.client.get("/readyz").status_code == 503
    assert web.client.get("/healthz").status_code == 200


def test_one_bad_update_of_a_list_has_nothing_taken(web: MemoryWeb) -> None:
    roads = web.bearer("roads")
    answer = web.client.post(UPDATES, json=[said("C-1"), said("C-1", "U2", status="MAYBE")], headers=roads)
    assert answer.status_code == 422
    assert [each["at"] for each in answer.json()["errors"]] == [1]
    assert not web.hub.broker.records("dept.roads.updates")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"3", b'"x"', b"null", b"\xff", b"[" * 100_000, b'{"note": NaN}', b'[[{"update_id": "x"}]]',
        b'{"update_id": "\\ud800", "case_id": "C", "status": "accepted", "at": 1772424000000}',
        b'{"update_id": "U", "case_id": "C", "status": "accepted", "at": "soon"}',
        b'{"update_id": "U", "case_id": "C", "status": "accepted", "at": true}',
        b'{"update_id": "U", "case_id": "C", "status": "accepted", "at": 1e400}',
        b'{"update_id": "U", "case_id": "C", "status": "accepted", "at": "0001-01-01T00:00:00+23:00"}',
        b'{"update_id": "U", "case_id": "C", "status": "as_status", "at": 1772424000000}',
        b'{"update_id": "U", "case_id": "C", "status": "accepted"}',
        b'{"update_id": "U", "case_id": "C", "status": "accepted", "at": 1772424000000, "phone": "13800000000"}',
        b'{"update_id": "U", "case_id": "C", "status": "accepted", "at": 1772424000000, "department": "water_supply"}',
        b'{"update_id": "U", "case_id": "C", "status": "accepted", "at": 1772424000000, "score": 9999999999}',
    ],
)  # fmt: skip
def test_what_is_no_update_is_refused_with_a_reason(strict: tuple[MemoryWeb, dict[str, str]], body: bytes) -> None:
    web, roads = strict
    answer = web.client.post(UPDATES, content=body, headers=roads)
    assert answer.status_code == 422
    assert answer.json()["errors"]
    assert "13800000000" not in answer.text
    assert not web.hub.broker.records("dept.roads.updates")


def test_a_body_that_is_too_long_is_refused(web: MemoryWeb) -> None:
    assert web.client.post(UPDATES, content=b" " * (2 * 2**20 + 1), headers=web.bearer("roads")).status_code == 413


@pytest.mark.parametrize("step", ["arrived", "TRANSFERRED", "EXTENSION_ASKED"])
def test_a_step_may_stand_as_status(web: MemoryWeb, step: str) -> None:
    answer = web.client.post(UPDATES, json=said("C-1", status=step, to="water_supply"), headers=web.bearer("roads"))
    assert answer.status_code == 202
    (update,) = web.hub.records("dept.roads.updates")
    assert update["step"] == step.upper()


@pytest.mark.parametrize("after", ["x", "-1", "1.", "1" * 19, "1..2", "٣"])
def test_what_is_no_cursor_is_refused(strict: tuple[MemoryWeb, dict[str, str]], after: str) -> None:
    web, roads = strict
    assert web.client.get(ORDERS, params={"after": after}, headers=roads).status_code == 400


def test_a_cursor_of_a_topic_that_is_no_more_is_told_so(web: MemoryWeb) -> None:
    assert web.client.get(ORDERS, params={"after": "5"}, headers=web.bearer("roads")).status_code == 410


def test_a_cursor_of_a_topic_made_anew_that_has_grown_beyond_is_told_so_too(web: MemoryWeb) -> None:
    """Its offsets are there again, and mean other orders: those before them would never be handed out."""
    web.model.topic_ids[dept_orders("roads").name] = "former"
    kept = web.client.get(ORDERS, headers=web.bearer("roads")).json()["next"]
    assert kept.endswith("~former")
    assert web.client.get(ORDERS, params={"after": kept}, headers=web.bearer("roads")).status_code == 200
    web.model.topic_ids[dept_orders("roads").name] = "latter"
    for given in ({"params": {"after": kept}}, {"headers": {"last-event-id": kept}}):
        headers = {**web.bearer("roads"), **given.pop("headers", {})}
        assert web.client.get(ORDERS, headers=headers, **given).status_code == 410
    of_before = kept.partition("~")[0]
    assert web.client.get(ORDERS, params={"after": of_before}, headers=web.bearer("roads")).status_code == 200


@pytest.mark.parametrize("number", ["0" * 18 + "9999", "1" * 19, "0" * 1_000, "٣", "1_0", "+1", " 1"])
def test_a_number_is_within_its_bounds_however_it_is_written(web: MemoryWeb, number: str) -> None:
    for name in ("wait", "limit"):
        answer = web.client.get("/departments/roads/orders", params={name: number}, headers=web.bearer("roads"))
        assert answer.status_code == 400, name
