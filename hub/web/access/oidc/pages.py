"""The way to the provider and back."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.errors import FatalError
from hub.web.access.guard import Access, counted, prefix_of, private
from hub.web.access.html import login_page
from hub.web.access.login import begin_session, calling_address, inside, require_guarded
from hub.web.access.oidc.attempts import ATTEMPT_MS, LoginAttempts
from hub.web.access.oidc.provider import LoginRefusedError, Provider
from hub.web.access.routes import GuardedRoute, OpenTo
from hub.web.bodies import HttpProblem, not_now, problem_answer
from hub.web.rate import CallRate

log = logging.getLogger(__name__)
BINDING_COOKIE = "cityhub_login"
BEGIN_PATH, BACK_PATH = "/login/oidc", "/login/oidc/back"
OUTSIDE_NAME = "Log in by the city's account 统一身份登录"
_MOST_CHARS = 4_000
_AGAIN = "This login is not known here any more; begin again 登录已失效，请重新开始"
_TOO_OFTEN = "Too often; wait a minute 尝试过于频繁，请稍候"


class OidcPages:
    """`home`: where to go who does not say; `by_address`: how often somebody may set out."""

    def __init__(self, access: Access, provider: Provider, home: str = "/", by_address: CallRate | None = None) -> None:
        self._access, self._provider, self._home = access, provider, home
        self._attempts = LoginAttempts(access.file)
        self._by_address = by_address or CallRate(20, 0.1)

    @property
    def routes(self) -> list[GuardedRoute]:
        return [self._route(BEGIN_PATH, self._begin), self._route(BACK_PATH, self._back)]

    def _route(self, path: str, handler: Callable[[Request], Awaitable[Response]]) -> GuardedRoute:
        async def answer(request: Request) -> Response:
            try:
                require_guarded(request)
                found = await handler(request)
            except LoginRefusedError as error:
                found = login_page(self._home, str(error), 403, outside=OUTSIDE_NAME, prefix=prefix_of(request))
            except FatalError as error:
                log.error("%s", error)  # noqa: TRY400 - it says all
                found = problem_answer(not_now("no login can begin"))
            except HttpProblem as problem:
                found = problem_answer(problem)
            return counted("GET", path, private(found))

        return GuardedRoute(path, answer, OpenTo.BROWSERS)

    async def _begin(self, request: Request) -> Response:
        if wait := self._by_address.wait_seconds(calling_address(request)):
            raise HttpProblem(429, _TOO_OFTEN, headers={"Retry-After": str(wait)})
        after = inside(request.query_params.get("after", ""), self._home)
        attempt, binding = await asyncio.to_thread(self._attempts.begin, after)
        answer = RedirectResponse(await self._provider.address(attempt, _back_address(request)), 303)
        answer.set_cookie(
            BINDING_COOKIE, binding, max_age=ATTEMPT_MS // 1000, path=prefix_of(request) + BEGIN_PATH,
            secure=request.url.scheme == "https", httponly=True, samesite="lax",
        )  # fmt: skip
        return answer

    async def _back(self, request: Request) -> Response:
        query = request.query_params
        state, code = query.get("state", ""), query.get("code", "")
        attempt = await asyncio.to_thread(self._attempts.take, state, request.cookies.get(BINDING_COOKIE, ""))
        if attempt is None:
            raise LoginRefusedError(_AGAIN)
        if not self._is_of_provider(query.get("iss")) or not 0 < len(code) <= _MOST_CHARS:
            raise LoginRefusedError("the provider has let nobody in 认证未通过")
        user = await self._provider.user(attempt, code, _back_address(request))
        answer = await begin_session(self._access, request, user, attempt.after, self._provider.issuer)
        answer.delete_cookie(BINDING_COOKIE, path=prefix_of(request) + BEGIN_PATH)
        return answer

    def _is_of_provider(self, issuer: str | None) -> bool:
        """Where it says who it is (RFC 9207)."""
        return issuer is None or hmac.compare_digest(
            issuer.rstrip("/").encode("utf-8", "replace"), self._provider.issuer.encode()
        )


def _back_address(request: Request) -> str:
    """XXX: made of the Host that the browser named; the provider takes none but those that are registered with it."""
    return f"{request.url.scheme}://{request.url.netloc}{prefix_of(request)}{BACK_PATH}"
