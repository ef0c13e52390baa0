"""Chunks of large records: bounded in bytes, and what they come to may be more than a producer's queue holds."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import pytest
from confluent_kafka import Message, Producer

from hub.settings import Settings
from hub.stream.chunk import Chunk
from hub.stream.kafka.client import producer_config
from hub.stream.outlet import Transaction
from hub.stream.reading import inbox as inbox_module
from hub.stream.writing import writer as writer_module
from tests.integration.small_plane import IN, OUT, PATIENCE_SECONDS, Plane, new_state, read_some, settled

pytestmark = pytest.mark.kafka
_BATCHES = 128
_READER = f"""
import resource, sys
from confluent_kafka import Consumer, TopicPartition
from hub.settings import Settings
from hub.stream.kafka.client import agent_config
consumer = Consumer(agent_config(Settings.model_validate_json(sys.argv[1]), "reader"))
consumer.assign([TopicPartition(sys.argv[2], 0, 0)])
before, read = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0
while read < {_BATCHES}:
    read += sum(message.error() is None for message in consumer.consume(1, 1.0))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
consumer.close()
"""


@pytest.mark.parametrize("limit", [{"queue.buffering.max.messages": 10}, {"queue.buffering.max.kbytes": 1024}])
def test_a_queue_that_is_full_is_waited_for(
    plane: Plane, monkeypatch: pytest.MonkeyPatch, limit: dict[str, int]
) -> None:
    """Everything comes out once, each partition's records in their order, in the first try."""

    def with_little_room(settings: Settings, role: str) -> dict[str, Any]:
        return producer_config(settings, role) | limit

    monkeypatch.setattr(writer_module, "producer_config", with_little_room)
    values = [b"%04d" % number + bytes(0 if number % 3 else 300_000) for number in range(45)]

    def publish(tx: Transaction, chunk: Chunk) -> None:
        tx.publish(OUT, values, [b"%d" % (number % 7) for number in range(len(values))])
        tx.account("told", len(chunk))

    plane.feed(b"a")
    with plane.session(state := new_state()) as session:
        assert settled(plane, session, state, read_some(session, 1), publish) == [None]
    found = plane.committed(OUT)
    assert sorted(value or b"" for _, _, value in found) == values
    for number in range(3):
        mine = [value or b"" for partition, _, value in found if partition == number]
        assert mine == sorted(mine)


@pytest.mark.parametrize("where", ["value", "key", "headers"])
def test_a_chunk_is_bounded_by_its_bytes(plane: Plane, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """A chunk of thousands of records of a megabyte would be gigabytes, several times over."""
    monkeypatch.setattr(inbox_module, "MAX_CHUNK_BYTES", 2_000_000)
    large = [b"%d" % number + bytes(900_000) for number in range(7)]
    producer = Producer(producer_config(plane.settings, "feed"))
    for text in large:
        given: dict[str, Any] = {where: [("h", text)] if where == "headers" else text}
        producer.produce(plane.settings.topic(IN.name), **{"value": b"v", "key": b"k"} | given, partition=0)
    assert producer.flush(PATIENCE_SECONDS) == 0
    found: list[list[bytes]] = []
    with plane.session(state := new_state()) as session:
        until = time.monotonic() + PATIENCE_SECONDS
        while sum(map(len, found)) < len(large):
            assert time.monotonic() < until
            session.fill(1_000, 0.2)
            if messages := session.take():
                found.append([_text(message, where) for message in messages])
                assert settled(plane, session, state, messages, lambda tx, chunk: tx.account("read", len(chunk))) == [
                    None
                ]
    assert [text for some in found for text in some] == large
    assert max(map(len, found)) == 2
    assert plane.offsets()[0] == len(large)


def _text(message: Message, where: str) -> bytes:
    if where != "headers":
        return bytes(message.value() if where == "value" else message.key())
    ((_, value),) = message.headers()
    return bytes(value)


@pytest.mark.parametrize("where", ["value", "key", "headers"])
def test_small_batches_that_unpack_to_much_are_not_all_unpacked_at_once(plane: Plane, where: str) -> None:
    """A gigabyte of them in all, in some 100 kB on the wire; of values, and of what no limit of librdkafka's queue counts."""
    zipped = {"compression.type": "zstd", "message.max.bytes": 16 << 20, "batch.size": 1 << 20, "linger.ms": 0}
    producer = Producer(producer_config(plane.settings, "bomb") | zipped)
    much = bytes(8 << 20)
    large: dict[str, Any] = {where: [("h", much)] if where == "headers" else much}
    for _ in range(_BATCHES):
        producer.produce(plane.settings.topic(IN.name), **{"value": b"v", "key": b"k"} | large, partition=0)
        assert producer.flush(PATIENCE_SECONDS) == 0
    reader = [sys.executable, "-c", _READER, plane.settings.model_dump_json(), plane.settings.topic(IN.name)]
    read = subprocess.run(reader, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True)
    assert int(read.stdout) < 600, "MB that reading took"
