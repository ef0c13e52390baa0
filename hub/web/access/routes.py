"""A route of the web says who may, or it is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

from starlette.routing import Route

from hub.web.access.accounts import Role


class OpenTo(StrEnum):
    """Whom a route lets in that is not for people who are logged in."""

    ANYBODY = "anybody"
    BROWSERS = "browsers"
    """Anybody, too: what belongs to the pages for people and shows nothing of the city, as logging in, styles and scripts."""
    TOKEN = "token"
    API_KEY = "api_key"


class GuardedRoute(Route):
    """`may`: the roles that it is for, or whom else; its endpoint sees to it."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        may: frozenset[Role] | OpenTo,
        methods: Sequence[str] = ("GET",),
    ) -> None:
        super().__init__(path, endpoint, methods=list(methods))
        self.may = may
