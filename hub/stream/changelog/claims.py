"""Whose partitions were while a rebalance moved them: told by what is written beside the group's committed offsets. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import TopicPartition

from hub.stream.changelog.checkpoints import CommitMark
from hub.stream.numbers import number_of


def still_claimed(committed: Iterable[TopicPartition], claim: str, numbers: int) -> set[int]:
    """The numbers, of so many, of which nobody has committed anything since the hold that wrote `claim`.

    `committed`: as the group's coordinator answers, all topics of each number. Every hold's first commit puts its own claim
    beside all offsets that it holds, so one other claim, or none, says that the state may be another by now.
    """
    mine: dict[int, bool] = {}
    for place in committed:
        number = number_of(place.partition, numbers)
        mine[number] = mine.get(number, True) and bool(claim) and CommitMark.read(place.metadata).claim == claim
    return {number for number, is_mine in mine.items() if is_mine}
