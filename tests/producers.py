"""Producers in a state that only a fault of Kafka's brings about. No tests of its own."""

from __future__ import annotations

import ctypes
from pathlib import Path

import confluent_kafka
from confluent_kafka import KafkaError, Producer


def end_for_good(producer: Producer, code: int = KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER) -> None:
    """Have librdkafka raise a fatal error in this producer, by its function for tests.

    XXX: the client does not offer it; what it wraps stands right behind the head of a Python object.
    """
    libraries = Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs"
    (library,) = libraries.glob("librdkafka*")
    wrapped = ctypes.c_void_p.from_address(id(producer) + object.__basicsize__)
    end = ctypes.CDLL(str(library)).rd_kafka_test_fatal_error
    end.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p]
    assert end(wrapped, code, b"made up") == 0
