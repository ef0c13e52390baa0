"""Records as bytes that no client here would write: Kafka takes any name of a header, librdkafka's callers may send it."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Sequence
from typing import NamedTuple

from aiokafka.record.util import calc_crc32c  # type: ignore[import-untyped]

from tests.mutations import varint
from tests.waiting import PATIENCE_SECONDS

_PRODUCE, _VERSION, _MAGIC, _CREATE_TIME, _ALL, _NONE = 0, 7, 2, 0, -1, -1


class RawRecord(NamedTuple):
    """One record, with the names of its headers as bytes."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[bytes, bytes | None]] = ()


def produce_raw(bootstrap: str, topic: str, partition: int, *records: RawRecord) -> None:
    """Write these records as one batch. `bootstrap`: the address of the one broker."""
    batch = _batch(records)
    name = topic.encode()
    call = struct.pack(">hhih", _PRODUCE, _VERSION, 1, _NONE) + struct.pack(">hhi", _NONE, _ALL, 30_000)
    call += struct.pack(">ih", 1, len(name)) + name + struct.pack(">iii", 1, partition, len(batch)) + batch
    host, _, port = bootstrap.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as broker:
        broker.sendall(struct.pack(">i", len(call)) + call)
        with broker.makefile("rb") as answers:
            (size,) = struct.unpack(">i", answers.read(4))
            answer = answers.read(size)
    at = 4 + 4 + 2 + len(name) + 4 + 4  # correlation, topics, the name, partitions, the partition
    (failed,) = struct.unpack_from(">h", answer, at)
    assert not failed, f"the broker answers with error {failed}"


def _batch(records: Sequence[RawRecord]) -> bytes:
    now, last = round(time.time() * 1000), len(records) - 1
    rest = struct.pack(">hiqqqhii", _CREATE_TIME, last, now, now, -1, -1, -1, len(records))
    rest += b"".join(_record(offset, record) for offset, record in enumerate(records))
    after_length = struct.pack(">ibI", -1, _MAGIC, calc_crc32c(rest)) + rest
    return struct.pack(">qi", 0, len(after_length)) + after_length


def _record(offset: int, record: RawRecord) -> bytes:
    parts = [b"\0", varint(0), varint(offset), _text(record.key), _text(record.value), varint(len(record.headers))]
    for name, value in record.headers:
        parts += (_text(name), _text(value))
    body = b"".join(parts)
    return varint(len(body)) + body


def _text(value: bytes | None) -> bytes:
    return varint(-1) if value is None else varint(len(value)) + value
