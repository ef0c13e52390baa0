"""Tells whether somebody else held partitions while a rebalance moved them, by what is written beside the group's
committed offsets. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import TopicPartition

from hub.stream.changelog.checkpoints import CommitMark
from hub.stream.numbers import number_of


def still_claimed(committed: Iterable[TopicPartition], claim: str, numbers: int) -> set[int]:
    """The numbers of which nobody has committed anything since the hold that wrote `claim`. `numbers` is the hub's
    number of partitions.

    `committed`: the offsets of all topics of each number, as the group's coordinator answers. The first commit of
    every hold puts its claim beside all offsets that it holds, so one other claim, or none, says that the state may
    be another by now.
    """
    mine: dict[int, bool] = {}
    for place in committed:
        number = number_of(place.partition, numbers)
        mine[number] = mine.get(number, True) and bool(claim) and CommitMark.read(place.metadata).claim == claim
    return {number for number, is_mine in mine.items() if is_mine}
