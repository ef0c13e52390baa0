"""Columns of few different values, parted by value."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def rows_by(column: Iterable[K]) -> dict[K, list[int]]:
    """The rows of each value, values in the order in which they come first."""
    rows: dict[K, list[int]] = defaultdict(list)
    for row, value in enumerate(column):
        rows[value].append(row)
    return rows
