"""How the hub talks to Kafka: client settings, and librdkafka's errors turned into the hub's, in one place."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from hub.errors import FatalError, RetriableError
from hub.settings import Settings
from hub.stream.kafka.admission import refusal, require_admission
from hub.stream.kafka.secure import secured
from hub.topics import MAX_DEAD_LETTER_BYTES

log = logging.getLogger(__name__)
_SAY_AGAIN_SECONDS = 30.0
IN_FLIGHT = "max.in.flight.requests.per.connection"
PARTITIONER = "murmur2_random"  # what JVM clients use: keys meet wherever they are produced
_FETCH_BYTES = 16_384
LITTLE_AT_A_TIME: dict[str, Any] = {
    # XXX: librdkafka unpacks all that was fetched before any limit of its queue counts, of which none counts keys and headers, and
    # zstd makes 44 MB of 1.6 kB. So little is fetched, and only once nothing is left of what was (ops/adr/0078).
    "fetch.max.bytes": _FETCH_BYTES,
    "fetch.message.max.bytes": _FETCH_BYTES,
    "message.max.bytes": _FETCH_BYTES,  # else fetch.max.bytes is raised to it
    "queued.min.messages": 1,
    "fetch.queue.backoff.ms": 2,  # by itself it looks only a second later whether anything is left
}
"""How whoever reads what others wrote has it brought. A broker's first batch comes whole, however large it is."""
_MAX_UNPACKED_BYTES = 32 * 2**20
"""What librdkafka unpacks a batch of zstd into at most; as it doubles its room, half of it surely fits. Producers make batches of
1 MB. Other codecs have no such limit."""


class SessionLostError(RetriableError):
    """This producer, or this hold on the partitions, is over: the inlet joins again and reads the state back."""


class AbortableError(RetriableError):
    """The transaction has failed, and the producer with it; the hold on the partitions stands."""


_MUST_REJOIN = {
    KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.FENCED_INSTANCE_ID, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError._FENCED, KafkaError._FATAL, KafkaError._STATE,
}  # fmt: skip
_NOT_GRANTED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
}  # fmt: skip


def translated(error: KafkaError, what: str) -> FatalError | RetriableError:
    """The hub's error for a librdkafka error that happened while doing `what`."""
    text = f"{what}: {error.str()} ({error.name()})"
    if error.code() in _NOT_GRANTED:
        return FatalError(text + way_out(error))
    if error.code() == KafkaError.UNSUPPORTED_VERSION:
        return FatalError(f"{text}; use a newer broker")
    if error.fatal() or error.code() in _MUST_REJOIN:
        return SessionLostError(text)
    if error.txn_requires_abort():
        return AbortableError(text)
    return RetriableError(text)


def way_out(error: KafkaError) -> str:
    """What to do about a right that is lacking, to stand after the error; nothing for other errors."""
    return "; have an administrator grant it: `cityhub acl`" if error.code() in _NOT_GRANTED else ""


def missing(topic: str, there: int = 0, wanted: int = 1) -> FatalError:
    """The hub cannot read this topic of the broker."""
    what = f"has {there} of {wanted} partitions" if there else "does not exist"
    return FatalError(f"topic {topic} {what}; run `cityhub topics --create`.")


@contextmanager
def kafka_errors(what: str) -> Iterator[None]:
    """Raise the hub's errors instead of KafkaException. Code outside this module never sees the latter.

    XXX: that a producer is over for good is told to nobody's callback: the next `poll` raises it, once (confluent-kafka 2.16.1).
    """
    try:
        yield
    except KafkaException as error:
        raise translated(error.args[0], what) from error


def flushed(producer: Producer, timeout_seconds: float) -> int:
    """How many records are still unsent when all are delivered or the time is over. Raises SessionLostError if the
    producer is over.

    XXX: `Producer.flush` goes on with deliveries' callbacks after one of them, Ctrl-C or a fatal error has raised. Such a callback
    loses what was raised if it handles an error of its own, and `flush` fails by SystemError, or with what is no exception at all
    (confluent-kafka 2.16.1, seen here). `poll` stops at the first that raises.
    """
    until = time.monotonic() + timeout_seconds
    while left := len(producer):
        if (remaining := until - time.monotonic()) < 0:
            break
        served(producer, remaining)
    return left


