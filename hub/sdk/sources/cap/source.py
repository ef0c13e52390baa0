"""The source of alerts: each is a statement, one that updates or cancels another is of its report, and its end is one too."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import ClassVar, Literal, NamedTuple

from pydantic import Field, ValidationError

from hub.clock import wall_ms
from hub.errors import Reason, RejectedRecordError
from hub.sdk.contract import Batch, Context, Item, KeptPosition, Position, Source
from hub.sdk.errors import PositionLostError
from hub.sdk.sources.cap.alert import Alert, UnfinishedError, alert_of
from hub.sdk.sources.cap.config import CapConfig
from hub.sdk.sources.cap.shelf import AlertDocument, AlertFeedShelf, AlertFolder, AlertShelf
from hub.sdk.sources.cap.standing import AlertStanding

_MOST_KNOWN, _MOST_AT_ONCE = 50_000, 50


class CapPlace(KeptPosition):
    """The position. `since`: of a folder, the time of the newest file that was read, in ns."""

    kind: Literal["cap"] = "cap"
    since: int = 0
    standing: AlertStanding = Field(default_factory=lambda: AlertStanding())


class _Read(NamedTuple):
    document: AlertDocument
    alert: Alert | None
    fault: RejectedRecordError | None
    moves: bool
    """Whether a position may stand behind it: nothing before it is left for later."""


class CapSource(Source):
    """After a restart a feed is read as a whole, and the hub knows what it has heard; of a folder, what came since the position."""

    Config: ClassVar[type[CapConfig]] = CapConfig
    version = 1

    def __init__(self, config: CapConfig, context: Context) -> None:
        super().__init__(config, context)
        self._shelf: AlertShelf | None = None
        self._since = 0
        self._standing = AlertStanding()
        self._known: set[str] = set()
        self._count = 0
        self._told: set[str] = set()
        self._sweep: Iterator[_Read] | None = None
        self._in_hand: list[_Read] = []
        """Read in this sweep and not handed over: alerts go on in the order in which they were sent."""

    @property
    def system(self) -> str:
        folder, feed = self.config.folder, self.config.feed
        return str(folder.path) if folder else f"{feed.base_url}{feed.path}"

    def check(self) -> str:
        self.connect(None)
        try:
            return self._opened.check()
        finally:
            self.close()

    def connect(self, position: Position | None) -> None:
        try:
            place = CapPlace() if position is None else CapPlace.model_validate(position)
        except ValidationError as error:
            raise PositionLostError(f"{self.context.domain}: the position is none of alerts") from error
        self.close()
        if (place.since, place.standing) != (self._since, self._standing):
            self._known = set()  # else it is where it was left, and what was read till then is acknowledged
        self._since, self._standing = place.since, place.standing.model_copy(deep=True)
        config = self.config
        if config.folder is not None:
            self._shelf = AlertFolder(config.folder, config.max_alert_bytes, was_there=position is not None)
        else:
            self._shelf = AlertFeedShelf(config.feed, self._say_once)

    def read(self, timeout_seconds: float) -> Batch:
        most = min(self.context.batch_items, _MOST_AT_ONCE)
        if (wait := self._gather(most)) > 0:
            return Batch(wait_seconds=wait)
        found, self._in_hand = self._in_hand, []
        self._known |= {each.document.mark for each in found[: max(0, _MOST_KNOWN - len(self._known))]}
        self._since = max([self._since, *(each.document.stands for each in found if each.moves)])
        items = [self._item(each) for each in sorted(found, key=_order)]
        full = len(found) == most
        if not full:
            items += [self._counted(Item(values, "alerts in force", 0)) for values in self._standing.expired(wall_ms())]
        last = not full and self.config.once
        return Batch(items, self._position(), last, 0.0 if full or last else self._rest())

    def close(self) -> None:
        self._sweep, self._in_hand = None, []
        if self._shelf is not None:
            self._shelf.close()
            self._shelf = None

    # -- one alert -------------------------------------------------------------------------------------------------------------

    def _gather(self, most: int) -> float:
        """Have so many in hand, or all that there are. Seconds until a budget of calls lets it go on; 0: it is done."""
        self._sweep = self._sweep or self._new()
        while len(self._in_hand) < most:
            if (wait := self._opened.seconds_to_wait()) > 0:
                return wait
            found = next(self._sweep, None)
            if found is None:
                break
            self._in_hand.append(found)
        self._sweep = None
        return 0.0

    def _new(self) -> Iterator[_Read]:
        """What is not read yet; what may be in writing is left for later, and the position before it."""
        moves = True
        for document in self._opened.documents(self._since, self._known):
            alert, fault = self._judged(document)
            if isinstance(fault, UnfinishedError) and not document.settled:
                moves = False
            else:
                yield _Read(document, alert, fault, moves)

    def _judged(self, document: AlertDocument) -> tuple[Alert | None, RejectedRecordError | None]:
        if document.raw is None:
            return None, RejectedRecordError(Reason.BAD_ROW, document.why)
        if len(document.raw) > self.config.max_alert_bytes:
            said = f"the alert has more than {self.config.max_alert_bytes:,} bytes"
            return None, RejectedRecordError(Reason.TOO_LARGE, said)
        try:
            return alert_of(document.raw, self.config.languages), None
        except RejectedRecordError as fault:
            return None, fault

    def _item(self, read: _Read) -> Item:
        document = read.document
        if read.alert is not None:
            return self._counted(Item(self._standing.take(read.alert), document.where, 0))
        raw, most = document.raw or b"", self.config.max_alert_bytes
        item = Item(None, document.where, 0, raw[:most], fault=read.fault)
        if len(raw) > most:
            item = item._replace(size_bytes=len(raw), sha256=hashlib.sha256(raw).hexdigest())
        return self._counted(item)

    def _counted(self, item: Item) -> Item:
        self._count += 1
        return item._replace(number=self._count, unit="alert")

    def _rest(self) -> float:
        """Until it is looked again, or the next alert runs out."""
        next_ms, every = self._standing.next_ms, float(self.config.every_seconds)
        return every if next_ms is None else min(every, max(0.1, (next_ms - wall_ms()) / 1000))

    def _position(self) -> Position:
        return CapPlace(since=self._since, standing=self._standing).model_dump()

    def _say_once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self.context.say(text)

    @property
    def _opened(self) -> AlertShelf:
        assert self._shelf is not None, "it is connected"
        return self._shelf


def _order(read: _Read) -> int:
    return read.alert.sent_ms if read.alert else 0
