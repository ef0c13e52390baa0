"""How a list comes in pages: which parameters ask for a page, and which page is next. Each kind knows when it is over."""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import BaseModel, ConfigDict, Field

from hub.sdk.access.links import link_within
from hub.sdk.contract import KeptPosition
from hub.sdk.errors import ConfigurationError

COUNTED = "counted"
"""What asks for the next page is its number."""
_LINK = re.compile(r"<([^<>]*+)>\s*+;([^,<]*+)")  # takes nothing back: a system must not make it search for long
_IS_NEXT = re.compile(r'\brel\s*+=\s*+"?next\b', re.IGNORECASE)


class PagePosition(KeptPosition):
    """The position: what is asked for since (ms), and how far the sweep at work has come. `newest`: seen in it; `began`: when it
    began, by the system's clock; `until`: the end of its window. `page` counts from 0,
    `token` is what asks for the next page. `sweeps` is how many have ended."""

    since: int | None = None
    sweeps: int = 0
    newest: int | None = None
    began: int | None = None
    until: int | None = None
    page: int = 0
    items: int = 0
    token: str | None = Field(None, max_length=8_000)

    @property
    def resting(self) -> PagePosition:
        """Between two sweeps."""
        return PagePosition(since=self.since, sweeps=self.sweeps)


class PageAnswer(NamedTuple):
    """What a page is made of, as far as paging looks at it."""

    url: str
    body: Any
    items: int
    link: str


class _Kind(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def params(self, place: PagePosition) -> dict[str, str | int]:
        """What asks for the page at `place`."""
        del place
        return {}

    @abstractmethod
    def next(self, place: PagePosition, answer: PageAnswer) -> str | None:
        """What asks for the page behind; None: there is none. Kinds that count give a word that says so."""


def _is_last(place: PagePosition, items: int, size: int | None) -> bool:
    """An empty page is. A short one only if the ones before were full: many systems give fewer at once than they are asked for."""
    return not items or (size is not None and items < size and 0 < place.page * size == place.items)


class PagingNone(_Kind):
    """All in one answer."""

    kind: Literal["none"]

    def next(self, place: PagePosition, answer: PageAnswer) -> str | None:
        return None


class PagingPage(_Kind):
    """page=1, page=2, ... until one is empty, or shorter than the full ones before it."""

    kind: Literal["page"]
    param: str = "page"
    start: int = 1
    size_param: str | None = None
    size: int | None = Field(None, ge=1, description="items that are asked for; a system may give fewer")

    def params(self, place: PagePosition) -> dict[str, str | int]:
        sized: dict[str, str | int] = {self.size_param: self.size} if self.size_param and self.size else {}
        return {self.param: self.start + place.page} | sized

    def next(self, place: PagePosition, answer: PageAnswer) -> str | None:
        return None if _is_last(place, answer.items, self.size) else COUNTED


class PagingOffset(_Kind):
    """offset=0, offset=100, ... by what has come so far."""

    kind: Literal["offset"]
    param: str = "offset"
    size_param: str = "limit"
    size: int = Field(100, ge=1)

    def params(self, place: PagePosition) -> dict[str, str | int]:
        return {self.param: place.items, self.size_param: self.size}

    def next(self, place: PagePosition, answer: PageAnswer) -> str | None:
        return None if _is_last(place, answer.items, self.size) else COUNTED


class PagingCursor(_Kind):
    """The answer holds what asks for the next page."""

    kind: Literal["cursor"]
    param: str = "cursor"
    where: str = Field(description="where it is in the answer (`meta.next`); absent, null or empty: the last page")
    size_param: str | None = None
    size: int | None = Field(None, ge=1)

    def params(self, place: PagePosition) -> dict[str, str | int]:
        sized: dict[str, str | int] = {self.size_param: self.size} if self.size_param and self.size else {}
        return ({self.param: place.token} if place.token else {}) | sized

    def next(self, place: PagePosition, answer: PageAnswer) -> str | None:
        found = found_at(answer.body, self.where)
        if found in (None, "", False):
            return None
        try:
            str(found).encode()
        except UnicodeEncodeError:
            raise ConfigurationError(
                f"what is at {self.where} holds half a character, so the next page cannot be asked for; look at `where`"
            ) from None
        return str(found)


class PagingLink(_Kind):
    """The answer, or its header `Link` (RFC 8288), holds the address of the next page, which is of the same system."""

    kind: Literal["link"]
    where: str | None = Field(None, description="where it is in the answer; null: in the header")

    def next(self, place: PagePosition, answer: PageAnswer) -> str | None:
        found = found_at(answer.body, self.where) if self.where else answer.link
        if not found:
            return None
        address = link_within(answer.url, str(found))
        if address is None:
            raise ConfigurationError(
                "the next page is said to be on another system, or nowhere: credentials are not sent there"
            )
        target = urlsplit(address)
        return f"{target.path}?{target.query}" if target.query else target.path


class PagingWindow(_Kind):
    """A stretch of time each call, where the system gives no more than so many days, or so many items, at once."""

    kind: Literal["window"]
    from_param: str = "start_date"
    to_param: str = "end_date"
    hours: float = Field(24, gt=0)

    def next(self, place: PagePosition, answer: PageAnswer) -> str | None:
        return None


Paging = Annotated[
    PagingNone | PagingPage | PagingOffset | PagingCursor | PagingLink | PagingWindow, Field(discriminator="kind")
]


def found_at(body: Any, where: str) -> Any:
    """What stands in an answer at a dotted path; None if nothing does."""
    for step in where.split(".") if where else ():
        if isinstance(body, dict):
            body = body.get(step)
        elif isinstance(body, list | tuple) and step.isdigit() and int(step) < len(body):
            body = body[int(step)]
        else:
            return None
    return body


def next_of_header(header: str) -> str:
    """The address with rel=next of a header `Link`; empty if there is none."""
    found = next((each for each in _LINK.finditer(header) if _IS_NEXT.search(each[2])), None)
    return found[1] if found else ""


def without_param(target: str, name: str | None) -> str:
    """A path with its query, less one parameter: what is secret is not kept in a position."""
    path, _, query = target.partition("?")
    kept = [(key, value) for key, value in parse_qsl(query, keep_blank_values=True) if key != name]
    return f"{path}?{urlencode(kept)}" if kept else path
