"""The board as routes of the web: pages, what they read, and the stream that they follow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, Self

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from hub.errors import HubError
from hub.settings import Settings
from hub.web.access.accounts import EVERYBODY, OPERATING, OVERVIEW, Role
from hub.web.access.guard import redirect
from hub.web.access.routes import GuardedRoute, OpenTo
from hub.web.access.sessions import WebSession
from hub.web.board import listing
from hub.web.board.flow import Flow
from hub.web.board.health import HubHealth
from hub.web.board.names import STATIC, catalogue, city_document
from hub.web.board.operator import operator_document
from hub.web.board.shell import BoardPage, shell
from hub.web.board.watching import LedgerReader, WallWatch
from hub.web.bodies import HttpProblem, json_answer, not_now, problem_answer
from hub.web.front import Front

_STREAM_SECONDS = 900.0
"""A stream ends by itself then, and the browser goes on with another."""
_COMMENT_SECONDS = 15.0
_ALIVE_SECONDS = 5.0
_MOST_STREAMS = 200
_TYPES = {
    ".mjs": "text/javascript", ".js": "text/javascript", ".css": "text/css", ".json": "application/json",
    ".woff2": "font/woff2", ".svg": "image/svg+xml",
}  # fmt: skip
PAGES: dict[BoardPage, frozenset[Role]] = {
    BoardPage.WALL: OVERVIEW, BoardPage.DESK: OVERVIEW, BoardPage.PHONE: EVERYBODY, BoardPage.OPERATOR: OPERATING,
}  # fmt: skip
"""Whom each page is for."""


class WallBoard:
    """One city's board. Its thread runs from `start` to `stop`; streams that are open end when it stops."""

    def __init__(self, settings: Settings, front: Front) -> None:
        self._front, self._access = front, front.access
        self._ledger = LedgerReader(settings)
        self._health = HubHealth(settings)
        self._flow = Flow()
        self._watch = WallWatch(self._ledger, front.city.dispatch_desk, self._flow, self._health.shown)
        self._files = {str(path.relative_to(STATIC)): path for path in STATIC.rglob("*") if path.suffix in _TYPES}

    def start(self) -> None:
        self._watch.start()

    def end_streams(self) -> None:
        """They end by themselves, before a server would wait for them."""
        self._flow.close()

    def stop(self) -> None:
        self._watch.stop()
        self._health.close()
        self._ledger.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def routes(self) -> list[GuardedRoute]:
        """All under /board."""
        page, call = self._access.page, partial(self._access.call, "GET")
        return [
            page("/board", self._first, EVERYBODY),
            *(page(f"/board/{each}", partial(self._page, each), roles) for each, roles in PAGES.items()),
            call("/board/stream", self._stream, OVERVIEW),
            call("/board/data/texts", self._texts, EVERYBODY),
            call("/board/data/city", self._city, EVERYBODY),
            call("/board/data/cases", self._cases, EVERYBODY),
            call("/board/data/cases/{case_id}", self._case, EVERYBODY),
            call("/board/data/operator", self._operator, OPERATING),
            GuardedRoute("/board/static/{path:path}", self._file, OpenTo.BROWSERS),
        ]

    # -- pages -------------------------------------------------------------------------------------------------------------

    async def _first(self, request: Request, session: WebSession) -> Response:
        """The first page that is for who asks."""
        first = next(page for page, roles in PAGES.items() if session.user.may(roles))
        return redirect(request, f"/board/{first}")

    async def _page(self, page: BoardPage, request: Request, session: WebSession) -> Response:
        del session
        name = self._front.city.name
        return shell(request, page, f"{name.zh} {name.en}")

    async def _file(self, request: Request) -> Response:
        path = self._files.get(request.path_params["path"])
        if path is None:
            return problem_answer(HttpProblem(404, "there is no such file"))
        kept = "max-age=86400" if path.is_relative_to(STATIC / "vendor") else "no-cache"
        headers = {"Cache-Control": kept, "X-Content-Type-Options": "nosniff"}
        return FileResponse(path, headers=headers, media_type=_TYPES[path.suffix])

    # -- what they read ----------------------------------------------------------------------------------------------------

    async def _texts(self, _: Request, session: WebSession) -> Response:
        del session
        return json_answer(catalogue())

    async def _city(self, _: Request, session: WebSession) -> Response:
        user = session.user
        pages = [page for page, roles in PAGES.items() if user.may(roles)]
        who = {"name": user.name, "roles": sorted(user.roles), "department": user.department, "pages": pages}
        document = await asyncio.to_thread(city_document, self._front.city)
        return json_answer(document | {"asker": who, "csrf": session.csrf})

    async def _cases(self, request: Request, session: WebSession) -> Response:
        own = own_department(session)
        return await self._asked(
            lambda connection, now: listing.page_of_cases(connection, request.query_params, now, own)
        )

    async def _case(self, request: Request, session: WebSession) -> Response:
        case_id, own = request.path_params["case_id"], own_department(session)
        return await self._asked(lambda connection, now: listing.story_of(connection, case_id, now, own))

    async def _operator(self, _: Request, session: WebSession) -> Response:
        del session
        edges = await asyncio.to_thread(self._health.edges)
        health = await asyncio.to_thread(self._health.shown)
        city = self._front.city
        return await self._asked(lambda connection, now: operator_document(connection, now, city, health, edges))

    async def _asked(self, ask: Callable[[Connection, int], Any]) -> Response:
        def answer() -> Any:
            with self._ledger.database().transaction() as connection:
                return ask(connection, self._ledger.now_ms(connection))

        try:
            return json_answer(await asyncio.to_thread(answer))
        except HubError:
            raise not_now("the ledger cannot be read; `cityhub ledger run` keeps it") from None

    # -- what they follow --------------------------------------------------------------------------------------------------

    async def _stream(self, request: Request, session: WebSession) -> Response:
        if self._flow.listeners >= _MOST_STREAMS:
            raise HttpProblem(429, f"{_MOST_STREAMS} pages follow the board already", headers={"Retry-After": "30"})
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        events = self._events(request.headers.get("last-event-id", ""), session)
        return StreamingResponse(events, headers=headers, media_type="text/event-stream")

    async def _events(self, last_id: str, session: WebSession) -> AsyncIterator[str]:
        number = self._flow.number_of(last_id)
        now = asyncio.get_running_loop().time
        until, asked_at = now() + _STREAM_SECONDS, now()
        with self._flow.listening() as news:
            yield "retry: 2000\n\n"
            while not self._flow.is_closed and now() < until:
                news.clear()
                if now() - asked_at >= _ALIVE_SECONDS:
                    asked_at = now()
                    if not self._access.is_alive(session):
                        return
                for event in self._flow.behind(number):
                    number = event.number
                    yield self._flow.text(event)
                try:
                    await asyncio.wait_for(news.wait(), _COMMENT_SECONDS)
                except TimeoutError:
                    yield ": still here\n\n"


def own_department(session: WebSession) -> str | None:
    """The department whose cases alone somebody sees; None for who sees the whole city."""
    return None if session.user.may(OVERVIEW) else session.user.department
