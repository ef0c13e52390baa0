"""In which partition a key lives, as the hub's producers and every JVM client place it."""

from __future__ import annotations

from aiokafka.partitioner import murmur2  # type: ignore[import-untyped]

_POSITIVE = 0x7FFFFFFF


def partition_of(key: str | bytes, partitions: int) -> int:
    """The partition of a record with this key in a topic of so many. The key is not empty: those without go anywhere."""
    raw = key.encode() if isinstance(key, str) else key
    return int(murmur2(raw) & _POSITIVE) % partitions
