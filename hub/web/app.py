"""The web as one ASGI app: what departments, apps and those who report may ask, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from hub.serving import app_of
from hub.web import status
from hub.web.access.headers import SecurityHeaders
from hub.web.access.login import LoginPages
from hub.web.access.oidc.pages import OUTSIDE_NAME, OidcPages
from hub.web.access.oidc.provider import Provider
from hub.web.access.routes import GuardedRoute, OpenTo
from hub.web.bodies import HttpProblem, json_answer, problem_answer
from hub.web.front import Front
from hub.web.gateway import operations as gateway
from hub.web.open311 import operations as open311
from hub.web.open311.config import Open311File
from hub.web.open311.server import refused
from hub.web.openapi import openapi_document
from hub.web.operations import Operation
from hub.web.page import html_page
from hub.web.traced import TracedCalls


def all_operations(front: Front, offers: Open311File, secret: bytes) -> list[Operation]:
    """All that is in the OpenAPI document."""
    return [
        *gateway.gateway_operations(front),
        *open311.open311_operations(front, offers, secret),
        *status.status_operations(front, secret),
    ]


def web_app(
    front: Front,
    offers: Open311File,
    secret: bytes,
    provider: Provider | None = None,
    board: Sequence[GuardedRoute] = (),
    *,
    traced: bool = False,
) -> Starlette:
    """Over one front. `secret`: what ids that nobody is to guess are made with. `provider`: who vouches for people, if anybody.
    `board`: pages for people, where there are any. `traced`: traces are on, and those that callers bring are taken over."""
    operations = all_operations(front, offers, secret)
    title = f"CityHub: {front.city.name.en} {front.city.name.zh}"
    described = openapi_document(title, operations)

    async def healthz(_: Request) -> Response:
        return json_answer({"status": "ok"})

    async def readyz(_: Request) -> Response:
        if front.model.is_ready:
            return json_answer({"status": "ready"})
        return json_answer({"status": "the topics are being read"}, 503)

    async def openapi(request: Request) -> Response:
        return json_answer(described | {"servers": [{"url": request.scope.get("root_path") or "/"}]})

    async def index(_: Request) -> Response:
        return html_page(title, operations)

    home = "/board" if board else "/"
    own = {"/": index, "/healthz": healthz, "/readyz": readyz, "/openapi.json": openapi}
    routes = [
        *(each.route for each in operations),
        *(GuardedRoute(path, answer, OpenTo.ANYBODY) for path, answer in own.items()),
        *LoginPages(front.access, OUTSIDE_NAME if provider else None, home).routes,
        *(OidcPages(front.access, provider, home).routes if provider else []),
        *board,
    ]
    app = app_of(routes)
    app.add_exception_handler(HTTPException, _plain)
    app.add_middleware(SecurityHeaders)
    if traced:
        app.add_middleware(TracedCalls)
    return app


async def _plain(request: Request, error: Exception) -> Response:
    """What Starlette answers by itself (404, 405), in the shape of all else that is beside it."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    problem = HttpProblem(error.status_code, error.detail, headers=headers)
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    return refused(request, problem) if path.startswith("/open311/") else problem_answer(problem)


def _methods(request: Request) -> set[str]:
    """Of all routes of a path: XXX: Starlette names those of the first alone."""
    found: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return found
