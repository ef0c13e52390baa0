"""Structs from columns, by name: whatever order the columns come in, each value stands in its own field. And columns as lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import lru_cache
from itertools import repeat
from typing import Any, NoReturn, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Rows = npt.NDArray[np.int64]
"""Numbers of rows."""
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
S = TypeVar("S", bound=msgspec.Struct)


def from_columns(kind: type[S], /, **columns: Iterable[object]) -> Iterator[S]:
    """One struct for each row of the columns, which are of one length. A field that is not among them has its default.

    Raises TypeError for a column that is no field of the struct, and for a field without a column and a default.
    """
    names, required, defaults = _fields(kind)
    if not required <= columns.keys() <= set(names):
        _complain(kind, columns.keys())
    last = max(map(names.index, columns))
    return map(kind, *(columns[name] if name in columns else _default(name, defaults) for name in names[: last + 1]))


@lru_cache(maxsize=64)
def _fields(kind: type[msgspec.Struct]) -> tuple[tuple[str, ...], frozenset[str], Mapping[str, object]]:
    """The names of all, of those that must be given, and the defaults of others; of a default that is made anew for each, none."""
    fields = msgspec.structs.fields(kind)
    required = frozenset(field.name for field in fields if field.required)
    defaults = {field.name: field.default for field in fields if field.default is not msgspec.NODEFAULT}
    return tuple(field.name for field in fields), required, defaults


def _default(name: str, defaults: Mapping[str, object]) -> Iterator[object]:
    if name not in defaults:
        raise TypeError(f"{name} has a default of its own for each struct; give a column")
    return repeat(defaults[name])


def _complain(kind: type[msgspec.Struct], given: Set[str]) -> NoReturn:
    names, required, _ = _fields(kind)
    if strange := given - set(names):
        raise TypeError(f"{kind.__name__} has no field {', '.join(sorted(strange))}")
    raise TypeError(f"{kind.__name__} needs a column for {', '.join(sorted(required - given))}")


def shared_values(column: pa.Array, kind: Callable[[str], object] = str) -> list[Any]:
    """A column of few different texts, each of them one object however often it comes: state keeps them by the million. `kind`:
    what is made of each, such as the symbol of an enum."""
    encoded = column.dictionary_encode()
    texts = np.array([*map(kind, encoded.dictionary.to_pylist()), None], dtype=np.object_)
    found: list[Any] = texts[encoded.indices.fill_null(len(texts) - 1).to_numpy()].tolist()
    return found


def millis(column: pa.Array) -> list[Any]:
    """A column of times, in ms."""
    found: list[Any] = column.cast(pa.int64()).to_pylist()
    return found


def latest(*instants: Sequence[int]) -> Ints:
    """For each row the latest of its instants, ms. Python's own `max` takes 0.1 µs to read its arguments."""
    found: Ints = np.maximum.reduce([np.array(each, dtype=np.int64) for each in instants])
    return found


def flags(column: pa.BooleanArray) -> Iterable[bool]:
    """A column that is true in few rows, if in any."""
    found: Iterable[bool] = column.to_pylist() if pc.any(column).as_py() else repeat(False)
    return found


def lists(column: pa.ListArray) -> Iterable[list[Any]]:
    """A column that has something in few rows, if in any: else Arrow would make an empty list for each."""
    found: Iterable[list[Any]] = column.to_pylist() if len(column.flatten()) else repeat([])
    return found


def any_said(**columns: Sequence[Any]) -> dict[str, Sequence[Any]]:
    """Those of these columns in which some row says something: no empty list, no, zero or nothing. The codec knows what a field is
    of which nobody says anything, so what is rare costs nothing in most chunks."""
    return {name: column for name, column in columns.items() if any(column)}
