"""Which fields of a record say what of a person, read from the marks where the fields are declared (hub/model/personal.py)."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Annotated, Any

from hub.model.base import Record
from hub.model.outputs import RECORDS
from hub.model.personal import Personal

Marked = tuple[str, Personal | None]
"""A field by its path from the record (`place.address`, `attachments[].uri`, `attributes{}`), and its mark. None: it has none."""


def personal_fields(record: type[Record]) -> dict[str, Personal]:
    """The mark of each field that can hold text, and of every other that has one.

    Raises ValueError for a text without a mark: nobody has said whether it can be personal.
    """
    found = dict(_fields(record, ""))
    unmarked = [path for path, mark in found.items() if mark is None]
    if unmarked:
        raise ValueError(
            f"{record.NAME}.{unmarked[0]} does not say whether it can be personal; mark it, `Annotated[..., Personal.NONE]`"
        )
    return {path: mark for path, mark in found.items() if mark is not None}


def all_marks() -> dict[str, dict[str, Personal]]:
    """Of every record that is a subject of its own, by name. Raises as `personal_fields`."""
    return {record.NAME: personal_fields(record) for record in RECORDS}


def _fields(record: type[Record], before: str) -> Iterator[Marked]:
    hints = typing.get_type_hints(record, include_extras=True)
    for name in record.model_fields:
        yield from _marked(hints[name], f"{before}{name}", None)


def _marked(hint: Any, path: str, mark: Personal | None) -> Iterator[Marked]:
    """`mark`: of what is around it. The outermost counts: whoever uses a type knows best."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        own = [each for each in arguments[1:] if isinstance(each, Personal)]
        yield from _marked(arguments[0], path, mark or (own[-1] if own else None))
    elif origin in (types.UnionType, typing.Union):
        (inner,) = (each for each in arguments if each is not type(None))
        yield from _marked(inner, path, mark)
    elif origin is list:
        yield from _marked(arguments[0], f"{path}[]", mark)
    elif origin is dict:
        yield from _marked(arguments[1], f"{path}{{}}", mark)
    elif issubclass(hint, Record):
        yield from _fields(hint, f"{path}.")
    elif mark is not None or _is_text(hint):
        yield path, mark


def _is_text(kind: type) -> bool:
    """Of an enum the schema lists what it can say."""
    return kind in (str, bytes)
