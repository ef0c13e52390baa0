"""Logging in and out, and choosing a password: plain forms. An unknown name and a wrong password are told the same, as slowly."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from hub.errors import FatalError
from hub.sdk.access.loopback import is_loopback
from hub.web.access.accounts import MOST_PASSWORD_CHARS, User, password_fault
from hub.web.access.guard import (
    COOKIE,
    Access,
    counted,
    prefix_of,
    private,
    redirect,
    require_csrf,
    require_same_origin,
)
from hub.web.access.html import STYLE, login_page, password_page
from hub.web.access.routes import GuardedRoute, OpenTo
from hub.web.access.sessions import WebSession
from hub.web.access.users import LocalUser
from hub.web.bodies import HttpProblem, body_of, not_now, problem_answer
from hub.web.rate import CallRate, caller_of

log = logging.getLogger(__name__)
_MOST_BYTES, _MOST_FIELDS = 8_192, 20
_MOST_AFTER_CHARS = 1_000
_WRONG = "Name or password is wrong, or the user is disabled 用户名或密码错误，或账户已停用"
_TOO_OFTEN = "Too often; wait a minute 尝试过于频繁，请稍候"
_UNGUARDED = "passwords go over https only, or from this machine itself; put a proxy with TLS before the web, and name it (--proxy)"
_Handler = Callable[[Request], Awaitable[Response]]


class LoginPages:
    """`outside`: what the other way in is called, where there is one; `home`: where to go who does not say.
    `by_address`, `by_name`: how often somebody may try."""

    def __init__(
        self,
        access: Access,
        outside: str | None = None,
        home: str = "/",
        by_address: CallRate | None = None,
        by_name: CallRate | None = None,
    ) -> None:
        self._access, self._outside, self._home = access, outside, home
        self._by_address = by_address or CallRate(20, 0.1)
        self._by_name = by_name or CallRate(10, 1 / 30)

    @property
    def routes(self) -> list[GuardedRoute]:
        """Open to anybody, who is then asked who they are."""
        handlers: list[tuple[str, str, _Handler]] = [
            ("GET", "/login", self._show),
            ("POST", "/login", self._log_in),
            ("POST", "/logout", self._log_out),
            ("GET", "/password", self._show_password),
            ("POST", "/password", self._change_password),
            ("GET", "/login.css", _style),
        ]
        return [_open_route(*each) for each in handlers]

    async def _show(self, request: Request) -> Response:
        return self._login_page(request, inside(request.query_params.get("after", ""), self._home))

    def _login_page(self, request: Request, after: str, fault: str = "", status: int = 200) -> Response:
        return login_page(after, fault, status, outside=self._outside, prefix=prefix_of(request))

    async def _log_in(self, request: Request) -> Response:
        require_same_origin(request)
        require_guarded(request)
        form = await _form(request)
        name, after = form.get("name", "")[:MOST_PASSWORD_CHARS], inside(form.get("after", ""), self._home)
        if wait := self._wait_seconds(request, name):
            answer = self._login_page(request, after, _TOO_OFTEN, 429)
            answer.headers["Retry-After"] = str(wait)
            return answer
        local = await self._right(name, form.get("password", ""))
        if local is None:
            return self._login_page(request, after, _WRONG, 401)
        return await begin_session(self._access, request, local.user, "/password" if local.must_change else after)

    def _wait_seconds(self, request: Request, name: str) -> int:
        """By address and by name, known or not: whoever tries names learns nothing by it."""
        return self._by_address.wait_seconds(calling_address(request)) or self._by_name.wait_seconds(name)

    async def _right(self, name: str, password: str) -> LocalUser | None:
        try:
            local = self._access.users.find(name)
        except FatalError as error:
            log.error("%s", error)  # noqa: TRY400 - it says all
            raise not_now("nobody can be looked up") from None
        is_right = await self._access.passwords.check(password[:MOST_PASSWORD_CHARS], local and local.password)
        return local if local is not None and is_right and local.disabled_ms is None else None

    async def _log_out(self, request: Request) -> Response:
        session = await self._access.session(request)
        if session is not None:
            require_same_origin(request)
            require_csrf(session, (await _form(request)).get("csrf", ""))
            await asyncio.to_thread(self._access.sessions.end, session)
        answer = redirect(request, "/login")
        answer.delete_cookie(COOKIE, path=prefix_of(request) or "/")
        return answer

    async def _show_password(self, request: Request) -> Response:
        session = await self._own_session(request)
        return password_page(session.user.name, session.csrf) if session else redirect(request, "/login")

    async def _change_password(self, request: Request) -> Response:
        session = await self._own_session(request)
        if session is None:
            return redirect(request, "/login")
        require_same_origin(request)
        require_guarded(request)
        form = await _form(request)
        require_csrf(session, form.get("csrf", ""))
        fault, status = await self._fault_of(request, session, form)
        if fault is not None:
            return password_page(session.user.name, session.csrf, fault, status)
        kept = await asyncio.to_thread(self._access.passwords.hashed, form.get("new", ""))
        name = session.user.name
        await asyncio.to_thread(lambda: self._access.users.set_password(name, kept, name, must_change=False))
        return await begin_session(self._access, request, session.user, self._home)

    async def _fault_of(self, request: Request, session: WebSession, form: dict[str, str]) -> tuple[str | None, int]:
        name, old, new = session.user.name, form.get("old", ""), form.get("new", "")
        if self._wait_seconds(request, name):
            return _TOO_OFTEN, 429
        if await self._right(name, old) is None:
            return _WRONG, 401
        if new != form.get("again", ""):
            return "The two are not the same 两次输入不一致", 422
        return password_fault(name, old, new), 422

    async def _own_session(self, request: Request) -> WebSession | None:
        """Of a local user: who logs in elsewhere changes it there."""
        session = await self._access.session(request)
        return session if session is not None and session.outside is None else None


async def begin_session(
    access: Access, request: Request, user: User, after: str, outside: str | None = None
) -> Response:
    """Send somebody who is known now to where they wanted to go. The session that they had ends."""
    old = await access.session(request)
    if old is not None:
        await asyncio.to_thread(access.sessions.end, old)
    try:
        text = await asyncio.to_thread(access.sessions.begin, user, calling_address(request), outside)
    except FatalError as error:
        log.error("%s", error)  # noqa: TRY400 - it says all
        raise not_now("no session can begin") from None
    answer = redirect(request, after)
    answer.set_cookie(
        COOKIE, text, path=prefix_of(request) or "/", secure=request.url.scheme == "https", httponly=True, samesite="lax",
    )  # fmt: skip
    return answer


def require_guarded(request: Request) -> None:
    """Raises HttpProblem (403) where a password would go over a network in the clear."""
    if request.url.scheme != "https" and not is_loopback(request.client.host if request.client else ""):
        raise HttpProblem(403, _UNGUARDED)


def calling_address(request: Request) -> str:
    """Who calls, as far as that is believed: X-Forwarded-For counts from a named proxy alone."""
    return caller_of(request.client.host if request.client else "")


def inside(path: str, home: str = "/") -> str:
    """A path of this web to go to; `home` for whatever else somebody wrote there, so that nobody is led elsewhere."""
    is_sound = len(path) <= _MOST_AFTER_CHARS and path.isprintable() and "\\" not in path
    return path if is_sound and path.startswith("/") and path[:2] != "//" else home


async def _form(request: Request) -> dict[str, str]:
    """The fields of a posted form. Raises HttpProblem for what is none."""
    body = await body_of(request, _MOST_BYTES)
    try:
        return dict(parse_qsl(body.decode("ascii"), encoding="utf-8", errors="strict", max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise HttpProblem(400, "the body is no form in UTF-8 (application/x-www-form-urlencoded)") from None


async def _style(_: Request) -> Response:
    return Response(STYLE, media_type="text/css", headers={"Cache-Control": "max-age=3600"})


def _open_route(method: str, path: str, handler: _Handler) -> GuardedRoute:
    async def answer(request: Request) -> Response:
        try:
            found = await handler(request)
        except HttpProblem as problem:
            found = problem_answer(problem)
        return counted(method, path, private(found))

    return GuardedRoute(path, answer, OpenTo.BROWSERS, [method])
