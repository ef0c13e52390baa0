"""The contract of a source: it reads a system's records in batches, and knows how far it has come. It never sees Kafka and keeps no
files.

The runner (hub/sdk/running/runner.py) owns all the rest: mapping, validation, dead letters, pacing, publishing, the stored
position, waiting after a failure, saying a loss once and a recovery once, metrics, states and stopping.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict, model_validator

from hub.errors import RejectedRecordError
from hub.model.event import CaseEvent
from hub.sdk.errors import ConfigurationError, TransientError
from hub.traces import TraceContext

Position: TypeAlias = dict[str, Any]
"""How far a source has come: JSON that only the source understands, never empty, at most positions.MAX_BYTES long."""


class KeptPosition(BaseModel):
    """The form of a position that a source of the hub's keeps.

    What a newer release keeps beside these fields is left out, so that one may go back to this one. A field that changes what the
    others mean raises the source's `version`: the runner gives it no position of a higher one. A position of which no field is
    known is of another kind of source.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _is_of_this_kind(cls, value: Any) -> Any:
        if isinstance(value, dict) and value and not value.keys() & cls.model_fields.keys():
            raise ValueError("no field of it is known")
        return value


class ItemOutcome(NamedTuple):
    """What a mapping made of an item: an event, a rejection, or neither (left out by `where`). `others`: what the item says beside
    the first, in order."""

    event: CaseEvent | None = None
    rejection: RejectedRecordError | None = None
    others: tuple[CaseEvent, ...] = ()

    @property
    def events(self) -> tuple[CaseEvent, ...]:
        return () if self.event is None else (self.event, *self.others)


class Item(NamedTuple):
    """One record of a system.

    `values` are by column, None if it could not be taken apart: then `fault` says why. `of` and `number` say where it stands, for
    people (`calls.csv` 17, `GET /requests.json page 3` 5). `raw` is kept in a dead letter; None: the runner makes it of the values,
    without the personal columns. `mapping`: None for the edge's own. `outcome`: of a source that had to map to know the order.
    `caller`: of a source that is `awaited`, the trace that the call brought with it.
    """

    values: dict[str, Any] | None
    of: str
    number: int
    raw: bytes | None = None
    mapping: str | None = None
    fault: RejectedRecordError | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    outcome: ItemOutcome | None = None
    unit: str = "line"
    caller: TraceContext | None = None

    @property
    def where(self) -> str:
        return f"{self.of} {self.unit} {self.number}"


@dataclass(frozen=True)
class Batch:
    """Items in the system's order.

    `after`: the position once all of them, and all batches before, are acknowledged; None: as before, or the system remembers by
    itself. `last`: nothing comes any more. `wait_seconds`: read again after so long (poll interval, Retry-After). `left`: what was
    left for the next run, in words.
    """

    items: Sequence[Item] = ()
    after: Position | None = None
    last: bool = False
    wait_seconds: float = 0.0
    left: str | None = None


def _nothing(_said: str) -> None: ...


@dataclass(frozen=True)
class Context:
    """What a source is handed beside its settings."""

    domain: str = ""
    outcome: Callable[[Item], ItemOutcome] = lambda _item: ItemOutcome()
    """What the mapping makes of an item; pure."""
    mapping: Callable[[str | None], Any] = lambda _name: None
    """A declared mapping by name (hub.sdk.mapping.mapping.Mapping). Raises FatalError if the connector has none of that name."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set when the source is to come back from `read` soon."""
    say: Callable[[str], None] = _nothing
    """Tell people once what happened to the system (a file was replaced). Never with what a sender wrote."""
    batch_items: int = 500
    """Items in a batch at most; the runner asks for 1 where it sends each at its own time. A page that holds more is no fault."""


