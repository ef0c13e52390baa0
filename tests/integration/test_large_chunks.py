"""Chunks of large records: bounded in bytes, and what they come to may be more than a producer's queue holds."""

from __future__ import annotations

import time
from typing import Any

import pytest

from hub.settings import Settings
from hub.stream.chunk import Chunk
from hub.stream.kafka.client import producer_config
from hub.stream.outlet import Transaction
from hub.stream.reading import inbox as inbox_module
from hub.stream.writing import writer as writer_module
from tests.integration.small_plane import OUT, PATIENCE_SECONDS, Plane, new_state, read_some, settled

pytestmark = pytest.mark.kafka


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


def test_a_chunk_is_bounded_by_its_bytes(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk of thousands of records of a megabyte would be gigabytes, several times over."""
    monkeypatch.setattr(inbox_module, "MAX_CHUNK_BYTES", 2_000_000)
    values = [b"%d" % number + bytes(900_000) for number in range(7)]
    plane.feed(*values)
    found: list[list[bytes]] = []
    with plane.session(state := new_state()) as session:
        until = time.monotonic() + PATIENCE_SECONDS
        while sum(map(len, found)) < len(values):
            assert time.monotonic() < until
            session.fill(1_000, 0.2)
            if messages := session.take():
                found.append([message.value() for message in messages])
                assert settled(plane, session, state, messages, lambda tx, chunk: tx.account("read", len(chunk))) == [
                    None
                ]
    assert [value for some in found for value in some] == values
    assert max(map(len, found)) == 2
    assert plane.offsets()[0] == len(values)
