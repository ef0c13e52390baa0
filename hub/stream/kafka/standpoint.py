"""Where a reader stands in a partition, as it is kept over restarts: an offset says nothing without the topic that it is of. Pure.

Every reader that keeps an offset keeps the topic's id beside it, and asks `is_made_anew` before it goes on.
"""

from __future__ import annotations

from typing import NamedTuple


def is_made_anew(kept: str, there: str) -> bool:
    """True if the topic of a name is another than the one that was read: it was deleted and made anew.

    Both are ids. One that is not known (a release before kept none, the broker gives none) speaks for any.
    """
    return bool(kept and there and kept != there)


class Standpoint(NamedTuple):
    """How far a partition was read."""

    offset: int
    """Of what is read next."""
    log: str = ""
    """Id of the topic that was read; empty if unknown."""
