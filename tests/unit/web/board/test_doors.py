"""Whom the board lets in, and what it streams to them: by id, and no longer than their session lives."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx2
import pytest
from starlette.testclient import TestClient

from hub.web.access.accounts import Role
from hub.web.access.routes import GuardedRoute, OpenTo
from hub.web.board import app as board_app
from tests.raw_calls import answer_to, statuses_at_once
from tests.unit.web.board.city_days import ServedBoard, city_records
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.process


def test_whoever_may_not_is_let_in_nowhere(served: ServedBoard) -> None:
    """Those who may are asked for by the other tests."""
    client = TestClient(served.app, base_url="http://127.0.0.1")
    board = [
        route for route in served.app.routes if isinstance(route, GuardedRoute) and route.path.startswith("/board")
    ]
    assert len(board) > 10
    for route in board:
        if isinstance(route.may, OpenTo):
            assert route.path == "/board/static/{path:path}"
            continue
        path = re.sub(r"\{\w+\}", "x", route.path)
        method = next(iter((route.methods or set()) - {"HEAD"}))
        for headers in [
            {},
            *(served.web.logged_in(role, department=_of(role)) for role in Role if role not in route.may),
        ]:
            client.cookies.clear()
            answer = client.request(method, path, headers=headers, follow_redirects=False)
            sent_to_login = answer.headers.get("location", "").startswith("/login")
            assert answer.status_code in (401, 403) or sent_to_login, (route.path, headers.keys())


def _of(role: Role) -> str | None:
    return "roads" if role is Role.DEPARTMENT else None


def test_a_stream_goes_on_by_its_last_id_and_ends_with_the_session(served: ServedBoard) -> None:
    served.show(city_records())
    served.stand()
    cookie = {"Cookie": served.web.logged_in(Role.VIEWER, name="screen")["Cookie"]}
    with httpx2.Client(trust_env=False, timeout=PATIENCE_SECONDS, headers=cookie) as client:
        with client.stream("GET", f"{served.url}/stream") as first:
            assert first.headers["content-type"].startswith("text/event-stream")
            event_id, kind = _event(first.iter_lines())
        assert kind == "snapshot"
        with client.stream("GET", f"{served.url}/stream", headers={"Last-Event-ID": event_id}) as second:
            lines = second.iter_lines()
            next_id, kind = _event(lines)
            assert (kind, next_id.partition("-")[0]) == ("patch", event_id.partition("-")[0])
            assert int(next_id.partition("-")[2]) > int(event_id.partition("-")[2])
            served.web.access.sessions.revoke("an operator", name="screen")
            for _ in lines:
                pass  # it ends by itself
        assert client.get(f"{served.url}/data/cases").status_code == 401


def _event(lines: Iterator[str]) -> tuple[str, str]:
    """The id and the kind of the next."""
    event_id = ""
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "id":
            event_id = value
        elif name == "event":
            return event_id, value
    raise AssertionError("the stream has ended")


def test_files_of_pages_are_those_that_there_are(served: ServedBoard) -> None:
    client = TestClient(served.app, base_url="http://127.0.0.1")
    assert client.get("/board/static/main.mjs").headers["content-type"].startswith("text/javascript")
    assert "default-src 'self'" in client.get("/board/static/board.css").headers["content-security-policy"]
    for path in ("nothing.css", "../names.py", "..%2fnames.py", "/etc/passwd"):
        assert client.get(f"/board/static/{path}").status_code == 404


def test_pages_that_follow_at_once_are_counted_too(served: ServedBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_app, "_MOST_STREAMS", 3)
    cookie = {"Cookie": served.web.logged_in(Role.VIEWER, name="screens")["Cookie"]}
    statuses = statuses_at_once(httpx2.URL(served.url).port or 0, "/board/stream", cookie, 20)
    assert statuses.count(200) <= 3, "other tests may have left some that are not ended yet"
    assert set(statuses) == {200, 429} or set(statuses) == {429}


def test_who_asks_for_the_head_alone_follows_nothing(served: ServedBoard) -> None:
    cookie = served.web.logged_in(Role.VIEWER, name="head")["Cookie"]
    call = f"HEAD /board/stream HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
    assert answer_to(httpx2.URL(served.url).port or 0, call).startswith(b"HTTP/1.1 200"), "and then the server ends it"
