"""One field's text or time from a row's columns, as a declared origin says. Pure."""

from __future__ import annotations

import hashlib
import json
import string
from collections.abc import Callable, Iterable
from collections.abc import Mapping as Values
from typing import Any
from zoneinfo import ZoneInfo

from hub.errors import Reason, RejectedRecordError
from hub.sdk.mapping.mapping import Mapping
from hub.sdk.mapping.specs import FieldSpec
from hub.sdk.mapping.times import parse_time

CellReader = Callable[[Values[str, Any]], str]
Cell = Callable[[Any], str]


def text_of(value: Any) -> str:
    """A column's value as text: null is empty, numbers as JSON writes them."""
    if isinstance(value, str):
        return value.strip()
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False)


def null_words(nulls: Iterable[str]) -> frozenset[str]:
    """The words for no value in every case that people write."""
    return frozenset(form for each in nulls for form in (each, each.lower(), each.upper(), each.capitalize()))


def cell_reader(nulls: Iterable[str]) -> Cell:
    """As `text_of`, with the words that a system writes where it has no value (`N/A`, `NULL`) read as empty, case aside."""
    words = null_words(nulls)
    if not words:
        return text_of

    def cell(value: Any) -> str:
        text = text_of(value)
        return "" if text in words else text

    return cell


def _origin(spec: FieldSpec, cell: Cell) -> CellReader:
    if spec.column is not None:
        column = spec.column
        return lambda values: cell(values.get(column))
    if spec.template is not None:
        parts = [(before, name) for before, name, _, _ in string.Formatter().parse(spec.template)]
        return lambda values: " ".join(
            "".join(before + (cell(values.get(name)) if name else "") for before, name in parts).split()
        )
    if spec.concat is not None:
        columns, between = spec.concat, spec.separator
        return lambda values: between.join(filter(None, (cell(values.get(name)) for name in columns)))
    if spec.digest is not None:
        digested = spec.digest
        return lambda values: hashlib.sha256(
            # half a surrogate is text in JSON, and in no encoding
            json.dumps([text_of(values.get(name)) for name in digested], ensure_ascii=False).encode(
                errors="backslashreplace"
            )
        ).hexdigest()[:24]
    constant = str(spec.constant)
    return lambda values: constant


def text_reader(spec: FieldSpec, cell: Cell = text_of) -> CellReader:
    """A field's text from a row's values. It raises RejectedRecordError(bad_row) where a `map` does not know the value."""
    origin, table, default = _origin(spec, cell), spec.map, spec.default
    if table is None:
        return origin if default is None else lambda values: origin(values) or default
    said = spec.column or "a mapped value"

    def mapped(values: Values[str, Any]) -> str:
        found = table.get(origin(values), default)
        if found is None:
            raise RejectedRecordError(
                Reason.BAD_ROW, f"{said} holds a value that the mapping does not know; it knows {', '.join(table)}"
            )
        return found

    return mapped


def optional_reader(spec: FieldSpec | None, cell: Cell = text_of) -> Callable[[Values[str, Any]], str | None]:
    """As `text_reader`; None where the field is not declared, or is empty."""
    if spec is None:
        return lambda values: None
    read = text_reader(spec, cell)
    return lambda values: read(values) or None


def time_reader(spec: FieldSpec | None, mapping: Mapping) -> Callable[[Values[str, Any]], int | None]:
    """A field's time in ms, None where it is empty. It raises RejectedRecordError: bad_row, time_out_of_range."""
    if spec is None:
        return lambda values: None
    read, formats = text_reader(spec, cell_reader(mapping.nulls)), spec.formats or []
    zone = ZoneInfo(spec.time_zone or mapping.time_zone)

    def time(values: Values[str, Any]) -> int | None:
        text = read(values)
        return parse_time(text, formats, zone) if text else None

    return time
