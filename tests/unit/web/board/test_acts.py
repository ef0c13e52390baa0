"""What is said at the board is what the hub hears: by whom it may be said, of many cases at once, once however often it is sent."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from hub.core.tracking.lifecycle import EVENT_RULES
from hub.ledger.store import LedgerStore
from hub.web.access.accounts import Role
from hub.web.access.trail import trail_entries
from hub.web.app import web_app
from hub.web.board.acts import DEPARTMENT_EVENTS, DESK_EVENTS
from hub.web.board.app import WallBoard
from tests.unit.ledger.made_up import put, stored
from tests.unit.web.board.city_days import city_ledger, city_settings
from tests.unit.web.front import MemoryWeb, memory_web, pothole


class ActingBoard:
    """A board over a hub in memory and its ledger; `settle` lets the hub decide, and the ledger read it."""

    def __init__(self, folder: Path, web: MemoryWeb) -> None:
        self.web, self.ledger = web, city_ledger(folder)
        self.board = WallBoard(city_settings(folder), web.front)
        app = web_app(web.front, web.offers, b"a secret of this test's", board=self.board.routes())
        self.client = TestClient(app, base_url="http://127.0.0.1")

    def settle(self) -> None:
        self.web.settle(self.web.hub.clock.now_ms + 60_000)
        put(LedgerStore(self.ledger), stored(self.web.hub))

    def cases(self, **filters: str) -> list[dict[str, Any]]:
        answer = self.client.get("/board/data/cases", params=filters, headers=self.headers(Role.DISPATCHER))
        rows: list[dict[str, Any]] = answer.json()["cases"]
        return rows

    def headers(self, *roles: Role, department: str | None = None) -> dict[str, str]:
        self.client.cookies.clear()
        return self.web.logged_in(*roles, department=department)

    def say(self, headers: dict[str, str], event: str, cases: list[str], **fields: Any) -> Any:
        self.client.cookies.clear()
        body = {"act_id": uuid.uuid4().hex, "event": event, "cases": cases, **fields}
        return self.client.post("/board/acts", json=body, headers=headers)


@pytest.fixture
def board(tmp_path: Path) -> Iterator[ActingBoard]:
    with memory_web(tmp_path) as web:
        made = ActingBoard(tmp_path, web)
        web.hub.publish(
            *(
                pothole(f"H-{number}", place={"code": f"LT0{number}", "lat": None, "lon": None})
                for number in range(1, 5)
            )
        )
        made.settle()
        try:
            yield made
        finally:
            made.client.close()
            made.board.stop()
            made.ledger.close()


def test_many_cases_are_given_to_a_department_at_once_and_the_effect_is_seen(board: ActingBoard) -> None:
    cases = [row["case_id"] for row in board.cases(department="roads")]
    assert len(cases) == 4
    headers = board.headers(Role.DISPATCHER)
    act_id = uuid.uuid4().hex
    for _ in range(2):  # sent again, as on a bad connection
        answer = board.say(headers, "designated", cases, to="sanitation", reason="theirs", act_id=act_id)
        assert (answer.status_code, answer.json()["sent"]) == (202, 4)
    board.settle()
    assert board.client.get(f"/board/acts/{act_id}", headers=headers).json()["outcomes"]["accepted"] == 4
    assert [row["case_id"] for row in board.cases(department="sanitation")] == cases
    said = [entry for entry in trail_entries(board.web.access.file) if entry.act.what == "case.designated"]
    assert {entry.act.subject for entry in said} == set(cases)
    assert said[0].act.before["department"] == "roads"
    assert said[0].act.after["to"] == "sanitation"
    assert "theirs" not in str(said), "no words of anybody's"


def test_another_process_of_the_web_knows_the_act_by_the_trail(board: ActingBoard, tmp_path: Path) -> None:
    cases = [row["case_id"] for row in board.cases(department="roads")]
    headers = board.headers(Role.DISPATCHER)
    act_id = board.say(headers, "reminded", cases).json()["act_id"]
    board.settle()
    other = WallBoard(city_settings(tmp_path), board.web.front)
    app = web_app(board.web.front, board.web.offers, b"a secret of this test's", board=other.routes())
    with TestClient(app, base_url="http://127.0.0.1") as client:
        assert client.get(f"/board/acts/{act_id}", headers=headers).json()["outcomes"] == {"accepted": 4}
        client.cookies.clear()
        stranger = board.web.logged_in(Role.DISPATCHER, name="another")
        assert client.get(f"/board/acts/{act_id}", headers=stranger).status_code == 404
        client.cookies.clear()
        assert client.get(f"/board/acts/{'0' * 32}", headers=headers).status_code == 404
    other.stop()


def test_what_the_hub_does_not_take_is_said_with_its_reason(board: ActingBoard) -> None:
    case = board.cases()[0]["case_id"]
    headers = board.headers(Role.SUPERVISOR)
    act_id = board.say(headers, "verified", [case]).json()["act_id"]
    board.settle()
    found = board.client.get(f"/board/acts/{act_id}", headers=headers).json()
    assert found["outcomes"] == {"not_allowed": 1}
    assert found["details"]
    other = board.web.logged_in(Role.DISPATCHER, name="another")
    board.client.cookies.clear()
    assert board.client.get(f"/board/acts/{act_id}", headers=other).status_code == 404


def test_a_department_says_what_is_its_own_and_of_its_own_cases(board: ActingBoard) -> None:
    case = board.cases()[0]["case_id"]
    roads = board.headers(Role.DEPARTMENT, department="roads")
    assert board.say(roads, "accepted", [case]).status_code == 202
    assert board.say(roads, "reminded", [case]).status_code == 403
    assert board.say(board.headers(Role.DEPARTMENT, department="market"), "accepted", [case]).status_code == 404
    board.settle()
    assert board.cases()[-1]["progress"] == "accepted" or board.cases()[0]["progress"] == "accepted"
    market = board.headers(Role.DEPARTMENT, department="market")
    assert board.client.get("/board/data/cases", headers=market).json()["total"] == 0
    assert board.client.get(f"/board/data/cases/{case}", headers=market).status_code == 404
    assert board.client.get("/board/data/cases?department=roads", headers=market).json()["total"] == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"event": "designated", "to": "nowhere", "reason": "x"}, {"event": "designated", "reason": "x"},
        {"event": "transferred", "to": "roads"}, {"event": "reopened"}, {"event": "unlinked", "reason": "x"},
        {"event": "extension_granted", "clock": "none"}, {"cases": []}, {"act_id": "1"}, {"note": "more"},
        {"event": "reminded", "cases": ["x" * 1_000]},
    ],
)  # fmt: skip
def test_an_act_that_lacks_something_does_nothing(board: ActingBoard, changes: dict[str, Any]) -> None:
    case = board.cases()[0]["case_id"]
    before = len(board.web.hub.broker.records("dept.dispatch_desk.updates"))
    act = {"event": "reminded", "cases": [case]} | changes
    answer = board.say(board.headers(Role.DISPATCHER), act.pop("event"), act.pop("cases"), **act)
    assert answer.status_code in (404, 422), answer.text
    assert len(board.web.hub.broker.records("dept.dispatch_desk.updates")) == before


def test_nobody_else_says_anything(board: ActingBoard) -> None:
    case = board.cases()[0]["case_id"]
    for roles in ((Role.VIEWER,), (Role.OPERATOR,)):
        assert board.say(board.headers(*roles), "reminded", [case]).status_code == 403
    dispatcher = board.headers(Role.DISPATCHER)
    assert board.say({"Cookie": dispatcher["Cookie"]}, "reminded", [case]).status_code == 403, (
        "without the page's token"
    )
    assert board.say({}, "reminded", [case]).status_code == 401


def test_while_kafka_is_away_nothing_is_taken_and_the_trail_says_so(board: ActingBoard) -> None:
    case = board.cases()[0]["case_id"]
    board.web.is_away = True
    answer = board.say(board.headers(Role.DISPATCHER), "reminded", [case])
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert [entry.act.what for entry in trail_entries(board.web.access.file)][-2:] == [
        "case.reminded",
        "case.reminded.failed",
    ]


def test_what_may_be_said_here_is_in_the_life_of_a_case() -> None:
    assert {*DESK_EVENTS, *DEPARTMENT_EVENTS} <= set(map(str, EVENT_RULES))