def served(producer: Producer, timeout_seconds: float) -> int:
    """Have the producer's callbacks called, for so long if there are none to call yet. How many were. Raises SessionLostError if
    the producer is over."""
    with kafka_errors("hearing what was delivered"):
        called: int = producer.poll(timeout_seconds)
    return called


class _Complaints:
    """librdkafka's notes on its connections, each kind at most every half minute."""

    def __init__(self, settings: Settings, role: str) -> None:
        self._settings = settings
        self._role = role
        self._said: dict[int, float] = {}

    def __call__(self, error: KafkaError) -> None:
        now = time.monotonic()
        if now - self._said.get(error.code(), -_SAY_AGAIN_SECONDS) >= _SAY_AGAIN_SECONDS:
            self._said[error.code()] = now
            why = refusal(self._settings, error) or f"Kafka: {error.str()} ({error.name()})"
            log.warning("%s: %s; trying again", self._role, why)


def client_config(settings: Settings, role: str) -> dict[str, Any]:
    """The settings with which every client of the hub begins. At the first call in a process Kafka is asked whether
    it lets this hub in (`hub.stream.kafka.admission`). Raises FatalError if it does not."""
    require_admission(settings)
    return {
        "bootstrap.servers": settings.bootstrap_servers,
        **secured(settings),
        "client.id": f"{settings.namespace}{role}.{settings.instance}",
        # a broker that restarts on loopback refuses for seconds; come back soon
        "reconnect.backoff.ms": 100,
        "reconnect.backoff.max.ms": 1000,
        "log_level": 2,  # librdkafka says twenty times a second that a broker is gone; `_Complaints` says it once
        "error_cb": _Complaints(settings, role),
        "socket.keepalive.enable": True,
    }


def producer_config(settings: Settings, role: str) -> dict[str, Any]:
    """An idempotent producer that keeps order and waits for all replicas."""
    return client_config(settings, role) | {
        "enable.idempotence": True,
        # XXX: with several requests under way, Kafka before 4.5 takes the second of a producer it does not know in a partition
        # although it refused the first (no leader for a moment); librdkafka then holds the first for delivered, and it is lost
        # without a word (KAFKA-15591; seen here when a broker stalled). One at a time cannot overtake.
        IN_FLIGHT: 1,
        "acks": "all",
        "partitioner": PARTITIONER,
        "compression.type": "lz4",
        "linger.ms": 5,
        "message.max.bytes": MAX_DEAD_LETTER_BYTES,
        "queue.buffering.max.messages": 1_000_000,
        "queue.buffering.max.kbytes": 262_144,
    }


def consumer_config(settings: Settings, role: str, group: str) -> dict[str, Any]:
    """A consumer that reads committed records only and commits nothing by itself."""
    return client_config(settings, role) | {
        **LITTLE_AT_A_TIME,
        "group.id": group,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        # range gives partition p of every topic to the same member, which co-partitioned state needs
        "partition.assignment.strategy": "range",
        "session.timeout.ms": settings.session_timeout_ms,
        # a member learns by its next heartbeat that another joins or leaves, and all stand still until the last has
        "heartbeat.interval.ms": max(200, settings.session_timeout_ms // 20),
        # also how long a rebalance waits for members that are gone without the coordinator noticing, as happened after a broker was
        # killed; long enough for reading state back, which it waits for too
        "max.poll.interval.ms": 180_000,
        "fetch.wait.max.ms": 50,
        "fetch.error.backoff.ms": 100,
        "topic.metadata.refresh.interval.ms": 30_000,
        "receive.message.max.bytes": _MAX_UNPACKED_BYTES,
    }


def agent_config(settings: Settings, agent: str) -> dict[str, Any]:
    """A consumer in an agent's group. An offset that is not there is for this hub to judge."""
    own = {"enable.partition.eof": True, "auto.offset.reset": "error"}
    return consumer_config(settings, agent, f"{settings.namespace}{agent}") | own
