"""The board as routes of the web: pages, what they read, and the stream that they follow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any, Self, TypeVar

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from hub.clock import wall_ms
from hub.errors import HubError, RetriableError
from hub.policy.campaigns import campaigns_of
from hub.policy.organisation import Organisation
from hub.settings import Settings
from hub.web.access.accounts import DISPATCHING, EVERYBODY, OPERATING, OVERVIEW, Role
from hub.web.access.guard import redirect
from hub.web.access.routes import GuardedRoute, OpenTo
from hub.web.access.sessions import WebSession
from hub.web.board import acts, listing
from hub.web.board.flow import Flow
from hub.web.board.health import HubHealth
from hub.web.board.names import STATIC, catalogue, city_document
from hub.web.board.operator import operator_document
from hub.web.board.shell import BoardPage, shell
from hub.web.board.watching import LedgerReader, WallWatch
from hub.web.bodies import HttpProblem, body_of, json_answer, not_now, problem_answer
from hub.web.front import Front
from hub.web.gateway.operations import outgoing
from hub.web.held_stream import HeldStream
from hub.web.intake import NotTakenError, Outgoing
from hub.web.letters.routes import LetterRoutes
from hub.web.letters.source import KafkaLetters, LetterSource

_STREAM_SECONDS = 900.0
"""A stream ends by itself then, and the browser goes on with another."""
_COMMENT_SECONDS = 15.0
_ALIVE_SECONDS = 5.0
_MOST_STREAMS = 200
_AT_ONCE = 500
"""Updates on their way into Kafka together."""
BoardAnswer = TypeVar("BoardAnswer")
_TYPES = {
    ".mjs": "text/javascript", ".js": "text/javascript", ".css": "text/css", ".json": "application/json",
    ".woff2": "font/woff2", ".svg": "image/svg+xml",
}  # fmt: skip
PAGES: dict[BoardPage, frozenset[Role]] = {
    BoardPage.WALL: OVERVIEW, BoardPage.DESK: OVERVIEW, BoardPage.PHONE: EVERYBODY, BoardPage.OPERATOR: OPERATING,
    BoardPage.LETTERS: OPERATING,
}  # fmt: skip
"""Whom each page is for."""


class WallBoard:
    """One city's board. Its thread runs from `start` to `stop`; streams that are open end when it stops."""

    def __init__(self, settings: Settings, front: Front, letters: LetterSource | None = None) -> None:
        self._front, self._access = front, front.access
        self._ledger = LedgerReader(settings)
        self._health = HubHealth(settings)
        self._flow = Flow()
        self._book = acts.ActBook(front.access.file)
        self._watch = WallWatch(self._ledger, front.city.dispatch_desk, self._flow, self._health.shown)
        source = letters or KafkaLetters(settings, front.codec)
        self._letters = LetterRoutes(settings, front, self._in_ledger, source)
        self._files = {str(path.relative_to(STATIC)): path for path in STATIC.rglob("*") if path.suffix in _TYPES}

    def start(self) -> None:
        self._watch.start()

    def end_streams(self) -> None:
        """They end by themselves, before a server would wait for them."""
        self._flow.close()

    def stop(self) -> None:
        self._watch.stop()
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
            call("/board/data/ids", self._ids, DISPATCHING),
            self._access.call("POST", "/board/acts", self._act, DISPATCHING | {Role.DEPARTMENT}),
            call("/board/acts/{act_id}", self._acted, DISPATCHING | {Role.DEPARTMENT}),
            *self._letters.routes(),
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
            lambda connection, now: listing.page_of_cases(
                connection, request.query_params, now, self._campaigns(), own, self._tree
            )
        )

    @property
    def _tree(self) -> Organisation | None:
        return self._front.city.organisation

    async def _case(self, request: Request, session: WebSession) -> Response:
        case_id, own = request.path_params["case_id"], own_department(session)
        return await self._asked(lambda connection, now: listing.story_of(connection, case_id, now, own))

    async def _operator(self, _: Request, session: WebSession) -> Response:
        del session
        edges = await asyncio.to_thread(self._health.edges)
        health = await asyncio.to_thread(self._health.shown)
        city = self._front.city
        return await self._asked(
            lambda connection, now: operator_document(connection, now, city, health, edges, wall_ms())
        )

    async def _ids(self, request: Request, session: WebSession) -> Response:
        del session
        return await self._asked(
            lambda connection, now: listing.ids_of_cases(
                connection, request.query_params, now, self._campaigns(), self._tree
            )
        )

    def _campaigns(self) -> listing.Campaigns:
        return campaigns_of(self._front.city)

    # -- what they say -----------------------------------------------------------------------------------------------------

    async def _act(self, request: Request, session: WebSession) -> Response:
        """Kafka has all of it when this answers; what becomes of it, the receipts say."""
        act = acts.act_in(await body_of(request, acts.MOST_ACT_BYTES))
        city = self._front.city
        department = acts.speaker(session.user, act.event, city)
        acts.require_whole(act, city)
        before, at_ms = await self._in_ledger(
            lambda connection, _: (acts.standing_of(connection, act.cases), self._ledger.newest_ms(connection))
        )
        acts.require_own(before, act.cases, own_department(session))
        updates = acts.updates_in_act(act, department, at_ms)
        records = await asyncio.to_thread(outgoing, self._front.codec, updates, department)
        async with self._access.acting(session.user.name, acts.audited_acts(act, before, department)):
            await self._put(records)
        return json_answer({"act_id": act.act_id, "sent": len(updates)}, 202)

    async def _put(self, records: Sequence[Outgoing]) -> None:
        try:
            for start in range(0, len(records), _AT_ONCE):
                await self._front.intake.put(records[start : start + _AT_ONCE])
        except (NotTakenError, RetriableError):
            raise not_now("Kafka has not said that it has them all; what is sent again counts once") from None

    async def _acted(self, request: Request, session: WebSession) -> Response:
        act_id, name = request.path_params["act_id"], session.user.name
        return await self._asked(lambda connection, _: self._book.outcome(connection, act_id, name)._asdict())

    # -- the ledger --------------------------------------------------------------------------------------------------------

    async def _asked(self, ask: Callable[[Connection, int], Any]) -> Response:
        return json_answer(await self._in_ledger(ask))

    async def _in_ledger(self, ask: Callable[[Connection, int], BoardAnswer]) -> BoardAnswer:
        """Raises HttpProblem (503) if the ledger cannot be read."""

        def answer() -> BoardAnswer:
            with self._ledger.database().transaction() as connection:
                return ask(connection, self._ledger.now_ms(connection))

        try:
            return await asyncio.to_thread(answer)
        except HubError:
            raise not_now("the ledger cannot be read; `cityhub ledger run` keeps it") from None

    # -- what they follow --------------------------------------------------------------------------------------------------

    async def _stream(self, request: Request, session: WebSession) -> Response:
        if self._flow.listeners >= _MOST_STREAMS:
            raise HttpProblem(429, f"{_MOST_STREAMS} pages follow the board already", headers={"Retry-After": "30"})
        last_id = request.headers.get("last-event-id", "")
        return HeldStream(self._flow.listening(), lambda news: self._events(news, last_id, session))

    async def _events(self, news: asyncio.Event, last_id: str, session: WebSession) -> AsyncIterator[str]:
        number = self._flow.number_of(last_id)
        now = asyncio.get_running_loop().time
        until, asked_at = now() + _STREAM_SECONDS, now()
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
