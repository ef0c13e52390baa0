"""Where a partition begins and ends at the broker. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Extent(NamedTuple):
    """What the broker has of a partition."""

    low: int
    """The first offset that is still there."""
    high: int
    """The offset after the last."""
    log: str = ""
    """Id of the topic: one that is deleted and made anew has another. Empty if unknown."""
