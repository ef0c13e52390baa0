"""The source of lists over HTTP: sweep after sweep, page by page, what is new since the sweep before."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, ClassVar, NoReturn
from zoneinfo import ZoneInfo

import xxhash
from pydantic import ValidationError

from hub.clock import wall_ms
from hub.declared.texts import parse_json
from hub.errors import Reason, RejectedRecordError
from hub.millis import HOUR_MS, ms_of
from hub.sdk.contract import Batch, Context, Item, Position, Source, json_values
from hub.sdk.errors import ConfigurationError, PermanentError, PositionLostError, TransientError
from hub.sdk.mapping.columns import text_of
from hub.sdk.mapping.times import parse_time
from hub.sdk.sources.http.client import HttpClient, HttpReply, iso_utc
from hub.sdk.sources.http.config import HttpConfig, Incremental, Query
from hub.sdk.sources.http.paging import (
    COUNTED,
    PageAnswer,
    PagePosition,
    PagingLink,
    PagingWindow,
    found_at,
    next_of_header,
    without_param,
)

_MOST_REMEMBERED = 200_000
_MOST_REPEATS = 3
_MOST_BARREN = 100
"""Pages in a row without an item that the sweep has not seen: a list that goes on so has no end."""


class HttpSource(Source):
    """A position is where a sweep stands, so that one that is interrupted goes on; the time it asks for moves at its end only.

    Items that are just as in the sweep before are left out, as long as the process lives: an overlap costs no traffic behind it.
    """

    Config: ClassVar[type[HttpConfig]] = HttpConfig
    version = 1

    def __init__(self, config: HttpConfig, context: Context) -> None:
        super().__init__(config, context)
        self._client: HttpClient | None = None
        self._place = PagePosition()
        self._before: set[bytes] = set()
        self._now: set[bytes] = set()
        self._page_digest: tuple[int, bytes] | None = None
        self._repeats = 0
        self._reached = self._resumed = self._clamped = False
        self._dropped: str | None = None
        self._said_odd = False
        self._barren = 0
        self._tokens: set[str] = set()
        """That led to the pages of the sweep at work."""

    @property
    def system(self) -> str:
        return f"{self.config.base_url}{self.config.path}"

    @property
    def reads(self) -> frozenset[str]:
        incremental = self.config.incremental
        return frozenset() if incremental is None else frozenset((incremental.field,))

    def check(self) -> str:
        self.connect(None)
        try:
            place = self._begun(self._place, wall_ms())
            _, _, items = self._call(place)
            if (odd := self._without_time(items)) is not None:
                raise ConfigurationError(odd)
            return f"GET {self.config.path} answers with {len(items)} items"
        finally:
            self.close()

    def connect(self, position: Position | None) -> None:
        try:
            place = PagePosition() if position is None else PagePosition.model_validate(position)
        except ValidationError as error:
            raise PositionLostError(f"{self.context.domain}: the position is none of an HTTP source") from error
        self.close()
        self._client = HttpClient(self.config)
        if place != self._place:  # else it is where it was left, and what was read till then is acknowledged
            self._before, self._now, self._page_digest, self._tokens = set(), set(), None, set()
        self._place = place.resting if place.token is not None and place.token == self._dropped else place
        self._resumed = self._place.token is not None

    def position_at(self, at_ms: int) -> Position | None:
        if self.config.incremental is None:
            return super().position_at(at_ms)
        return PagePosition(since=at_ms).model_dump(exclude_defaults=True)

    def read(self, timeout_seconds: float) -> Batch:
        client = self._opened
        if (wait := client.seconds_to_wait()) > 0:
            return Batch(wait_seconds=wait)
        place = self._begun(self._place, wall_ms())
        try:
            reply, body, found = self._call(place)
        except (ConfigurationError, PermanentError):
            if not self._resumed:
                raise
            self._dropped = place.token  # of yesterday: the sweep begins anew, from where it had begun
            raise TransientError("the page that was next is not known any more; the sweep begins anew") from None
        self._resumed = False
        self._require_other_page(place, found)
        if (odd := self._without_time(found)) is not None and not self._said_odd:
            self._said_odd = True
            self.context.say(odd)
        seen = len(self._now)
        batch_items = [
            item for index, each in enumerate(found, 1) if (item := self._item(each, place, index)) is not None
        ]
        after = self._after(place, reply, body, found)
        self._repeats = 0
        self._require_something(barren=len(self._now) == seen and seen < _MOST_REMEMBERED)
        over = after.began is None
        self._place = after
        if over:
            self._before, self._now, self._barren = self._now, set(), 0
        position = after.model_dump(exclude_defaults=True)
        last = over and self.config.once and not self._behind(after)
        rest = self.config.every_seconds if over and not last and not self._behind(after) else 0.0
        return Batch(batch_items, position or None, last, rest)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    # -- one page ------------------------------------------------------------------------------------------------------------------

    def _call(self, place: PagePosition) -> tuple[HttpReply, Any, list[Any]]:
        """The page at `place`, with its items. Raises what the client does, and TransientError if it is no page."""
        config = self.config
        if isinstance(config.paging, PagingLink) and place.token:
            reply = self._opened.get(self._target(place.token), {}, f"{config.path} page {place.page + 1}")
        else:
            params = {**config.params, **self._since(place), **config.paging.params(place)}
            reply = self._opened.get(config.path, params)
        body = _parsed(reply)
        found = found_at(body, config.items)
        if not isinstance(found, list | tuple):
            said = f"GET {config.path}: there is no list at {config.items or 'the top'} of the answer"
            # once it was there, it is the system that stumbles
            raise TransientError(said) if self._reached else ConfigurationError(f"{said}; look at `items`")
        self._reached = True
        return reply, body, list(found)

    def _target(self, token: str) -> str:
        """The path of a link, behind base_url."""
        scheme, _, rest = self.config.base_url.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}{token}"

    def _since(self, place: PagePosition) -> dict[str, str | int]:
        incremental, paging = self.config.incremental, self.config.paging
        if incremental is None:
            return {}
        if isinstance(paging, PagingWindow):
            assert place.until is not None
            return {
                paging.from_param: _written(self._from(place, incremental), incremental.param_format),
                paging.to_param: _written(place.until, incremental.param_format),
            }
        if incremental.param is None or (since := self._asked_from(place, incremental)) is None:
            return {}
        return {incremental.param: _written(since, incremental.param_format)}

    def _asked_from(self, place: PagePosition, incremental: Incremental) -> int | None:
        if place.since is None:
            return None if incremental.start is None else _ms(incremental.start)
        return place.since - round(incremental.overlap_minutes * 60_000)

    def _from(self, place: PagePosition, incremental: Incremental) -> int:
        found = self._asked_from(place, incremental)
        return 0 if found is None else found

    def _begun(self, place: PagePosition, now_ms: int) -> PagePosition:
        """A sweep at work: the one that was interrupted, or a new one."""
        if place.began is not None:
            return place
        until, paging = None, self.config.paging
        if isinstance(paging, PagingWindow) and self.config.incremental is not None:
            began_from = place.since if place.since is not None else self._from(place, self.config.incremental)
            until = min(began_from + round(paging.hours * HOUR_MS), now_ms)
        return place.model_copy(update={"began": now_ms, "until": until})

    def _after(self, place: PagePosition, reply: HttpReply, body: Any, items: list[Any]) -> PagePosition:
        """Where the sweep stands behind this page."""
        newest = max((at for each in items if (at := self._changed_at(each)) is not None), default=None)
        newest = place.newest if newest is None else max(newest, place.newest or newest)
        # what is dated ahead of the system's own clock would hide all that is said until then
        began = min(place.began or reply.at_ms, reply.at_ms) if not place.page else place.began
        answer = PageAnswer(self.system, body, len(items), next_of_header(reply.link))
        token = self.config.paging.next(place, answer)
        if token is None or self._clamped:
            return PagePosition(since=self._until(place, newest, began), sweeps=place.sweeps + 1)
        if token != COUNTED:
            self._require_new(token, place)
        if place.page + 1 >= self.config.max_pages:
            raise ConfigurationError(
                f"a sweep has more than {self.config.max_pages:,} pages: paging is not as it was declared"
            )
        auth = self.config.auth
        token = (
            without_param(token, auth.name)
            if isinstance(auth, Query) and isinstance(self.config.paging, PagingLink)
            else token
        )
        return place.model_copy(
            update={
                "newest": newest,
                "began": began,
                "page": place.page + 1,
                "items": place.items + len(items),
                "token": token,
            }
        )

    def _require_something(self, *, barren: bool) -> None:
        self._barren = self._barren + 1 if barren else 0
        if self._barren >= _MOST_BARREN:
            raise ConfigurationError(
                f"GET {self.config.path}: {self._barren} pages in a row hold nothing that was not read in this sweep, and there is "
                "always another; look at `paging`"
            )

    def _require_new(self, token: str, place: PagePosition) -> None:
        """Raises TransientError or ConfigurationError if the next page is one that the sweep has read: it would go in a circle."""
        if not place.page:
            self._tokens.clear()
        if token == place.token or token in self._tokens:
            self._stumble(
                f"GET {self.config.path}: the page that is next is said to be one that was read in this sweep"
            )
        self._tokens.add(token)

    def _until(self, place: PagePosition, newest: int | None, began: int | None) -> int | None:
        """From when the next sweep asks."""
        if place.until is not None:
            return place.until
        if newest is None or self.config.incremental is None:
            return place.since
        seen = newest if began is None else min(newest, began)
        return seen if place.since is None else max(seen, place.since)

    def _behind(self, place: PagePosition) -> bool:
        """Whether the next window is over already: then it is read without a rest."""
        paging = self.config.paging
        if not isinstance(paging, PagingWindow) or place.since is None:
            return False
        return place.since + round(paging.hours * HOUR_MS) < wall_ms()

    def _require_other_page(self, place: PagePosition, items: list[Any]) -> None:
        """Raises TransientError if the page is the one before: it is asked for again, where it is. A system that goes on answering
        with its last page has no more; one whose second page is its first does not know the parameter."""
        digest = xxhash.xxh3_128_digest(json.dumps(items, sort_keys=True, default=str).encode(errors="surrogatepass"))
        self._clamped = False
        if (
            items
            and self._page_digest is not None
            and self._page_digest[0] == place.page - 1
            and self._page_digest[1] == digest
        ):
            self._clamped = self._repeats + 1 >= _MOST_REPEATS and place.page > 1
            if not self._clamped:
                self._stumble(f"GET {self.config.path}: page {place.page + 1} is page {place.page} once more")
        self._page_digest = (place.page, digest)

    def _stumble(self, text: str) -> NoReturn:
        """It may be so once; a system that goes on so is not paged as was declared."""
        self._repeats += 1
        if self._repeats < _MOST_REPEATS:
            raise TransientError(text)
        raise ConfigurationError(f"{text}, time and again; look at the parameters under `paging`")

    # -- one item ------------------------------------------------------------------------------------------------------------------

    def _item(self, item: Any, place: PagePosition, index: int) -> Item | None:
        """None if it is just as it was in this sweep or the one before."""
        of = f"GET {self.config.path} page {place.page + 1}"
        raw = json.dumps(item, ensure_ascii=False, sort_keys=True, default=str)
        if not isinstance(item, dict):
            fault = RejectedRecordError(Reason.BAD_ROW, "the item is no JSON object")
            return Item(None, of, index, raw.encode(errors="replace"), fault=fault, unit="item")
        try:
            digest = xxhash.xxh3_128_digest(raw.encode())
        except UnicodeEncodeError:
            fault = RejectedRecordError(Reason.BAD_ROW, "the item is not in the encoding that the answer says it has")
            return Item(None, of, index, raw.encode(errors="replace"), fault=fault, unit="item")
        known = digest in self._before or digest in self._now
        if len(self._now) < _MOST_REMEMBERED:
            self._now.add(digest)
        return None if known else Item(json_values(item), of, index, unit="item")

    def _without_time(self, items: list[Any]) -> str | None:
        """What is wrong if nothing says when it changed: then no sweep can ask for what is new. None: nothing is."""
        incremental = self.config.incremental
        if incremental is None or not items or isinstance(self.config.paging, PagingWindow):
            return None
        if any(self._changed_at(each) is not None for each in items):
            return None
        return (
            f"GET {self.config.path}: of {len(items)} items none has {incremental.field} as a time of "
            f"{', '.join(incremental.formats)}, so each sweep reads all once more; look at `incremental`"
        )

    def _changed_at(self, item: Any) -> int | None:
        incremental = self.config.incremental
        if incremental is None or not isinstance(item, dict):
            return None
        text = text_of(found_at(item, incremental.field))
        try:
            return parse_time(text, incremental.formats, ZoneInfo(incremental.time_zone)) if text else None
        except RejectedRecordError:
            return None  # the mapping says so of that item

    @property
    def _opened(self) -> HttpClient:
        if self._client is None:
            self._client = HttpClient(self.config)
        return self._client


def _parsed(reply: HttpReply) -> Any:
    """Raises TransientError: an answer that is no JSON is half of one, or of something in between."""
    try:
        text = reply.body.decode(reply.charset)
    except LookupError:
        text = reply.body.decode("utf-8", "surrogateescape")
    except UnicodeDecodeError:
        text = reply.body.decode(reply.charset, "surrogateescape")
    try:
        return parse_json(text.removeprefix("\ufeff"), parse_float=str, null_for_no_number=True)
    except ValueError as error:
        if text.lstrip("\ufeff \t\r\n").startswith("<"):
            raise TransientError(
                "the answer is a page (HTML or XML) in place of JSON: of a gateway or a login, or base_url and path lead elsewhere"
            ) from error
        raise TransientError("the answer is no whole JSON document: it was cut off, or is no JSON") from error


def _written(at_ms: int, form: str) -> str | int:
    if form == "epoch_ms":
        return at_ms
    if form == "epoch_s":
        return at_ms // 1000
    if form == "date":
        return iso_utc(at_ms)[:10]
    return iso_utc(at_ms)


def _ms(text: str) -> int:
    found = datetime.fromisoformat(text)
    return ms_of(found)
