"""Holds the columns of a batch to the limits that the records of hub/model declare: nothing is declared twice.

Vector operations throughout: what costs anything is done only where some row may be at fault.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any

import annotated_types
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hub.bounds import SYSTEM_ID
from hub.clock import iso
from hub.errors import Reason
from hub.model.base import CONTROLS, IS_SYSTEM_ID, NO_CONTROLS, Avro, Record

LimitVerdict = tuple[int, Reason, str]
"""Row, reason and detail. A detail names field and limit, and never quotes what a sender wrote."""
_Rows = npt.NDArray[np.int64] | None
"""Which row of the batch each entry of a column is of; None: one entry a row."""
_Check = Callable[[pa.Array, _Rows, str], Iterator[LimitVerdict]]
_NOTHING: tuple[_Check, ...] = ()
_NO_TEXTS = np.zeros(1, np.int32)


class Limits:
    """Of one kind of record."""

    def __init__(self, record: type[Record]) -> None:
        self._checks = _fields_of(record)

    def faults(self, batch: pa.RecordBatch | pa.StructArray, without: Sequence[str] = ()) -> Iterator[LimitVerdict]:
        """Every row's every fault. `batch` is what the batch decoder makes of the record's schema; the fields `without` are not
        looked at."""
        if not len(batch):
            return
        rows, column_of = len(batch), batch.column if isinstance(batch, pa.RecordBatch) else batch.field
        for name, checks in self._checks.items():
            if not checks or name in without or (column := column_of(name)).null_count == rows:
                continue
            for check in checks:
                yield from check(column, None, name)


def _fields_of(record: type[Record]) -> dict[str, tuple[_Check, ...]]:
    hints = typing.get_type_hints(record, include_extras=True)
    return {name: _checks(hints[name], info.metadata) for name, info in record.model_fields.items()}


def _checks(hint: Any, marks: Sequence[Any]) -> tuple[_Check, ...]:
    """What is to be looked at in a column of this type; `marks` are its limits."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _checks(arguments[0], [*marks, *_marks(arguments[1:])])
    if origin in (types.UnionType, typing.Union):
        (inner,) = (each for each in arguments if each is not type(None))
        return _checks(inner, marks)
    if origin is list:
        return (_Many(_limit(marks, annotated_types.MaxLen, "max_length"), _checks(arguments[0], ())),)
    if origin is dict:
        keys, values = (_checks(each, ()) for each in arguments)
        return (_Entries(_limit(marks, annotated_types.MaxLen, "max_length"), keys, values),)
    return _checks_of_one(hint, marks)


def _checks_of_one(kind: type, marks: Sequence[Any]) -> tuple[_Check, ...]:
    if issubclass(kind, Record):
        return (_Nested(_fields_of(kind)),)
    if issubclass(kind, (Enum, bool, bytes)):
        return _NOTHING  # the codec knows their values
    if issubclass(kind, str):
        return _checks_of_text(marks)
    least, most = _limit(marks, annotated_types.Ge, "ge"), _limit(marks, annotated_types.Le, "le")
    if issubclass(kind, float):
        return (_Real(least, most),)
    avro = next(each.type for each in marks if isinstance(each, Avro))
    if least is None or most is None:
        return _NOTHING
    return (_Time(least, most) if avro == "timestamp-millis" else _Number(least, most),)


def _checks_of_text(marks: Sequence[Any]) -> tuple[_Check, ...]:
    if IS_SYSTEM_ID in marks:
        return (_system_id,)
    least = _limit(marks, annotated_types.MinLen, "min_length") or 0
    most = _limit(marks, annotated_types.MaxLen, "max_length")
    lengths: tuple[_Check, ...] = _NOTHING if most is None else (_Length(least, most),)
    return (*lengths, _printable) if NO_CONTROLS in marks else lengths


def _marks(given: Sequence[Any]) -> Iterator[Any]:
    for each in given:
        yield from getattr(each, "metadata", (each,))  # a pydantic Field holds several


def _limit(marks: Sequence[Any], kind: type, name: str) -> Any:
    return next((getattr(each, name) for each in marks if isinstance(each, kind)), None)


# -- what is within a field ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Nested:
    fields: Mapping[str, tuple[_Check, ...]]

    def __call__(self, column: pa.Array, rows: _Rows, name: str) -> Iterator[LimitVerdict]:
        if column.null_count == len(column):
            return
        if column.null_count:
            there = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
            column, rows = column.take(pa.array(there)), _of(rows, there)
        for inner, checks in self.fields.items():
            if checks and (values := column.field(inner)).null_count < len(values):
                for check in checks:
                    yield from check(values, rows, f"{name}.{inner}")


@dataclass(frozen=True)
class _Many:
    """A list. If it is too long, what is in it is not looked at."""

    most: int | None
    items: tuple[_Check, ...]

    def __call__(self, column: pa.Array, rows: _Rows, name: str) -> Iterator[LimitVerdict]:
        values = column.flatten()
        if not len(values):
            return
        counts = column.value_lengths().fill_null(0).to_numpy()
        yield from _too_many(counts, self.most, rows, name)
        rows_of_items = _of(rows, np.repeat(np.arange(len(column)), counts))
        for check in self.items:
            yield from check(values, rows_of_items, name)


@dataclass(frozen=True)
class _Entries:
    """A map."""

    most: int | None
    keys: tuple[_Check, ...]
    values: tuple[_Check, ...]

    def __call__(self, column: pa.Array, rows: _Rows, name: str) -> Iterator[LimitVerdict]:
        offsets = column.offsets.to_numpy()
        begin, end = int(offsets[0]), int(offsets[-1])
        if begin == end:
            return
        counts = np.diff(offsets)
        yield from _too_many(counts, self.most, rows, name)
        rows_of_entries = _of(rows, np.repeat(np.arange(len(column)), counts))
        for part, what, checks in ((column.keys, "a key", self.keys), (column.items, "a value", self.values)):
            for check in checks:
                yield from check(part.slice(begin, end - begin), rows_of_entries, f"{name} ({what})")


