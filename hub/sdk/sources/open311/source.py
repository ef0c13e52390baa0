"""The source of GeoReport v2: sweep after sweep, window by window, page by page; what is as it was is left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, ClassVar

import xxhash
from pydantic import ValidationError

from hub.clock import wall_ms
from hub.errors import Reason, RejectedRecordError
from hub.millis import DAY_MS, HOUR_MS
from hub.model.base import MAX_REF_CHARS
from hub.open311.models import Service, iso_of, xml_text
from hub.sdk.contract import Batch, Context, Item, Position, Source
from hub.sdk.errors import ConfigurationError, PositionLostError, TransientError
from hub.sdk.sources.open311.calls import GeoReport, NotThereError
from hub.sdk.sources.open311.config import Open311Config
from hub.sdk.sources.open311.memory import NameMemory
from hub.sdk.sources.open311.statements import StatementColumns, StatementReader
from hub.sdk.sources.open311.sweeps import Sweep, SweepKind, SweepPosition, Sweeps

_MOST_REPEATS = 3
_MOST_PAGES = 10_000
_SPECIFICATION = "georeport_v2"


class Open311Source(Source):
    """A position is where a sweep stands, so that one that is interrupted goes on, and since when each kind asks."""

    Config: ClassVar[type[Open311Config]] = Open311Config
    version = 1

    def __init__(self, config: Open311Config, context: Context) -> None:
        super().__init__(config, context)
        self._calls = GeoReport(config)
        self._sweeps = Sweeps(config)
        self._reader = StatementReader(config.time_formats, config.time_zone)
        self._late_ms = round(config.late_hours * HOUR_MS)
        self._place = SweepPosition()
        self._names: dict[str, str] | None = None
        self._repeats = 0
        self._forget()

    @property
    def system(self) -> str:
        jurisdiction = self.config.jurisdiction_id
        return f"{self.config.base_url}#{jurisdiction}" if jurisdiction else str(self.config.base_url)

    def connect(self, position: Position | None) -> None:
        try:
            place = SweepPosition() if position is None else SweepPosition.model_validate(position)
        except ValidationError as error:
            raise PositionLostError(f"{self.context.domain}: the position is none of an Open311 source") from error
        self.close()
        if place != self._place:  # else it is where it was left, and what was read till then is acknowledged
            self._forget()
        self._place = place

    def _forget(self) -> None:
        self._memory, self._told, self._begun_with = NameMemory(), NameMemory(), NameMemory()
        self._page_before: tuple[Sweep, bytes] | None = None

    def close(self) -> None:
        self._calls.close()
        self._names = None

    def position_at(self, at_ms: int) -> Position | None:
        return _position(SweepPosition(marks=dict.fromkeys(SweepKind, at_ms)))

    # -- check ---------------------------------------------------------------------------------------------------------------------

    def check(self) -> str:
        try:
            services = self._calls.services()
            _, found = self._calls.page(self._begun(self._newest())[1])
            said = (
                f"{len(services)} services, {self._asked(services)} with questions; /requests answers with {len(found)}"
            )
            return f"{said}; {self._discovered()}"
        finally:
            self.close()

    def sample(self, limit: int) -> Iterator[Item]:
        """Of the newest, where a run begins with the oldest."""
        self.connect(None)
        self._place = self._newest()
        try:
            yield from islice(self.read(1.0).items, limit)
        finally:
            self.close()
            self._place = SweepPosition()

    def _newest(self) -> SweepPosition:
        """As if all but the newest window had been read."""
        now = wall_ms()
        kind = SweepKind.RECENT if self.config.changed_params is None else SweepKind.CHANGED
        at = now - round(self.config.window_days * DAY_MS)
        return SweepPosition(sweep=Sweep(kind=kind, at=at, until=now, end=now, began=now))

    def _asked(self, services: list[Service]) -> str:
        """How many have a definition, of which one is read."""
        coded = [each.service_code for each in services if each.metadata]
        if coded:
            try:
                self._calls.definition(coded[0])
            except NotThereError:
                return f"{len(coded)} (without the definition that it promises)"
        return str(len(coded))

    def _discovered(self) -> str:
        try:
            endpoints = self._calls.discovery().endpoints
        except (NotThereError, TransientError):
            return "no discovery beside it"
        listed = [each.url.rstrip("/") for each in endpoints if each.specification.lower().endswith(_SPECIFICATION)]
        if self.config.base_url in listed:
            return "its discovery lists this address"
        return f"its discovery lists {len(listed)} addresses of GeoReport v2, this one not among them"

    # -- read ----------------------------------------------------------------------------------------------------------------------

    def read(self, timeout_seconds: float) -> Batch:
        if (wait := self._calls.seconds_to_wait()) > 0:
            return Batch(wait_seconds=wait)
        place, sweep = self._begun(self._place)
        reply, found = self._calls.page(sweep)
        is_again = self._is_page_before(sweep, found)
        after = self._behind(place, reply.at_ms, len(found), is_again=is_again)
        found = [] if is_again else self._completed(found)
        requests = self._requests_of(found) if sweep.kind is SweepKind.UPDATES else {}
        # from here on nothing fails: what is noted is in the batch
        items = self._items(sweep, place.marks.get(SweepKind.FULL), requests, found)
        return self._batch(sweep, after, items)

    def _begun(self, place: SweepPosition) -> tuple[SweepPosition, Sweep]:
        place = self._sweeps.begun(place, wall_ms())
        assert place.sweep is not None
        return place, place.sweep

    def _batch(self, sweep: Sweep, after: SweepPosition, items: list[Item]) -> Batch:
        self._place = after
        if after.sweep is None and sweep.kind is SweepKind.FULL:
            self._memory.sweep_ended()
        is_over = self._sweeps.is_round_over(after)
        last = is_over and self.config.once
        return Batch(items, _position(after), last, self.config.every_seconds if is_over and not last else 0.0)

    def _behind(self, place: SweepPosition, server_ms: int, count: int, *, is_again: bool) -> SweepPosition:
        """Where it goes on. A second page that is the first again: there is one only, or the server has no pages."""
        _, sweep = self._begun(place)
        has_pages = self.config.page_param is not None
        if count and has_pages and not is_again:
            if sweep.page + 1 >= _MOST_PAGES:
                raise ConfigurationError(
                    f"a stretch has more than {_MOST_PAGES:,} pages: paging is not as it was declared"
                )
            return self._sweeps.next_page(place, server_ms)
        is_one_answer = not has_pages or (is_again and sweep.page == 1)
        if not is_one_answer or count < self._most(has_pages) or not self._sweeps.has_windows(sweep.kind):
            return self._sweeps.next_window(place, server_ms)
        if (half := self._sweeps.halved(place, server_ms)) is not None:
            return half
        raise ConfigurationError(
            f"the server gives {count} records for a stretch that cannot be halved, and no second page: look at page_param, "
            "page_size_param, most_items and dates"
        )

    def _most(self, has_pages: bool) -> int:
        """As many in an answer may be cut off."""
        config: Open311Config = self.config
        return min(config.most_items, config.page_size) if has_pages and config.page_size_param else config.most_items

    def _is_page_before(self, sweep: Sweep, items: list[Any]) -> bool:
        """Whether the server gives the page before once more, for good. Raises TransientError if it may be so this once."""
        digest = _digest(items)
        before, is_before = self._page_before, False
        if items and before is not None and before[1] == digest and _is_next(before[0], sweep):
            self._repeats += 1
            if self._repeats < _MOST_REPEATS:
                raise TransientError(f"GET /requests: page {sweep.page + 1} is page {sweep.page} once more")
            is_before = True
        self._repeats = 0
        self._page_before = (sweep, digest)
        return is_before

    # -- what one page lacks is asked for ------------------------------------------------------------------------------------------

    def _completed(self, items: list[Any]) -> list[Any]:
        """Requests with the id of their token, and their service's name, where they lack them. One whose token is no id yet is left
        out: a later sweep finds it."""
        completed = (self._named(each) if isinstance(each, dict) else each for each in items)
        return [each for each in completed if each is not None]

    def _named(self, request: StatementColumns) -> StatementColumns | None:
        more: StatementColumns = {}
        token = xml_text(request.get("token"))  # one that is longer than any reference fits into no address
        if not xml_text(request.get("service_request_id")) and 0 < len(token) <= MAX_REF_CHARS:
            if not (ref := self._calls.id_of(token)):
                return None
            more["service_request_id"] = ref
        if not xml_text(request.get("service_name")) and (code := xml_text(request.get("service_code"))):
            more["service_name"] = self._service_names.get(code, "")
        return request | more

    @property
    def _service_names(self) -> dict[str, str]:
        if self._names is None:
            try:
                self._names = {each.service_code: each.service_name for each in self._calls.services()}
            except NotThereError:
                self._names = {}
        return self._names

    def _requests_of(self, updates: list[Any]) -> dict[str, StatementColumns]:
        """By id: an update says little, and a case is not to begin with one."""
        refs = [xml_text(each.get("service_request_id")) for each in updates if isinstance(each, dict)]
        asked = [each for each in dict.fromkeys(refs) if 0 < len(each) <= MAX_REF_CHARS]
        step = self.config.ids_per_call
        found = [each for at in range(0, len(asked), step) for each in self._calls.requests(asked[at : at + step])]
        requests = [each for each in self._completed(found) if isinstance(each, dict)]
        return {xml_text(each.get("service_request_id")): each for each in requests}

    # -- one page becomes items ----------------------------------------------------------------------------------------------------

    def _items(
        self, sweep: Sweep, since_ms: int | None, requests: dict[str, StatementColumns], records: list[Any]
    ) -> list[Item]:
        path = "/servicerequestupdates" if sweep.kind is SweepKind.UPDATES else "/requests"
        of = f"GET {path} {iso_of(sweep.at)} page {sweep.page + 1}"
        items: list[Item] = []
        for number, each in enumerate(records, 1):
            where = f"{of} record {number}"
            if not isinstance(each, dict):
                items.append(_no_record(each, where))
            elif sweep.kind is SweepKind.UPDATES:
                items += self._updated(each, requests.get(xml_text(each.get("service_request_id"))), where)
            else:
                items += self._requested(each, where, since_ms)
        return items

    def _requested(self, request: StatementColumns, where: str, since_ms: int | None) -> list[Item]:
        """What is new of a request. `since_ms`: one that this process does not know is old if it changed long before that."""
        said = self._reader.statements(request)
        digest = _digest(said[-1])
        name = xml_text(request.get("service_request_id")) or digest.hex()
        was_known, is_old = self._memory.knows(name), self._is_old(request, since_ms)
        if not self._memory.note(name, digest) or (is_old and not was_known):
            return []
        items = [_item(each, where, number) for number, each in enumerate(said, 1)]
        if was_known:
            return items[-1:]
        return items[1:] if self._begun_with.knows(name) else items

    def _is_old(self, request: StatementColumns, since_ms: int | None) -> bool:
        if since_ms is None or self._memory.is_whole:
            return False
        changed = self._reader.changed_at(request)
        return changed is not None and changed < since_ms - self._late_ms

    def _updated(self, update: StatementColumns, request: StatementColumns | None, where: str) -> list[Item]:
        """What an update says, behind what its request said when it was made where this process has not read that."""
        ref = xml_text(update.get("service_request_id"))
        if not self._told.note(json.dumps([ref, xml_text(update.get("update_id"))]), _digest(update)):
            return []
        said = [self._reader.update(update, request)]
        if request is not None and not self._memory.knows(ref) and self._begun_with.note(ref, b""):
            said = [self._reader.statements(request)[0], *said]
        return [_item(each, where, number) for number, each in enumerate(said, 1)]


def _position(place: SweepPosition) -> Position:
    return place.model_dump(mode="json", exclude_defaults=True)


def _is_next(before: Sweep, sweep: Sweep) -> bool:
    return (before.kind, before.at, before.until, before.page + 1) == (sweep.kind, sweep.at, sweep.until, sweep.page)


def _digest(content: Any) -> bytes:
    text = json.dumps(content, sort_keys=True, default=str, ensure_ascii=False)
    return xxhash.xxh3_128_digest(text.encode(errors="surrogatepass"))


def _item(columns: StatementColumns, where: str, number: int) -> Item:
    return Item(columns, where, number, unit="statement")


def _no_record(value: Any, where: str) -> Item:
    fault = RejectedRecordError(Reason.BAD_ROW, "it is no record of GeoReport")
    raw = json.dumps(value, ensure_ascii=False, default=str).encode(errors="replace")
    return Item(None, where, 1, raw, fault=fault, unit="statement")
