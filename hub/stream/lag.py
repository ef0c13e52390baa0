"""How many records an agent has yet to read, by what its consumer knows. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hub.stream.numbers import Place, number_of

_NOT_SAID = -1


def lag_records(
    held: Collection[int],
    ends: Mapping[Place, int],
    highs: Mapping[Place, int],
    eofs: Mapping[Place, int],
    numbers: int,
) -> dict[int, int]:
    """By number held, over all topics, of a hub of so many numbers.

    `ends`: the next offset to read of each place, as committed. `highs`: the broker's last word on where it ends, negative or
    left out where it has not said so yet. `eofs`: where reading came to an end, which lies past the markers of transactions that no
    reader sees. What is not known counts as one record: nobody may take an agent for idle that has only just begun.
    """
    behind = dict.fromkeys(held, 0)
    for place, end in ends.items():
        read_to = max(end, eofs.get(place, 0))
        high = highs.get(place, _NOT_SAID)
        left = max(0, high - read_to) if high >= 0 or place in eofs else 1
        number = number_of(place[1], numbers)
        behind[number] = behind.get(number, 0) + left
    return behind
