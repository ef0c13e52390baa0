"""Calls as they come: bodies bounded in size and time before anything looks into them, and answers in one shape."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from hub.escaping import to_json

BODY_SECONDS = 15.0
"""A body may take so long to come."""
RETRY_AFTER_SECONDS = 10


class HttpProblem(Exception):  # noqa: N818 - it is an answer, with its status
    """A call that is not done: what HTTP says of it, and a sentence with the way out, which quotes nothing that was sent."""

    def __init__(
        self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, errors: Sequence[Any] = ()
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers, self.errors = status, detail, dict(headers or {}), list(errors)


def not_now(what: str) -> HttpProblem:
    """503: call again."""
    return HttpProblem(503, f"{what}; call again", headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def json_answer(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON document that nobody keeps on the way."""
    kept = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(headers or {})}
    return Response(to_json(content), status, kept, "application/json; charset=utf-8")


def problem_answer(problem: HttpProblem) -> Response:
    """As RFC 9457 has it."""
    content: dict[str, Any] = {"status": problem.status, "detail": problem.detail}
    if problem.errors:
        content["errors"] = problem.errors
    answer = json_answer(content, problem.status, problem.headers)
    answer.headers["Content-Type"] = "application/problem+json; charset=utf-8"
    return answer


async def until_gone(request: Request) -> None:
    """Returns when the caller has gone away. For calls without a body, or whose body has been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def body_of(request: Request, most_bytes: int) -> bytes:
    """Raises HttpProblem before more than so many bytes are in memory (413), or if they take too long (408)."""
    too_long = HttpProblem(413, f"at most {most_bytes:,} bytes are taken in a call", headers={"Connection": "close"})
    length = request.headers.get("content-length") or "0"
    if not length.isascii() or not length.isdigit() or int(length) > most_bytes:
        raise too_long
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > most_bytes:
                    raise too_long
    except TimeoutError:
        raise HttpProblem(408, "the body came too slowly; call again", headers={"Connection": "close"}) from None
    except ClientDisconnect:
        raise HttpProblem(400, "the call ended before its body did") from None
    return bytes(body)
