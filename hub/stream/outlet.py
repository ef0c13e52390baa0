"""The way out of an agent: the transaction of a chunk, with what the agent publishes, rejects and remembers."""

from __future__ import annotations

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from hub import metrics
from hub.clock import wall_ms
from hub.errors import FatalError, Reason
from hub.settings import Settings
from hub.stream.chunk import Chunk
from hub.stream.codec import Codec
from hub.stream.limits import Counted, RejectLimit
from hub.stream.session import Output, Publication
from hub.stream.state import State
from hub.topics import DEAD, Topic

log = logging.getLogger(__name__)


class Outlet:
    """Opens transactions for one agent."""

    def __init__(self, settings: Settings, agent: str, codec: Codec, state: State) -> None:
        self.settings = settings
        self.agent = agent
        self.codec = codec
        self.state = state
        self.limit = RejectLimit(settings.dead_letter_ratio, settings.dead_letter_run)
        self._hold: object = None

    def transaction(self, chunk: Chunk) -> Transaction:
        """What an agent leaves its block with: outputs, changelog and offsets commit together, or nothing does."""
        if chunk.session.hold is not self._hold:
            self._hold = chunk.session.hold
            self.limit.give_back()
        return Transaction(self, chunk)


class Transaction:
    """`async with outlet.transaction(chunk) as tx:` - publish in the block; leaving it hands all of it over to be committed.

    The block accounts for every record of the chunk: `account` and `reject` add up to its length, or nothing is committed and
    the process ends. Leaving by RetriableError undoes everything and brings the same chunk again; by another error, ends it.
    """

    def __init__(self, outlet: Outlet, chunk: Chunk) -> None:
        self._outlet = outlet
        self._chunk = chunk
        self._outputs: list[Output] = []
        self._rejected: list[int] = []
        self._outcomes: Counter[str] = Counter()
        self._arrived_ms = np.zeros(0, dtype=np.int64)
        self._counts: list[tuple[Any, float]] = []
        self._began = time.perf_counter()
        self._counted: Counted | None = None

    # -- what an agent calls -------------------------------------------------------------------------------------------

    def publish(self, topic: Topic, values: Sequence[bytes], keys: Sequence[str | bytes]) -> None:
        """Send records; Kafka's partitioner places them by key."""
        if values:
            messages: list[dict[str, Any]] = [{"value": v, "key": k} for v, k in zip(values, keys, strict=True)]
            self._outputs.append(Output(self._outlet.settings.topic(topic.name), None, messages))

    def reject(self, row: int, reason: Reason, detail: str) -> None:
        """Set a record of the chunk aside, whole, with the reason."""
        chunk = self._chunk
        self.set_aside(chunk.origin(row), chunk.keys[row], chunk.values[row], reason, detail)
        self._rejected.append(row)

    def set_aside(
        self, origin: dict[str, Any], key: bytes | None, value: bytes | None, reason: Reason, detail: str
    ) -> None:
        """Set aside a record that an earlier chunk accounted for, or one of this: a dead letter with its bytes."""
        agent = self._outlet.agent
        letter = {
            "stage": agent, "reason": str(reason), "detail": detail, "at": wall_ms(), "origin": origin,
            "file": None, "line": None, "key": key, "value": value,
        }  # fmt: skip
        self.publish(DEAD, [self._outlet.codec.encode_one("cityhub.DeadLetter", letter)], [key or b""])
        self.count(metrics.DEAD.labels(agent, str(reason)))
        place = f"{origin['topic']}[{origin['partition']}]@{origin['offset']}"
        log.warning("%s: rejected %s: %s: %s", agent, place, reason, detail)

    def account(self, outcome: str, records: int = 1) -> None:
        """One outcome for each record that was not rejected."""
        if records:
            self._outcomes[outcome] += records

    def arrived(self, arrived_ms: npt.ArrayLike) -> None:
        """When the records at hand first reached the hub, for the latency."""
        self._arrived_ms = np.asarray(arrived_ms, dtype=np.int64)

    def count(self, counter: Any, amount: float = 1) -> None:
        """Raise a metric, if and when the transaction commits."""
        self._counts.append((counter, amount))

    # -- entering and leaving ------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            error = self._conclude()
        if error is None:
            self._settle(Publication(self._outputs, self._chunk.ends(), self._committed))
            return True
        self._outlet.state.rollback()
        metrics.TRANSACTIONS.labels(self._outlet.agent, "aborted").inc()
        self._settle(error)
        return isinstance(error, Exception)  # the inlet deals with it; a cancellation goes on

    def _conclude(self) -> Exception | None:
        """Have the outputs and changelog together, and the state changed: the next chunk is decided by it while this commits.
        If that fails, the inlet has the state read again."""
        agent, chunk = self._outlet.agent, self._chunk
        try:
            outcomes = self._outcomes.total() + len(self._rejected)
            if outcomes != len(chunk):
                metrics.UNACCOUNTED.labels(agent).set(len(chunk) - outcomes)
                raise FatalError(
                    f"{agent}: {len(chunk)} records came in and {outcomes} are accounted for; this is a defect of the hub"
                )
            self._outlet.limit.check(len(chunk), self._rejected)
            self._remember()
        except Exception as error:  # noqa: BLE001 - handed to the inlet, which deals with it or ends the process
            return error
        self._outlet.state.commit()
        self._counted = self._outlet.limit.take()
        return None

    def _remember(self) -> None:
        topic = self._outlet.settings.topic(self._outlet.state.changelog.name)
        changes: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for partition, key, value in self._outlet.state.changes():
            changes[partition].append({"key": key, "value": value})
        self._outputs += [Output(topic, partition, messages) for partition, messages in changes.items()]

    def _settle(self, outcome: Publication | BaseException) -> None:
        if not self._chunk.settled.done():
            self._chunk.settled.set_result(outcome)

    def _committed(self) -> None:
        assert self._counted is not None
        self._outlet.limit.keep(self._counted)
        agent, chunk = self._outlet.agent, self._chunk
        if not len(chunk) and not self._outputs:
            return
        metrics.TRANSACTIONS.labels(agent, "committed").inc()
        metrics.TRANSACTION_SECONDS.labels(agent).observe(time.perf_counter() - self._began)
        metrics.STATE_RECORDS.labels(agent).set(len(self._outlet.state))
        for topic, records in Counter(chunk.topics).items():
            metrics.EVENTS_IN.labels(agent, source_of(topic)).inc(records)
        for outcome, records in self._outcomes.items():
            metrics.OUTCOMES.labels(agent, outcome).inc(records)
        metrics.OUTCOMES.labels(agent, "dead").inc(len(self._rejected))
        for counter, amount in self._counts:
            counter.inc(amount)
        if len(self._arrived_ms):
            metrics.LATENCY_SECONDS.observe(agent, (wall_ms() - self._arrived_ms) / 1000)


def source_of(topic: str) -> str:
    """The label of a topic: the source of `city.<source>.events`, the department of `dept.<id>.updates`, else its own name."""
    parts = topic.split(".")
    return parts[1] if parts[0] in ("city", "dept") and len(parts) == 3 else topic
