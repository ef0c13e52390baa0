"""Computes how many records an agent has yet to read, from what its consumer knows. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hub.stream.numbers import PartitionPlace, number_of

_NOT_SAID = -1


def left_records(
    ends: Mapping[PartitionPlace, int], highs: Mapping[PartitionPlace, int], eofs: Mapping[PartitionPlace, int]
) -> dict[PartitionPlace, int]:
    """By place.

    `ends`: the next offset to read of each, as committed. `highs`: the broker's last word on where it ends, negative or left out
    where it has not said so yet. `eofs`: where reading came to an end, which lies past the markers of transactions that no reader
    sees. What is not known counts as one record: nobody may take an agent for idle that has only just begun.
    """
    left = {}
    for place, end in ends.items():
        high = highs.get(place, _NOT_SAID)
        known = high >= 0 or place in eofs
        left[place] = max(0, high - max(end, eofs.get(place, 0))) if known else 1
    return left


def lag_records(own_numbers: Collection[int], left: Mapping[PartitionPlace, int], numbers: int) -> dict[int, int]:
    """By number held, over all topics, of a hub of so many numbers."""
    behind = dict.fromkeys(own_numbers, 0)
    for place, records in left.items():
        number = number_of(place[1], numbers)
        behind[number] = behind.get(number, 0) + records
    return behind
