"""Lets people in, or says what is missing: asked by every page and call for people before anything else.
The seam is told in hub.web.access."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.errors import FatalError
from hub.metrics import WEB_ANSWERS
from hub.web.access.accounts import Role
from hub.web.access.chain import AuditedAct
from hub.web.access.file import AccessFile
from hub.web.access.html import refused_page
from hub.web.access.passwords import Passwords
from hub.web.access.routes import GuardedRoute
from hub.web.access.sessions import Sessions, WebSession
from hub.web.access.trail import note_acts
from hub.web.access.users import Users
from hub.web.bodies import HttpProblem, not_now, problem_answer

log = logging.getLogger(__name__)
COOKIE = "cityhub_session"
CSRF_HEADER = "x-csrf-token"
_SAFE = frozenset({"GET", "HEAD"})
PersonHandler = Callable[[Request, WebSession], Awaitable[Response]]


class Access:
    """Over one file of users and sessions."""

    def __init__(self, file: AccessFile, passwords: Passwords | None = None) -> None:
        self.file = file
        self.passwords = passwords or Passwords()
        self.users, self.sessions = Users(file), Sessions(file)

    def page(self, path: str, handler: PersonHandler, roles: frozenset[Role]) -> GuardedRoute:
        """A page for these. Others get one that says so; who is not logged in comes back behind /login."""

        async def answer(request: Request) -> Response:
            try:
                session = await self.session(request)
                if session is None:
                    return redirect(request, f"/login?after={quote(_here(request), safe='')}")
                if session.must_change:
                    return redirect(request, "/password")
                found = (
                    await handler(request, session)
                    if session.user.may(roles)
                    else refused_page(roles, prefix_of(request))
                )
            except HttpProblem as problem:
                found = problem_answer(problem)
            return counted("GET", path, private(found))

        return GuardedRoute(path, answer, roles)

    def call(self, method: str, path: str, handler: PersonHandler, roles: frozenset[Role]) -> GuardedRoute:
        """A call that scripts of our pages make. What it answers to others is a problem: 401, 403."""

        async def answer(request: Request) -> Response:
            try:
                session = await self.require_session(request, roles)
                if method not in _SAFE:
                    require_same_origin(request)
                    require_csrf(session, request.headers.get(CSRF_HEADER, ""))
                found = await handler(request, session)
            except HttpProblem as problem:
                found = problem_answer(problem)
            return counted(method, path, private(found))

        return GuardedRoute(path, answer, roles, [method])

    async def session(self, request: Request) -> WebSession | None:
        """Who calls; None if nobody is logged in. Raises HttpProblem (503) if that cannot be told."""
        try:
            found = self.sessions.find(request.cookies.get(COOKIE, ""))
            if found is not None and self.sessions.is_to_be_seen(found):
                await asyncio.to_thread(self.sessions.see, found)
        except FatalError as error:
            log.error("%s", error)  # noqa: TRY400 - it says all
            raise not_now("sessions cannot be looked at") from None
        return found

    async def require_session(self, request: Request, roles: frozenset[Role]) -> WebSession:
        """Raises HttpProblem: 401 for who is not logged in, 403 for who may not."""
        session = await self.session(request)
        if session is None:
            raise HttpProblem(401, "nobody is logged in here; log in at /login 请先登录")
        if session.must_change:
            raise HttpProblem(403, "choose a password of your own first, at /password 请先修改密码")
        if not session.user.may(roles):
            raise HttpProblem(403, f"this is for {', '.join(sorted(roles))}; ask an operator 无此权限")
        return session

    def is_alive(self, session: WebSession) -> bool:
        """Whether it lets in still. Nobody whom nothing can be told of."""
        try:
            return self.sessions.is_alive(session)
        except FatalError:
            return False

    @asynccontextmanager
    async def acting(self, who: str, acts: Sequence[AuditedAct]) -> AsyncIterator[None]:
        """Acts are in the trail before the block does them; if it raises, that they failed is, too.

        Raises HttpProblem (503), and nothing is done, if the trail cannot be written.
        """
        await self.note(who, acts)
        try:
            yield
        except BaseException:
            await self.note(who, [AuditedAct(f"{act.what}.failed", act.subject) for act in acts])
            raise

    async def note(self, who: str, acts: Sequence[AuditedAct]) -> None:
        """Raises HttpProblem (503) if the trail cannot be written."""
        try:
            await asyncio.to_thread(self._note, who, acts)
        except FatalError as error:
            log.error("%s", error)  # noqa: TRY400 - it says all
            raise not_now("the audit trail cannot be written, so nothing is done") from None

    def _note(self, who: str, acts: Sequence[AuditedAct]) -> None:
        with self.file.writing() as connection:
            note_acts(connection, who, acts)

    def close(self) -> None:
        self.passwords.close()
        self.file.close()


def require_csrf(session: WebSession, text: str) -> None:
    """Raises HttpProblem (403) if a call does not bear the token of a page of this session."""
    if not hmac.compare_digest(session.csrf.encode(), text.encode("utf-8", "surrogatepass")):
        raise HttpProblem(403, "the page is from another session; load it again 页面已失效，请刷新")


def require_same_origin(request: Request) -> None:
    """Raises HttpProblem (403) for a call that a browser makes for another site. Others than browsers say nothing of it."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    own = site in ("same-origin", "none") if site is not None else origin is None or _is_own(request, origin)
    if not own:
        raise HttpProblem(403, "this call comes from another site 跨站请求已拒绝")


def _is_own(request: Request, origin: str) -> bool:
    return origin.partition("://")[2] == request.url.netloc


def _here(request: Request) -> str:
    path = request.url.path.removeprefix(prefix_of(request))
    return path + (f"?{request.url.query}" if request.url.query else "")


def redirect(request: Request, path: str) -> Response:
    return RedirectResponse(prefix_of(request) + path, 303)


def prefix_of(request: Request) -> str:
    return str(request.scope.get("root_path", ""))


def private(answer: Response) -> Response:
    answer.headers.setdefault("Cache-Control", "no-store")
    return answer


def counted(method: str, path: str, answer: Response) -> Response:
    WEB_ANSWERS.labels(f"{method} {path}", str(answer.status_code)).inc()
    return answer
