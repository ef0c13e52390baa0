"""Which partitions a worker reads, by the numbers that it holds. Pure.

A hub has a number of partitions for life. What is keyed alike meets in the same number, and so do the state and the changelog
of it. A number is held by one worker at a time, and it reads of every topic each partition that counts to it; so a topic to
which an administrator has added partitions is read whole, and stops nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

PartitionPlace = tuple[str, int]
"""A topic, by its name on the broker, and the number of one of its partitions."""


def number_of(partition: int, numbers: int) -> int:
    """The number to which a partition counts, of so many. Partitions that were added to a topic later count from 0
    again."""
    return partition % numbers


def places_of(own_numbers: Collection[int], counts: Mapping[str, int], numbers: int) -> Iterator[PartitionPlace]:
    """Every partition that is read by whoever holds these numbers. `counts`: how many partitions each topic has."""
    for topic, count in counts.items():
        yield from ((topic, partition) for partition in range(count) if number_of(partition, numbers) in own_numbers)
