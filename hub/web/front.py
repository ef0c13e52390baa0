"""What all of the web's handlers work with, and what it asks of every caller."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.requests import Request

from hub.errors import FatalError
from hub.policy import City
from hub.stream.avro.codec import Codec
from hub.web.access.guard import Access
from hub.web.bodies import HttpProblem, not_now
from hub.web.intake import Intake
from hub.web.live_city import LiveCity
from hub.web.news import News
from hub.web.read.model import ReadModel
from hub.web.tokens import MOST_TOKEN_CHARS, Scope, Token, TokenKind, Tokens

log = logging.getLogger(__name__)
_STREAMS_EACH = 8


@dataclass(frozen=True)
class Front:
    """One city's web."""

    live: LiveCity
    codec: Codec
    model: ReadModel
    news: News
    intake: Intake
    tokens: Tokens
    access: Access
    streams: Counter[str] = field(default_factory=Counter)
    """Open ones, by the token's id."""

    @property
    def city(self) -> City:
        """As it is now."""
        return self.live.city

    def require_ready(self) -> None:
        """Raises HttpProblem (503) while the topics are read for the first time, or cannot be."""
        if not self.model.is_ready:
            raise not_now("the topics are still being read")

    def token(self, text: str, kind: TokenKind) -> Token | None:
        """Raises HttpProblem (503) if the file of tokens cannot be read: then nobody is let in."""
        try:
            return self.tokens.holder(text, kind)
        except FatalError as error:
            log.error("%s", error)  # noqa: TRY400 - it says all
            raise not_now("tokens cannot be checked") from None

    def require_token(self, request: Request, kind: TokenKind, holder: str, scope: Scope) -> Token:
        """The token that a call bears. Raises HttpProblem: 401 for none that is known, 403 for another's or more than it may."""
        token = self.token(bearer(request), kind)
        if token is None:
            raise HttpProblem(
                401,
                "no token that is known here; send `Authorization: Bearer …`",
                headers={"WWW-Authenticate": "Bearer"},
            )
        if token.holder != holder or scope not in token.scopes:
            raise HttpProblem(403, "this token is not for that; ask the operator for one that is")
        return token

    def require_room(self, token: Token) -> None:
        """Raises HttpProblem (429) if a token has too many calls open that wait for news."""
        if self.streams[token.id] >= _STREAMS_EACH:
            raise HttpProblem(429, f"this token has {_STREAMS_EACH} open; end one", headers={"Retry-After": "10"})

    @contextmanager
    def counted(self, token: Token) -> Iterator[None]:
        """One call of a token that waits."""
        self.streams[token.id] += 1
        try:
            yield
        finally:
            self.streams[token.id] -= 1
            if not self.streams[token.id]:
                del self.streams[token.id]


def bearer(request: Request) -> str:
    """The token of a call's Authorization; empty if there is none."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    return text.strip()[:MOST_TOKEN_CHARS] if scheme.lower() == "bearer" else ""
