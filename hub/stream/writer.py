"""Writes transactions: records and consumed offsets together, all or nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, Producer, TopicPartition

from hub.errors import FatalError, RetriableError
from hub.settings import Settings
from hub.stream.kafka import IN_FLIGHT, AbortableError, SessionLostError, kafka_errors, producer_config

_TIMEOUT_SECONDS = 5.0
_JOIN_SECONDS = 20.0
_STUCK_SECONDS = 25.0
GIVE_UP_SECONDS = 15.0
"""A broker that stays away longer has aborted the transaction by then."""


class Output(NamedTuple):
    """Records for one topic of the broker, as `produce_batch` takes them. `partition` None: by key."""

    topic: str
    partition: int | None
    messages: list[dict[str, Any]]


class TransactionWriter:
    """A transactional producer of an agent. Another one of the same agent and instance ends this one's transaction for good.

    Raises FatalError, RetriableError or SessionLostError at creation.
    """

    def __init__(self, settings: Settings, agent: str, stopping: threading.Event) -> None:
        self._agent = agent
        self._stopping = stopping
        # XXX: send_offsets_to_transaction (librdkafka 2.16) has been seen to ignore its timeout for good after its broker was
        # killed. So it has a thread that may be lost. Whatever that call still does, the next session's producer has the same
        # transactional id and fences it off.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"writer-{agent}")
        self._stuck = False
        self._producer = Producer(
            producer_config(settings, agent)
            | {
                "transactional.id": f"{settings.namespace}{agent}.{settings.instance}",
                "transaction.timeout.ms": settings.transaction_timeout_ms,
                # a chunk is a request for each partition it writes to, and one after the other would take as many round trips
                IN_FLIGHT: 5,
                # a producer that learns of added partitions spreads keys over them; the session learns of them first, and from
                # then on says for each record where it goes
                "topic.metadata.refresh.interval.ms": 3_600_000,
            }
        )
        with kafka_errors(f"{agent}: starting transactions"):
            self._producer.init_transactions(_JOIN_SECONDS)

    def write(self, outputs: Iterable[Output], offsets: Sequence[TopicPartition], membership: Any) -> None:
        """One transaction. `membership` is what the group's consumer says of itself.

        Raises AbortableError if it was aborted and the next may follow, SessionLostError if this producer or its membership is
        over, or nobody knows what became of the transaction; FatalError if a record is too large.
        """
        work = self._thread.submit(self._write, outputs, offsets, membership)
        done, _ = wait({work}, _STUCK_SECONDS)
        if not done:
            self._stuck = True
            raise SessionLostError(f"{self._agent}: a commit does not come back after {_STUCK_SECONDS:.0f} s")
        work.result()

    def _write(self, outputs: Iterable[Output], offsets: Sequence[TopicPartition], membership: Any) -> None:
        with kafka_errors(f"{self._agent}: beginning a transaction"):
            self._producer.begin_transaction()
        try:
            for output in outputs:
                self._produce(output)
            self._insist(
                "sending offsets",
                lambda: self._producer.send_offsets_to_transaction(offsets, membership, _TIMEOUT_SECONDS),
            )
            self._insist("committing", lambda: self._producer.commit_transaction(_TIMEOUT_SECONDS))
        except SessionLostError:
            raise
        except RetriableError as error:
            self._abort()
            raise AbortableError(str(error), wait_seconds=error.wait_seconds) from error

    def close(self) -> None:
        """Forget what was not sent yet."""
        if not self._stuck:
            self._producer.purge()
        self._thread.shutdown(wait=False)

    def _produce(self, output: Output) -> None:
        topic, partition, messages = output
        with kafka_errors(f"{self._agent}: publishing to {topic}"):
            # XXX: a partition in the message itself is documented and ignored (confluent-kafka 2.16.1); only this one counts
            if partition is None:
                self._producer.produce_batch(topic, messages)
            else:
                self._producer.produce_batch(topic, messages, partition)
        failed = next((message["_error"] for message in messages if "_error" in message), None)
        if failed is None:
            return
        if failed.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            raise FatalError(
                f"{self._agent}: a record for {topic} is larger than the producer's message.max.bytes; nothing was committed"
            )
        raise AbortableError(f"{self._agent}: publishing to {topic}: {failed.str()}", wait_seconds=0.5)

    def _insist(self, what: str, call: Callable[[], object]) -> None:
        """Repeat a call that may be repeated; give up for good when the broker stays away."""
        until = time.monotonic() + GIVE_UP_SECONDS
        while True:
            try:
                with kafka_errors(f"{self._agent}: {what}"):
                    call()
            except (SessionLostError, AbortableError):
                raise
            except RetriableError as error:
                if time.monotonic() > until or self._stopping.is_set():
                    raise SessionLostError(f"{error}; gave up") from error
                time.sleep(0.2)
            else:
                return

    def _abort(self) -> None:
        """Leave nothing of the open transaction. Raises SessionLostError if that cannot be known."""
        try:
            with kafka_errors(f"{self._agent}: aborting"):
                self._producer.abort_transaction(_TIMEOUT_SECONDS)
        except (RetriableError, FatalError) as error:
            raise SessionLostError(str(error)) from error
