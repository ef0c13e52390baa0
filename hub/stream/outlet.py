"""The way out of an agent: the transaction of a chunk, with what the agent publishes, rejects and remembers."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Container, Sequence
from functools import partial
from itertools import compress
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from hub import metrics
from hub.clock import wall_ms
from hub.errors import FatalError, Reason
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.changelog.state import AgentState
from hub.stream.chunk import Chunk
from hub.stream.letters.dead_letters import fitted
from hub.stream.pauses.limits import Counted, RejectLimits, rows_by_source
from hub.stream.publication import Publication
from hub.stream.tally import Tally
from hub.stream.trail import TraceTrail
from hub.stream.writing.writer import Output
from hub.topics import DEAD, Topic, source_of
from hub.traces import Traces

log = logging.getLogger(__name__)
_OWN = "hub"
"""Who sent what the hub itself made."""


class Outlet:
    """Opens transactions for one agent."""

    def __init__(
        self, settings: Settings, agent: str, codec: Codec, state: AgentState, topics: Container[str] | None = None
    ) -> None:
        """`topics`: the names of all topics that exist, without the namespace; a record for any other cannot be sent.
        None: any topic will do."""
        self.topics = topics
        self.settings = settings
        self.agent = agent
        self.codec = codec
        self.state = state
        self.traces = Traces.of(settings, agent)
        self.limit = RejectLimits(settings.dead_letter_ratio, settings.dead_letter_run)
        self._hold: object = None
        self._tenure: object = None

    def transaction(self, chunk: Chunk) -> Transaction:
        """The transaction of one chunk: outputs, changelog and offsets commit together, or nothing does."""
        if chunk.session.hold is not self._hold:
            self._hold = chunk.session.hold
            self.limit.give_back()
        if chunk.session.tenure is not self._tenure:
            self._tenure = chunk.session.tenure
            self.limit.forget()
        return Transaction(self, chunk)

    def has(self, topic: Topic) -> bool:
        """True if there is such a topic."""
        return self.topics is None or topic.name in self.topics

    def committed(self, counted: Counted, tally: Tally, trail: TraceTrail | None) -> None:
        """Take note that a chunk has committed."""
        if trail is not None:
            trail.write()
        self.limit.keep(counted)
        metrics.STATE_RECORDS.labels(self.agent).set(len(self.state))
        tally.count()


class Transaction:
    """`async with outlet.transaction(chunk) as tx:` - publish in the block; leaving it hands all of it over to be committed.

    The block accounts for every record of the chunk: `account` and `reject` add up to its length, or nothing is committed and
    the process ends. Leaving by RetriableError undoes everything and brings the same chunk again; by another error, ends it.
    Where a source has too many rejects everything is undone too, and the rest comes again without it.
    """

    def __init__(self, outlet: Outlet, chunk: Chunk) -> None:
        self._outlet = outlet
        self._chunk = chunk
        self._outputs: list[Output] = []
        self._tally = Tally(outlet.agent, chunk)
        self.trail = TraceTrail(outlet.traces, outlet.agent, chunk) if outlet.traces and chunk.headers else None
        """Of its records that are sampled; None where traces are off."""

    # -- what an agent calls -------------------------------------------------------------------------------------------

    def publish(
        self, topic: Topic, values: Sequence[bytes], keys: Sequence[str | bytes], rows: Sequence[int] | None = None
    ) -> None:
        """Send records; Kafka's partitioner places them by key. What its topic cannot take is a dead letter of this agent.

        `rows`: of the chunk, which each comes of. None: each of the one with its key, if there is one.
        """
        if not values:
            return
        if not self._outlet.has(topic):
            # its name is made of what the record says
            detail = (
                "it is for a topic that this hub does not have: it names a source or department that is none of its own"
            )
            for value, key in zip(values, keys, strict=True):
                self._set_aside_output(key, value, Reason.NO_RECEIVER, detail)
            return
        # adding up is quicker than comparing, and nearly always says enough
        if sum(map(len, values)) > topic.max_bytes and max(map(len, values)) > topic.max_bytes:
            values, keys, rows = self._fitting(topic, values, keys, rows)
        messages: list[dict[str, Any]] = [{"value": v, "key": k} for v, k in zip(values, keys, strict=True)]
        headed = self.trail is not None and self.trail.mark(messages, rows)
        self._outputs.append(Output(self._outlet.settings.topic(topic.name), None, messages, headed))

    def caused_by(self, keys: Sequence[str]) -> list[int] | None:
        """For `publish`, of records with other keys than what they come of: the rows with these keys. None where traces are off."""
        return None if self.trail is None else self.trail.rows_of(keys)

    def _fitting(
        self, topic: Topic, values: Sequence[bytes], keys: Sequence[str | bytes], rows: Sequence[int] | None
    ) -> tuple[list[bytes], list[str | bytes], list[int] | None]:
        fits = [len(value) <= topic.max_bytes for value in values]
        for value, key, fit in zip(values, keys, fits, strict=True):
            if not fit:
                detail = f"a record for {topic.name} has {len(value):,} bytes; {topic.max_bytes:,} at most"
                self._set_aside_output(key, value, Reason.TOO_LARGE, detail)
        kept = None if rows is None else list(compress(rows, fits))
        return list(compress(values, fits)), list(compress(keys, fits)), kept

    def _set_aside_output(self, key: str | bytes, value: bytes, reason: Reason, detail: str) -> None:
        self.set_aside(None, key.encode() if isinstance(key, str) else key, value, reason, detail)

    def move(self, rows: Sequence[int], partitions: Sequence[int]) -> None:
        """Send records of the chunk, as they are, to other partitions of their topics: they come in there again."""
        chunk, settings = self._chunk, self._outlet.settings
        moved: dict[tuple[str, int, bool], list[dict[str, Any]]] = defaultdict(list)
        for row, partition in zip(rows, partitions, strict=True):
            message: dict[str, Any] = {"value": chunk.values[row], "key": chunk.keys[row]}
            if headed := bool(chunk.headers and chunk.headers[row]):
                message["headers"] = chunk.headers[row]
            moved[chunk.topics[row], partition, headed].append(message)
        self._outputs += [
            Output(settings.topic(topic), number, some, headed) for (topic, number, headed), some in moved.items()
        ]
        self.account("moved", len(rows))

    def reject(self, row: int, reason: Reason, detail: str) -> None:
        """Set a record of the chunk aside, whole, with the reason."""
        chunk = self._chunk
        sender = source_of(chunk.topics[row])
        self.set_aside(chunk.origin(row), chunk.keys[row], chunk.values[row], reason, detail, sender=sender, row=row)
        self._tally.rejected.append(row)

    def set_aside(
        self, origin: dict[str, Any] | None, key: bytes | None, value: bytes | None, reason: Reason, detail: str, *,
        sender: str = _OWN, row: int | None = None,
    ) -> None:  # fmt: skip
        """Set aside a record that an earlier chunk accounted for, or one of this: a dead letter with its bytes, as far as they fit.

        Without an origin it is what this agent itself made, and cannot send. `sender`: a name that the rules know, for the metric.
        `row`: of the chunk, if it is one of this.
        """
        agent = self._outlet.agent
        letter = fitted({
            "stage": agent, "reason": str(reason), "detail": detail, "at": wall_ms(), "origin": origin,
            "file": None, "line": None, "key": key, "value": value,
        })  # fmt: skip
        self.publish(
            DEAD,
            [self._outlet.codec.encode_one("cityhub.DeadLetter", letter)],
            [letter["key"] or b""],
            None if row is None else [row],
        )
        self.count(metrics.DEAD_LETTERS.labels(agent, str(reason), sender))
        place = "an output" if origin is None else f"{origin['topic']}[{origin['partition']}]@{origin['offset']}"
        facts = {"agent": agent, "reason": str(reason), "event_id": place, "case_id": key}
        log.warning("%s: rejected %s: %s: %s", agent, place, reason, detail, extra=facts)

    def account(self, outcome: str, records: int = 1) -> None:
        """Record the outcome of so many records that were not rejected."""
        if records:
            self._tally.outcomes[outcome] += records

    def arrived(self, arrived_ms: npt.ArrayLike) -> None:
        """Say when the records at hand first reached the hub, UTC ms: the latency is measured from then."""
        self._tally.arrived_ms = np.asarray(arrived_ms, dtype=np.int64)

    def count(self, counter: Any, amount: float = 1) -> None:
        """Raise a metric, if and when the transaction commits."""
        self._tally.counts.append((counter, amount))

    # -- entering and leaving ------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            outcome = self._conclude()
            if isinstance(outcome, Publication):
                self._settle(outcome)
                return True
            error = outcome
        self._outlet.state.rollback()
        metrics.TRANSACTIONS.labels(self._outlet.agent, "aborted").inc()
        self._settle(error)
        return isinstance(error, Exception)  # the inlet deals with it; a cancellation goes on

    def _conclude(self) -> Publication | Exception:
        """Put outputs and changelog together, and keep the changes of the state: the next chunk is decided by them
        while this one commits. If the commit fails, the inlet has the state read again."""
        outlet, chunk, tally = self._outlet, self._chunk, self._tally
        try:
            if tally.accounted != len(chunk):
                metrics.UNACCOUNTED.labels(outlet.agent).set(len(chunk) - tally.accounted)
                raise FatalError(
                    f"{outlet.agent}: {len(chunk)} records came in and {tally.accounted} are accounted for; this is a defect of "
                    "the hub"
                )
            places = chunk.partitions, chunk.offsets
            outlet.limit.check(
                rows_by_source(tally.received, chunk.topics, places, tally.rejected, chunk.session.let_go_on)
            )
            self._remember()
        except Exception as error:  # noqa: BLE001 - handed to the inlet, which deals with it or ends the process
            return error
        outlet.state.commit()
        return Publication(
            self._outputs, chunk.ends(), partial(outlet.committed, outlet.limit.take(), tally, self.trail)
        )

    def _remember(self) -> None:
        topic = self._outlet.settings.topic(self._outlet.state.changelog.name)
        changes: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for partition, key, value in self._outlet.state.changes():
            changes[partition].append({"key": key, "value": value})
        self._outputs += [Output(topic, partition, messages) for partition, messages in changes.items()]

    def _settle(self, outcome: Publication | BaseException) -> None:
        if not self._chunk.settled.done():
            self._chunk.settled.set_result(outcome)
