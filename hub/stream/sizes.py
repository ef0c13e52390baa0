"""How many bytes each row of a RecordBatch takes in Avro, computed from the columns without encoding them.

That tells where a nested record begins in bytes at hand, and whether bytes were left over after a decoded record.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Sizes = npt.NDArray[np.int64]
_VARINT_LIMITS = [1 << (7 * groups) for groups in range(1, 10)]
"""From which number on, folded, one byte more is written."""
_FIXED = {"boolean": 1, "float": 4, "double": 8}


def encoded_sizes(fields: list[dict[str, Any]], columns: list[pa.Array]) -> Sizes:
    """int64 of shape (n,): the bytes of these fields (as declared in Avro) in each row, in the canonical encoding.

    Arrays and maps are taken to be written as one block, as all common writers do. Raises TypeError for bytes and fixed,
    which the batch codec does not know either.
    """
    total: Sizes = np.zeros(len(columns[0]) if columns else 0, dtype=np.int64)
    for field, column in zip(fields, columns, strict=True):
        total += _sizes(field["type"], column)
    return total


def _sizes(declared: Any, column: pa.Array) -> Sizes:
    if isinstance(declared, list):
        return _optional(declared, column)
    if isinstance(declared, dict):
        kind = declared["type"]
        if kind == "record":
            return encoded_sizes(declared["fields"], _children(column))
        if kind == "enum":
            return _enum(declared["symbols"], column)
        if kind in ("array", "map"):
            return _blocks(declared, column)
        return _sizes(kind, column)  # a logical type, or a primitive written out
    if declared == "string":
        return _text(column)
    if declared in ("int", "long"):
        return _zigzag(column.cast(pa.int64()).fill_null(0).to_numpy())
    if declared == "null":
        return np.zeros(len(column), dtype=np.int64)
    if declared in _FIXED:
        return np.full(len(column), _FIXED[declared], dtype=np.int64)
    raise TypeError(f"no size is known for the Avro type {declared!r}")


def _optional(declared: list[Any], column: pa.Array) -> Sizes:
    """A union of null and one other type; the branch's number takes one byte."""
    (other,) = (branch for branch in declared if branch != "null")
    if column.null_count == len(column):
        return np.ones(len(column), dtype=np.int64)
    sizes = _sizes(other, column) + 1
    if column.null_count:
        sizes[column.is_null().to_numpy(zero_copy_only=False)] = 1
    return sizes


def _children(column: pa.Array) -> list[pa.Array]:
    """The fields of a struct column, cut to its rows."""
    return [column.field(index) for index in range(column.type.num_fields)]


def _enum(symbols: list[str], column: pa.Array) -> Sizes:
    if len(symbols) <= 1 << 6:
        return np.ones(len(column), dtype=np.int64)
    place = {symbol: index for index, symbol in enumerate(symbols)}
    return _zigzag(np.array([place[symbol] for symbol in column.to_pylist()], dtype=np.int64))


def _text(column: pa.Array) -> Sizes:
    lengths = np.diff(_offsets(column))
    if column.null_count:
        lengths = np.where(column.is_valid().to_numpy(zero_copy_only=False), lengths, 0)
    return _varint(lengths << 1) + lengths


def _blocks(declared: dict[str, Any], column: pa.Array) -> Sizes:
    """Count, items and a closing zero; of an empty one the zero alone."""
    offsets = _offsets(column)
    if declared["type"] == "map":
        items = _text(_cut(column.keys, offsets)) + _sizes(declared["values"], _cut(column.items, offsets))
    else:
        items = _sizes(declared["items"], _cut(column.values, offsets))
    running = np.concatenate([[0], np.cumsum(items)])
    counts = np.diff(offsets)
    starts = offsets - offsets[0]
    return np.where(counts > 0, _varint(counts << 1) + running[starts[1:]] - running[starts[:-1]], 0) + 1


def _cut(values: pa.Array, offsets: Sizes) -> pa.Array:
    return values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))


def _offsets(column: pa.Array) -> Sizes:
    """The n+1 offsets of a column of texts, lists or maps."""
    raw = column.buffers()[1]
    if raw is None:
        return np.zeros(len(column) + 1, dtype=np.int64)
    width = np.dtype(np.int64 if pa.types.is_large_string(column.type) else np.int32)
    begin = column.offset * width.itemsize
    if raw.size < begin + width.itemsize * (len(column) + 1):  # an empty column may have no offsets at all
        return np.zeros(len(column) + 1, dtype=np.int64)
    return np.frombuffer(raw, width, len(column) + 1, begin).astype(np.int64)


def _zigzag(numbers: npt.NDArray[np.int64]) -> Sizes:
    """Bytes of each whole number as Avro writes it."""
    folded = ((numbers << 1) ^ (numbers >> 63)).view(np.uint64)
    return _varint(folded)


def _varint(folded: npt.NDArray[np.uint64] | npt.NDArray[np.int64]) -> Sizes:
    sizes = np.ones(len(folded), dtype=np.int64)
    if len(folded):
        top = int(folded.max())
        for limit in _VARINT_LIMITS:
            if limit > top:
                break
            sizes += folded >= limit
    return sizes
