"""Columns of few different values: parted by value, or read with one object a value."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import Any, TypeVar

import pyarrow as pa

K = TypeVar("K", bound=Hashable)


def rows_by(column: Iterable[K]) -> dict[K, list[int]]:
    """The rows of each value, values in the order in which they come first."""
    rows: dict[K, list[int]] = defaultdict(list)
    for row, value in enumerate(column):
        rows[value].append(row)
    return rows


def few(column: pa.Array) -> list[Any]:
    """A column of few different texts, each of them one object however often it comes: state keeps them by the million."""
    encoded = column.dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    return [None if index is None else texts[index] for index in encoded.indices.to_pylist()]
