"""Every route of the web, asked by everybody: whoever may not is refused. A route that does not say who may fails here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.testclient import TestClient

from hub.serving import app_of
from hub.settings import Settings
from hub.web.access.accounts import DISPATCHING, EVERYBODY, OPERATING, OVERVIEW, Role
from hub.web.access.guard import Access
from hub.web.access.oidc.claims import RoleMap
from hub.web.access.oidc.provider import Provider
from hub.web.access.routes import GuardedRoute, OpenTo
from hub.web.access.sessions import WebSession
from hub.web.app import web_app
from hub.web.board.app import WallBoard
from tests.unit.web.front import MemoryWeb, memory_web

_REFUSED = (401, 403)


@dataclass(frozen=True)
class Door:
    """A method of a path, and who may."""

    method: str
    path: str
    may: frozenset[Role] | OpenTo


@pytest.fixture
def web(tmp_path: Path) -> Iterator[MemoryWeb]:
    with memory_web(tmp_path) as web:
        yield web


def doors(routes: list[BaseRoute]) -> list[Door]:
    """Raises AssertionError for a route that does not say who may."""
    found: list[Door] = []
    for route in routes:
        assert isinstance(route, GuardedRoute), f"{getattr(route, 'path', route)!r} does not say who may: GuardedRoute"
        path = re.sub(r"\{\w+(:\w+)?\}", "x", route.path)
        found += [Door(method, path, route.may) for method in sorted((route.methods or set()) - {"HEAD"})]
    return found


def ask(client: TestClient, door: Door, headers: dict[str, str]) -> Response:
    client.cookies.clear()
    return client.request(door.method, door.path, headers=headers, follow_redirects=False)


def is_refused(answer: Response) -> bool:
    return answer.status_code in _REFUSED or answer.headers.get("location", "").startswith("/login")


def require_guarded_doors(client: TestClient, access: MemoryWeb, found: list[Door]) -> None:
    people = {role: access.logged_in(role, department="roads" if role == Role.DEPARTMENT else None) for role in Role}
    for door in found:
        nobodys = ask(client, door, {})
        if isinstance(door.may, OpenTo):
            assert door.may in (OpenTo.ANYBODY, OpenTo.BROWSERS) or nobodys.status_code in (*_REFUSED, 400), door
            continue
        assert is_refused(nobodys), door
        for role, headers in people.items():
            assert is_refused(ask(client, door, headers)) is (role not in door.may), (door, role)
            if door.method != "GET" and role in door.may:
                without = {name: value for name, value in headers.items() if name != "X-CSRF-Token"}
                assert is_refused(ask(client, door, without)), (door, "without the token of a page")
                assert is_refused(ask(client, door, headers | {"Sec-Fetch-Site": "cross-site"})), (
                    door,
                    "from elsewhere",
                )


@pytest.fixture
def whole(web: MemoryWeb, tmp_path: Path) -> Iterator[TestClient]:
    """All that `cityhub web` may serve: the board, and a provider's logins."""
    board = WallBoard(Settings(state_dir=tmp_path), web.front)
    provider = Provider("https://id.example", "cityhub", None, RoleMap("duty=viewer"), ("name", "groups"))
    app = web_app(web.front, web.offers, b"a secret of this test's", provider, board.routes())
    board.end_streams()
    with TestClient(app, base_url="http://127.0.0.1", client=("203.0.113.7", 1)) as client:
        yield client
    board.stop()


def routes_of(client: TestClient) -> list[BaseRoute]:
    app = client.app
    assert isinstance(app, Starlette)
    return app.routes


def test_nobody_comes_through_a_door_that_is_not_theirs(web: MemoryWeb, whole: TestClient) -> None:
    found = doors(routes_of(whole))
    assert {"/board/wall", "/login/oidc", "/departments/x/updates"} <= {door.path for door in found}
    require_guarded_doors(whole, web, found)


def test_who_logs_in_comes_to_the_board(whole: TestClient) -> None:
    assert "value='/board'" in whole.get("/login").text
    assert "value='/'" in whole.get("/login?after=/").text


def test_a_session_opens_nothing_that_asks_for_a_token(web: MemoryWeb, whole: TestClient) -> None:
    for door in doors(routes_of(whole)):
        if door.may in (OpenTo.TOKEN, OpenTo.API_KEY):
            for role in Role:
                headers = web.logged_in(role, department="x" if role == Role.DEPARTMENT else None)
                assert ask(whole, door, headers).status_code in (*_REFUSED, 400), door


async def _shown(_: Request, session: WebSession) -> Response:
    return PlainTextResponse(session.user.name)


def _sample(access: Access) -> list[GuardedRoute]:
    return [
        access.page("/wall", _shown, OVERVIEW),
        access.page("/phone/{case}", _shown, EVERYBODY),
        access.call("POST", "/assign", _shown, DISPATCHING),
        access.call("GET", "/agents", _shown, OPERATING),
    ]


def test_pages_and_calls_of_the_seam_are_guarded(web: MemoryWeb) -> None:
    routes = _sample(web.access)
    with TestClient(app_of(routes), base_url="http://127.0.0.1") as client:
        require_guarded_doors(client, web, doors(list(routes)))


@pytest.mark.parametrize("may", [frozenset({Role.VIEWER}), EVERYBODY])
def test_a_door_that_says_other_than_it_does_is_found(web: MemoryWeb, may: frozenset[Role]) -> None:
    route = web.access.page("/wall", _shown, OPERATING)
    route.may = may
    with TestClient(app_of([route]), base_url="http://127.0.0.1") as client, pytest.raises(AssertionError):
        require_guarded_doors(client, web, doors([route]))


def test_a_route_without_a_declared_right_is_found() -> None:
    with pytest.raises(AssertionError, match="does not say who may"):
        doors([Mount("/files", routes=[])])


def test_who_is_not_logged_in_comes_back(web: MemoryWeb) -> None:
    with TestClient(app_of(_sample(web.access)), base_url="http://127.0.0.1") as client:
        answer = client.get("/phone/C-1?tab=due", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?after=%2Fphone%2FC-1%3Ftab%3Ddue")
        problem = client.post("/assign")
        assert (problem.status_code, problem.headers["content-type"]) == (
            401,
            "application/problem+json; charset=utf-8",
        )
        refused = client.get("/wall", headers=web.logged_in(Role.DEPARTMENT, department="roads"))
        assert refused.status_code == 403
        assert "viewer 看板" in refused.text


def test_every_answer_has_the_headers(web: MemoryWeb) -> None:
    for path in ("/login", "/healthz", "/nothing", "/departments/x/cases", "/"):
        headers = web.client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy or "default-src 'none'" in policy
        assert "script" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] in ("same-origin", "no-referrer")