class Config(BaseModel):
    """What a source is told; frozen, and an unknown key is an error. Secrets are of the type hub.sdk.secrets.Secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Source(ABC):
    """All methods are called from one thread, in the order connect, (read, ack)*, close; `check` stands alone. After `close` it may
    be connected again, at another position.

    Any of them may raise, and the class says what happens next (hub/sdk/errors.py): TransientError, AuthError, ConfigurationError,
    PermanentError. One record that cannot be used is an item with a `fault`, no error.
    """

    Config: ClassVar[type[BaseModel]] = Config
    version: ClassVar[int] = 1
    """Of its positions. One of an older version is handed over too; `connect` raises PositionLostError if it cannot use it."""
    remembers: ClassVar[bool] = False
    """Whether the system itself knows how far it was read (a queue, a broker of messages): then there are no positions."""
    awaited: ClassVar[bool] = False
    """Whether somebody waits for the acknowledgement (a caller): then it comes behind each batch, not by the runner's own pace."""
    adds: tuple[str, ...] = ()
    """How names of columns begin that are the source's own word, not the system's: those that no mapping reads are no drift."""
    secrets: Sequence[str] = ()

    def __init__(self, config: Any, context: Context) -> None:
        self.config = config
        self.context = context

    @abstractmethod
    def check(self) -> str:
        """Reach the system and say in a sentence what is there. Changes nothing on either side."""

    @abstractmethod
    def connect(self, position: Position | None) -> None:
        """Go on behind `position`, as a batch of this source named it; None: from the start."""

    @abstractmethod
    def read(self, timeout_seconds: float) -> Batch:
        """The next items. Comes back after about `timeout_seconds` if there are none, or sooner if `context.stop` is set."""

    def ack(self, batch: Batch) -> None:  # noqa: B027 - most systems do not wait for it
        """Kafka has acknowledged what came of the batch, dead letters included, and its position is stored."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything. May be called twice, and without `connect` before."""

    def sample(self, limit: int) -> Iterator[Item]:
        """Some items as a run would read them first, for `check`. The source is closed after."""
        self.connect(None)
        try:
            count = 0
            while count < limit:
                try:
                    batch = self.read(1.0)
                except TransientError:
                    if not count:
                        raise
                    return  # what there is so far is a sample too
                for item in batch.items[: limit - count]:
                    count += 1
                    yield item
                if batch.last or not batch.items:
                    return
        finally:
            self.close()

    def position_at(self, at_ms: int) -> Position | None:
        """The position from which all that was said since that instant is read; None: from the start.

        Raises ConfigurationError where the source cannot tell.
        """
        raise ConfigurationError(
            f"{self.context.domain}: this kind of source has no position for a time; use start or now"
        )

    def past(self) -> Source:
        """A source of the same system that reads what is there and ends, and takes nothing away: for a back-fill.

        One whose settings have `once` is told that. Raises ConfigurationError where the system says nothing twice.
        """
        if "once" in type(self.config).model_fields:
            return type(self)(self.config.model_copy(update={"once": True}), self.context)
        raise ConfigurationError(
            f"{self.context.domain}: this kind of source tells nothing twice, or has no end: it cannot be back-filled"
        )

    def recognise(self, others: Iterator[Position]) -> Position | None:
        """Which of the positions of the same connector's other edges is behind what this one reads (a file that was renamed)."""
        del others
        return None

    @property
    def system(self) -> str:
        """What the positions are of (an address and a table, without secrets): a position of another is not gone on from."""
        return ""

    @property
    def reads(self) -> frozenset[str]:
        """Columns that the source itself goes by, as a cursor or a key: that no mapping reads them is no drift."""
        return frozenset()

    @property
    def items_before(self) -> int | None:
        """Items that earlier runs have done, where the source knows better than the stored number (a file that was replaced)."""
        return None

    def progress(self) -> tuple[int, int] | None:
        """Bytes read, and bytes in all, for a progress bar; None where nobody knows."""
        return None


def json_values(content: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object by column: nested objects read as dotted columns (`place.lat`)."""
    found: dict[str, Any] = {}
    _flatten(content, "", found)
    return found


def _flatten(content: Mapping[str, Any], prefix: str, into: dict[str, Any]) -> None:
    for key, value in content.items():
        if isinstance(value, dict):
            _flatten(value, f"{prefix}{key}.", into)
        else:
            into[prefix + key] = value
