"""Waits until a broker really serves: the port, then metadata, then the coordinators of groups and transactions."""

import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

_PROBE = "cityhub-ready"


def wait_until_ready(
    client: Mapping[str, str], cluster_id: str, timeout_seconds: float, check: Callable[[], None]
) -> None:
    """Returns when a first transaction and a first group would not wait; raises TimeoutError, or what `check` raises.

    `client`: librdkafka's settings to reach it. `check` is called a few times a second and raises when there is nothing left to
    wait for.
    """
    deadline = time.monotonic() + timeout_seconds
    _wait_for_port(client["bootstrap.servers"], deadline, check)
    quiet: dict[str, Any] = {
        **client,
        "log_level": 0,
        "error_cb": lambda _: None,
        "reconnect.backoff.max.ms": 250,
    }
    admin = AdminClient(quiet)
    _retry(lambda: _recognize(admin, cluster_id), deadline, check)
    # Both make the coordinators' topics, and so prove that this node leads and writes partitions.
    # XXX: AdminClient.list_consumer_group_offsets would ask the same, but confluent-kafka 2.16.1 crashes on its answer.
    consumer = Consumer(quiet | {"group.id": _PROBE})
    producer = Producer(quiet | {"transactional.id": _PROBE})
    with ThreadPoolExecutor(1) as pool:  # each asks anew only every second
        transactions = pool.submit(_retry, lambda: producer.init_transactions(2), deadline, check)
        try:
            _retry(lambda: consumer.committed([TopicPartition(_PROBE, 0)], timeout=2), deadline, check)
        finally:
            consumer.close()
        transactions.result()


def _recognize(admin: AdminClient, cluster_id: str) -> None:
    metadata = admin.list_topics(timeout=1)
    if metadata.cluster_id != cluster_id or not metadata.brokers:
        raise KafkaException(f"another Kafka ({metadata.cluster_id}) answers on this port")


def _wait_for_port(bootstrap: str, deadline: float, check: Callable[[], None]) -> None:
    host, port = bootstrap.rsplit(":", 1)
    while True:
        check()
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            _pause(deadline, None)
        else:
            return


def _retry(attempt: Callable[[], object], deadline: float, check: Callable[[], None]) -> None:
    while True:
        check()
        try:
            attempt()
        except KafkaException as error:
            _pause(deadline, error)
        else:
            return


def _pause(deadline: float, cause: Exception | None) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError(str(cause or "the port is closed")) from cause
    time.sleep(0.02)
