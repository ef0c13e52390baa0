"""Records of one kind that go to different topics are encoded together, and parted afterwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable


def rows_by(names: Iterable[str]) -> dict[str, list[int]]:
    """The rows of each name, names in the order in which they come first."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, name in enumerate(names):
        rows[name].append(row)
    return rows
