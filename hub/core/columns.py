"""Structs from columns, by name: whatever order the columns come in, each value stands in its own field. And columns as lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import Any, TypeVar

import msgspec
import pyarrow as pa

S = TypeVar("S", bound=msgspec.Struct)


def from_columns(kind: type[S], /, **columns: Iterable[object]) -> Iterator[S]:
    """One struct for each row of the columns, which are of one length. A field that is not among them has its default.

    Raises TypeError for a column that is no field of the struct, and for a field without a column and a default.
    """
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    if strange := columns.keys() - fields.keys():
        raise TypeError(f"{kind.__name__} has no field {', '.join(sorted(strange))}")
    if missing := [name for name, field in fields.items() if field.required and name not in columns]:
        raise TypeError(f"{kind.__name__} needs a column for {', '.join(missing)}")
    names = list(fields)[: max(map(list(fields).index, columns)) + 1]
    return map(kind, *(columns[name] if name in columns else repeat(_default(fields[name])) for name in names))


def _default(field: msgspec.structs.FieldInfo) -> object:
    if field.default_factory is not msgspec.NODEFAULT:
        raise TypeError(f"{field.name} has a default of its own for each struct; give a column")
    return field.default


def few(column: pa.Array, kind: Callable[[str], object] = str) -> list[Any]:
    """A column of few different texts, each of them one object however often it comes: state keeps them by the million. `kind`:
    what is made of each, such as the symbol of an enum."""
    encoded = column.dictionary_encode()
    texts = list(map(kind, encoded.dictionary.to_pylist()))
    return [None if index is None else texts[index] for index in encoded.indices.to_pylist()]


def millis(column: pa.Array) -> list[Any]:
    """A column of times, in ms."""
    found: list[Any] = column.cast(pa.int64()).to_pylist()
    return found
