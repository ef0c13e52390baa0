"""Writes transactions: records and consumed offsets together, all or nothing, and proven before they are committed."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import groupby, pairwise
from typing import Any, NamedTuple, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from hub.errors import FatalError, RetriableError
from hub.metrics import UNPROVEN
from hub.settings import Settings
from hub.stream.kafka.client import (
    IN_FLIGHT,
    AbortableError,
    SessionLostError,
    flushed,
    kafka_errors,
    producer_config,
    translated,
    way_out,
)
from hub.stream.numbers import PartitionPlace
from hub.stream.writing.partitioning import partitions_of
from hub.stream.writing.proof import TransactionProof
from hub.topics import BETWEEN_AGENTS

_TIMEOUT_SECONDS = 5.0
_JOIN_SECONDS = 60.0
"""Markers of the transaction before are written first, in every partition that it had: brokers that just came back take their
time. Who leaves meanwhile and comes again lets everybody wait anew."""
_STUCK_SECONDS = 25.0
_SHOWN = 3
_KEY_BYTES = 1024
GIVE_UP_SECONDS = 15.0
"""A broker that stays away longer has aborted the transaction by then."""


class Output(NamedTuple):
    """Records for one topic of the broker, as `produce_batch` takes them. `partition` None: by key. `headed`: some have `headers`,
    which `produce_batch` does not take."""

    topic: str
    partition: int | None
    messages: list[dict[str, Any]]
    headed: bool = False


class TransactionWriter:
    """A transactional producer of an agent. Another one of the same agent and instance ends this one's transaction for good.

    XXX: librdkafka gives all transactions of a producer one epoch (it lacks KIP-890, confluentinc/librdkafka#5423). Whatever is
    under way in the cluster when a transaction fails (a request of ours that was given up, a marker that a coordinator writes a
    second time) may meet the next one and end it in part: seen as an abort in the midst of a transaction that then committed
    without its changelog. So the producer of a transaction that failed writes no other: `renew` begins a new epoch, and brokers
    refuse what comes of an older one.

    Raises FatalError, RetriableError or SessionLostError at creation.
    """

    def __init__(self, settings: Settings, agent: str, changelog: str) -> None:
        """`changelog`: the agent's, as the broker names it."""
        self._agent = agent
        self._changelog = changelog
        self._config = producer_config(settings, agent) | {
            "transactional.id": f"{settings.namespace}{agent}.{settings.instance}",
            "transaction.timeout.ms": settings.transaction_timeout_ms,
            # a chunk is a request for each partition it writes to, and one after the other would take as many round trips
            IN_FLIGHT: 5,
        }
        # XXX: send_offsets_to_transaction (librdkafka 2.16) has been seen to ignore its timeout for good after its broker was
        # killed. So it has a thread that may be lost. Whatever that call still does, the next session's producer has the same
        # transactional id and fences it off.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"writer-{agent}")
        self._stuck = False
        self._producer: Producer | None = None
        self._own = {settings.topic(topic.name): settings.partitions for topic in BETWEEN_AGENTS}
        """Partitions by topic, where keys must meet: those an administrator adds change nothing."""
        self._counts: dict[str, int] = {}
        """The same of all topics written to, others as the broker has them."""
        self._ends: dict[PartitionPlace, int] = {}
        """The offset after the last record that the producer has written to each place."""
        self._alone: set[PartitionPlace] = set()
        """Places where nobody else can have written since."""
        self.renew()

    def renew(self) -> None:
        """Throw the producer away and go on with a new one: whatever the old one has begun is aborted and fenced off.

        Raises as creation does; may be called again.
        """
        self._in_time(_nothing, self._renew)

    def write(
        self,
        outputs: Iterable[Output],
        offsets: Sequence[TopicPartition],
        membership: Any,
        meanwhile: Callable[[], bool] | None = None,
    ) -> None:
        """One transaction. `membership` is what the group's consumer says of itself. `meanwhile` is called in the caller's thread,
        again and again until it says False or the transaction is over; it takes a moment at most.

        Raises AbortableError if it failed, which is to say that nobody knows yet whether it was committed, and `renew` must
        come before all else; SessionLostError if the membership is over; FatalError if a record is too large.
        """
        self._in_time(meanwhile or _nothing, self._write, outputs, offsets, membership)

    def not_alone(self) -> None:
        """Note that partitions were reassigned: others may have held them, and written their changelogs, meanwhile."""
        self._alone.clear()

    def close(self) -> None:
        """Forget what was not sent yet."""
        if not self._stuck:
            self._thread.submit(self._throw_away)
        self._thread.shutdown(wait=False)

    def _in_time(self, meanwhile: Callable[[], bool], blocking: Callable[..., None], *args: Any) -> None:
        if self._stuck:
            raise SessionLostError(f"{self._agent}: an earlier call has never come back")
        until = time.monotonic() + _STUCK_SECONDS
        work = self._thread.submit(blocking, *args)
        while not work.done() and time.monotonic() < until and meanwhile():
            pass
        done, _ = wait({work}, max(0.0, until - time.monotonic()))
        if not done:
            self._stuck = True
            raise SessionLostError(
                f"{self._agent}: a call to the producer does not come back after {_STUCK_SECONDS:.0f} s"
            )
        work.result()

    # -- in the writer's thread ----------------------------------------------------------------------------------------

    def _renew(self) -> None:
        self._throw_away()
        self._ends.clear()
        self._alone.clear()
        self._counts = dict(self._own)
        producer = Producer(self._config)
        with kafka_errors(f"{self._agent}: starting transactions"):
            producer.init_transactions(_JOIN_SECONDS)
        self._producer = producer

    def _throw_away(self) -> None:
        # XXX: its last reference must go here. Another thread, such as the event loop's, would wait for librdkafka's to end. So no
        # frame but this and `_renew` has the producer in a variable: a traceback would keep it.
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()

    @property
    def _at_work(self) -> Producer:
        if self._producer is None:
            raise SessionLostError(f"{self._agent}: the producer is gone with a transaction that failed")
        return self._producer

    def _write(self, outputs: Iterable[Output], offsets: Sequence[TopicPartition], membership: Any) -> None:
        until = time.monotonic() + GIVE_UP_SECONDS
        proof = TransactionProof(self._ends, self._alone)
        try:
            with kafka_errors(f"{self._agent}: beginning a transaction"):
                self._at_work.begin_transaction()
            for output in outputs:
                self._produce(output, proof, until)
            with kafka_errors(f"{self._agent}: sending offsets"):
                self._at_work.send_offsets_to_transaction(offsets, membership, _left(until))
            self._prove(proof, until)
            with kafka_errors(f"{self._agent}: committing"):
                self._at_work.commit_transaction(_left(until))
        except RetriableError as error:
            self._throw_away()
            if isinstance(error, SessionLostError):
                raise
            raise AbortableError(str(error), wait_seconds=error.wait_seconds) from error
        ends = proof.ends()
        self._ends |= ends
        self._alone |= {place for place in ends if place[0] == self._changelog}

    def _produce(self, output: Output, proof: TransactionProof, until: float) -> None:
        """Each partition's records by themselves, so that it is known how many go where."""
        topic, partition, messages, headed = output
        queue = self._queue_headed if headed else self._queue
        count = 1 if partition is not None else self._count(topic)
        if partition is not None or count == 1:
            proof.watch((topic, partition or 0), messages)
            queue(topic, partition or 0, messages, until)
            return
        places = partitions_of(_short(pa.array([message["key"] for message in messages], pa.binary())), count)
        order = np.argsort(places.astype(np.int16), kind="stable")  # two bytes: sorted by counting
        bounds = np.searchsorted(places[order], np.arange(count + 1)).tolist()
        rows = order.tolist()
        for place, (begin, end) in enumerate(pairwise(bounds)):
            if begin < end:
                some = [messages[row] for row in rows[begin:end]]
                proof.watch((topic, place), some)
                queue(topic, place, some, until)

    def _queue(self, topic: str, partition: int, messages: list[dict[str, Any]], until: float) -> None:
        """In their order: once its queue is full, librdkafka takes nothing more of a batch, be it small enough or not."""
        while True:
            with kafka_errors(f"{self._agent}: publishing to {topic}"):
                # XXX: a partition in the message itself is documented and ignored (confluent-kafka 2.16.1); only this one counts
                queued = self._at_work.produce_batch(topic, messages, partition)
            if queued == len(messages):
                return
            first = next(at for at, message in enumerate(messages) if "_error" in message)
            failed: KafkaError = messages[first]["_error"]
            if failed.code() != KafkaError._QUEUE_FULL:
                self._refuse(topic, failed)
            messages = [
                {name: each for name, each in message.items() if name != "_error"} for message in messages[first:]
            ]
            self._empty_queue(until)

    def _queue_headed(self, topic: str, partition: int, messages: list[dict[str, Any]], until: float) -> None:
        """In their order, those with headers one by one: they are few, sampled or on their way to where they belong."""
        for headed, some in groupby(messages, lambda message: "headers" in message):
            if not headed:
                self._queue(topic, partition, list(some), until)
                continue
            for message in some:
                self._queue_one(topic, partition, message, until)

    def _queue_one(self, topic: str, partition: int, message: dict[str, Any], until: float) -> None:
        rest = {"headers": message["headers"], "on_delivery": message.get("callback")}
        while True:
            try:
                self._at_work.produce(topic, message["value"], message["key"], partition, **rest)
            except BufferError:
                self._empty_queue(until)
            except KafkaException as error:
                self._refuse(topic, error.args[0])
            else:
                return

    def _empty_queue(self, until: float) -> None:
        if left := flushed(self._at_work, _left(until)):
            raise AbortableError(f"{self._agent}: {left} records were not acknowledged in time", wait_seconds=0.5)

    def _refuse(self, topic: str, failed: KafkaError) -> NoReturn:
        if failed.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            raise FatalError(
                f"{self._agent}: a record for {topic} is larger than the producer's message.max.bytes; nothing was committed"
            )
        if failed.code() == KafkaError._FATAL:  # somebody has fenced it off since this transaction began
            raise translated(failed, f"{self._agent}: publishing to {topic}")
        raise AbortableError(f"{self._agent}: publishing to {topic}: {failed.str()}", wait_seconds=0.5)

    def _count(self, topic: str) -> int:
        """Number of partitions of a topic. Raises AbortableError if the broker does not say now."""
        if topic not in self._counts:
            with kafka_errors(f"{self._agent}: asking for the partitions of {topic}"):
                found = self._at_work.list_topics(topic, timeout=_TIMEOUT_SECONDS).topics[topic]
            if found.error is not None:
                raise AbortableError(f"{self._agent}: publishing to {topic}: {found.error.str()}", wait_seconds=0.5)
            self._counts[topic] = len(found.partitions)
        return self._counts[topic]

    def _prove(self, proof: TransactionProof, until: float) -> None:
        """Wait until all that was published is acknowledged, and see that it is where it should be."""
        self._empty_queue(until)
        if proof.failed:
            self._require_rights(proof.failed)
        if faults := proof.faults():
            UNPROVEN.labels(self._agent).inc()
            raise AbortableError(
                f"{self._agent}: {'; '.join(faults[:_SHOWN])}; nothing was committed", wait_seconds=0.5
            )

    def _require_rights(self, failed: Collection[PartitionPlace]) -> None:
        """Raise FatalError if the broker refused records for want of a right. What is said of a record itself is that its
        transaction has failed; why that was, the producer says of the next call that does not fit."""
        try:
            self._at_work.begin_transaction()
        except KafkaException as error:
            if way_out(error.args[0]):
                topics = ", ".join(sorted({topic for topic, _ in failed}))
                raise translated(error.args[0], f"{self._agent}: publishing to {topics}") from error


def _short(keys: pa.Array) -> pa.Array:
    """Keys are placed by their beginning: what must meet another is never so long, and a sender's may be of megabytes."""
    longest = pc.max(pc.binary_length(keys)).as_py() or 0
    return pc.binary_slice(keys, 0, _KEY_BYTES) if longest > _KEY_BYTES else keys


def _nothing() -> bool:
    return False


def _left(until: float) -> float:
    return max(1.0, until - time.monotonic())