def _of(rows: _Rows, inner: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return inner if rows is None else rows[inner]


def _too_many(counts: npt.NDArray[Any], most: int | None, rows: _Rows, name: str) -> Iterator[LimitVerdict]:
    if most is not None:
        for at in np.flatnonzero(counts > most).tolist():
            yield _row(rows, at), Reason.TOO_LARGE, f"{name} has {counts[at]:,} entries; {most:,} at most"


# -- single values --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Length:
    """Of text, in characters."""

    least: int
    most: int

    def __call__(self, column: pa.Array, rows: _Rows, name: str) -> Iterator[LimitVerdict]:
        ends = _ends(column)
        sizes = ends[1:] - ends[:-1]  # no text has more characters than bytes; one that is null has none
        if sizes.max(initial=0) <= self.most and (not self.least or sizes.min(initial=self.least) >= self.least):
            return
        lengths = pc.utf8_length(column)
        for at in _found(pc.or_(pc.less(lengths, self.least), pc.greater(lengths, self.most))):
            length = lengths[at].as_py()
            reason = Reason.TOO_LARGE if length > self.most else Reason.INVALID
            yield (
                _row(rows, at),
                reason,
                f"{name} has {length:,} characters; it needs {self.least} to {self.most:,}, and long matter is an attachment",
            )


def _printable(column: pa.Array, rows: _Rows, name: str) -> Iterator[LimitVerdict]:
    if not _may_hold_controls(column):
        return
    for at in _found(pc.match_substring_regex(column, CONTROLS)):
        yield (
            _row(rows, at),
            Reason.INVALID,
            f"{name} holds a control character (NUL, a line end or the like); remove it at the source",
        )


def _may_hold_controls(column: pa.StringArray) -> bool:
    """Looks at the bytes of all texts at once; in UTF-8 those of U+0080 to U+009F begin with 0xC2."""
    ends = _ends(column)
    begin, end = int(ends[0]), int(ends[-1])
    if begin == end:
        return False
    raw = np.frombuffer(column.buffers()[2], np.uint8, end - begin, begin)
    if raw.min() < ord(" "):
        return True
    text = raw.tobytes()
    return b"\x7f" in text or b"\xc2" in text


def _ends(column: pa.StringArray) -> npt.NDArray[np.int32]:
    """Where in its bytes each text begins, and the last ends."""
    offsets = column.buffers()[1]
    width = np.dtype(np.int32).itemsize
    return np.frombuffer(offsets, np.int32, len(column) + 1, column.offset * width) if len(column) else _NO_TEXTS


@lru_cache(1024)
def _is_system_id(text: str) -> bool:
    return re.fullmatch(SYSTEM_ID, text) is not None


def _system_id(column: pa.Array, rows: _Rows, name: str) -> Iterator[LimitVerdict]:
    strange = [each for each in column.unique().to_pylist() if each is not None and not _is_system_id(each)]
    if strange:
        for at in _found(pc.is_in(column, pa.array(strange, pa.string()))):
            yield (
                _row(rows, at),
                Reason.INVALID,
                f"{name} is no id of a source or department: a-z, 0-9 and _, at most 40",
            )


@dataclass(frozen=True)
class _Number:
    least: int
    most: int

    def __call__(self, column: pa.Array, rows: _Rows, name: str) -> Iterator[LimitVerdict]:
        for at in _outside(column, self.least, self.most):
            yield _row(rows, at), Reason.INVALID, f"{name} is outside {self.least:,} to {self.most:,}"


@dataclass(frozen=True)
class _Time:
    least: int
    most: int

    def __call__(self, column: pa.Array, rows: _Rows, name: str) -> Iterator[LimitVerdict]:
        millis = column.view(pa.int64())
        for at in _outside(millis, self.least, self.most):
            yield (
                _row(rows, at),
                Reason.TIME_OUT_OF_RANGE,
                f"{name} is {iso(millis[at].as_py())}, outside {iso(self.least)} to {iso(self.most)}; mend it at the source",
            )


@dataclass(frozen=True)
class _Real:
    """A number with a fraction: finite, whatever its limits."""

    least: float | None
    most: float | None

    def __call__(self, column: pa.Array, rows: _Rows, name: str) -> Iterator[LimitVerdict]:
        if not np.isfinite(_values(column)).all():
            for at in _found(pc.invert(pc.is_finite(column))):
                yield _row(rows, at), Reason.INVALID, f"{name} is not a number"
        for at in _outside(column, self.least, self.most):
            yield _row(rows, at), Reason.INVALID, f"{name} is outside {self.least} to {self.most}"


def _outside(column: pa.Array, least: float | None, most: float | None) -> list[int]:
    if least is None or most is None:
        return []
    values = _values(column)
    if not len(values) or (values.min() >= least and values.max() <= most):
        return []
    return _found(pc.or_(pc.less(column, least), pc.greater(column, most)))


def _values(column: pa.Array) -> npt.NDArray[Any]:
    """The numbers that are there."""
    there = column.drop_null() if column.null_count else column
    values: npt.NDArray[Any] = there.to_numpy()
    return values


def _found(mask: pa.Array) -> list[int]:
    found: list[int] = np.flatnonzero(mask.fill_null(False).to_numpy(zero_copy_only=False)).tolist()
    return found


def _row(rows: _Rows, index: int) -> int:
    return index if rows is None else int(rows[index])
