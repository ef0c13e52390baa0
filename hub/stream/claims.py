"""Whose partitions were while a rebalance moved them: told by what is written beside the group's committed offsets. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import TopicPartition


def still_claimed(committed: Iterable[TopicPartition], claim: str) -> set[int]:
    """The partition numbers of which nobody has committed anything since the hold that wrote `claim`.

    `committed`: as the group's coordinator answers, all topics of each number. Every hold's first commit puts its own claim
    beside all offsets that it holds, so one other claim, or none, says that the state may be another by now.
    """
    mine: dict[int, bool] = {}
    for place in committed:
        mine[place.partition] = mine.get(place.partition, True) and bool(claim) and place.metadata == claim
    return {partition for partition, is_mine in mine.items() if is_mine}
