"""Ctrl-C while a producer's last deliveries come back ends a command as it does anywhere else."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer

from hub.stream.kafka.client import flushed

NOBODY = {"bootstrap.servers": "127.0.0.1:1", "message.timeout.ms": 1, "log_level": 0}


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_callback_that_is_interrupted_interrupts() -> None:
    producer = Producer(NOBODY)
    producer.produce("a", b"x", on_delivery=interrupted)
    with pytest.raises(KeyboardInterrupt):
        flushed(producer, 60)


def test_what_is_left_is_told() -> None:
    producer = Producer(NOBODY | {"message.timeout.ms": 60_000})
    producer.produce("a", b"x")
    assert flushed(producer, 0.01) == 1
    assert flushed(Producer(NOBODY), 60) == 0
