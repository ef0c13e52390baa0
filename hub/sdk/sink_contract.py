"""The contract of a sink: it hands what the hub has to say to a system, and says what came of each delivery. It never sees Kafka.

What runs a sink (hub/sdk/sinks/run.py and in_order.py) owns all the rest: reading committed records, their order, how far it has
come, waiting after a failure, giving up, dead letters, saying a loss once and a recovery once, metrics, states and stopping.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any, ClassVar, NamedTuple, TypeAlias

from pydantic import BaseModel

from hub.sdk.contract import Config
from hub.sdk.streams import Stream


class DeliveryPlace(NamedTuple):
    """A partition that deliveries come from; the topic by its name on the broker."""

    topic: str
    partition: int


@dataclass(frozen=True)
class Delivery:
    """One record on its way out.

    `id` is the same each time it is handed over: after a crash it may come again, never before the ones in front of it. What is
    of one `case` comes in order. `kind`: what it says, in lower case (`assign`, `accepted`, `opened`, `breached`). `party`: the
    department or source that it is for; empty for cases and notices. `values`: the record by its fields, times in ms since 1970.
    """

    stream: Stream
    id: str
    case: str
    kind: str
    at_ms: int
    party: str
    values: Mapping[str, Any]
    place: DeliveryPlace
    offset: int
    written_ms: int = 0
    """When the hub wrote it, by the broker's clock."""


class Later(NamedTuple):
    """Not taken now: it comes again after `seconds`, or as the back-off has it. `receiver`: it is not about this delivery, so that
    nothing goes to this receiver meanwhile."""

    why: str
    seconds: float | None = None
    receiver: bool = False


class Never(NamedTuple):
    """Will never be taken: it is set aside in hub.dead, and what is behind it goes on. `why` quotes nothing that came back."""

    why: str


Answer: TypeAlias = Later | Never | None
"""What came of one delivery; None: it is where it belongs, for good."""
SinkPositions: TypeAlias = dict[DeliveryPlace, int]
"""By partition, the offset of what comes next."""


@dataclass(frozen=True)
class DeliveryBatch:
    """Deliveries of one receiver, in order.

    `after`: for a sink that remembers, how far all is done once these are; it goes back where a topic was deleted and made anew.
    `topic_ids`: of the places in `after`, which topic that is, as far as Kafka says it.
    """

    deliveries: Sequence[Delivery]
    after: SinkPositions = field(default_factory=dict)
    topic_ids: Mapping[DeliveryPlace, str] = field(default_factory=dict)


def _nothing(_said: str) -> None: ...


@dataclass(frozen=True)
class SinkContext:
    """What a sink is handed beside its settings."""

    name: str = "sink"
    namespace: str = ""
    zone: tzinfo = UTC
    """Of the city."""
    streams: frozenset[Stream] = frozenset(Stream)
    """What it will be handed."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set when the sink is to come back from `write` soon."""
    say: Callable[[str], None] = _nothing
    """Tell people once what happened to the system. Never with what is being delivered, or what came back."""


class Sink(ABC):
    """Methods are called in the order connect, (write)*, close; `check` stands alone. After `close` it may be connected again.

    Any of them may raise, and the class says what happens next (hub/sdk/errors.py). Of `write`, a TransientError holds up the
    whole receiver and all of the batch comes again; a PermanentError closes that receiver; AuthError and ConfigurationError end
    the sink until its owner has mended something. Anything else is a defect, and nothing of that call counts as delivered.
    """

    Config: ClassVar[type[BaseModel]] = Config
    batch: ClassVar[int] = 1
    """Deliveries handed over at a time at most, all of different cases; of a sink that remembers, any that come."""
    parallel: ClassVar[int] = 1
    """Calls of `write` at a time for one receiver, from as many threads, never two with deliveries of one case."""
    remembers: ClassVar[bool] = False
    """Whether the system keeps how far it has come, in one step with what it takes: then each delivery has its effect exactly once.
    Such a sink gets all in order of partition, from one thread, and writes a batch whole or not at all."""

    def __init__(self, config: Any, context: SinkContext) -> None:
        self.config = config
        self.context = context

    @abstractmethod
    def check(self) -> str:
        """Reach the system and say in a sentence what is there. Changes nothing on either side."""

    def connect(self) -> None:  # noqa: B027 - many have nothing to open
        """Make ready for `write`. Nothing of an earlier run has to be there."""

    def positions(self) -> SinkPositions:
        """How far the system says it has come, for a sink that remembers; of a partition that is not named it has nothing."""
        return {}

    def topic_ids(self) -> Mapping[DeliveryPlace, str]:
        """As batches brought them, of the `positions` that were given last. By them a topic that was made anew while nobody looked
        is known, and delivered from its beginning; a sink that keeps none goes on at its offset."""
        return {}

    @abstractmethod
    def write(self, batch: DeliveryBatch) -> Sequence[Answer] | None:
        """Hand over the batch; an answer for each delivery, or None if all were taken. Returns once the system has them for good.

        Of a sink that remembers: all were taken and `batch.after` (with `topic_ids`) was stored with them, or some are `Never` and
        nothing was changed: these are set aside, and the others come again.
        """

    def idle(self) -> None:  # noqa: B027 - most have nothing to do then
        """Of a sink that remembers: called between writes, some times a second."""

    def receiver(self, delivery: Delivery) -> str:
        """Who gets it, where one sink serves several that fail by themselves."""
        del delivery
        return ""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything. May be called twice, and without `connect` before."""
