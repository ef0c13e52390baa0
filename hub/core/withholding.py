"""Records without what a receiver's purpose does not need. Pure; a column at a time."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pyarrow as pa

from hub.model.base import Record
from hub.model.event import CaseEvent
from hub.model.marks import personal_fields
from hub.model.personal import Personal

Kinds = frozenset[Personal]
_ERASED: Kinds = frozenset({Personal.WORDS, Personal.FILES, Personal.ATTRIBUTES})


def without_kinds(batch: pa.RecordBatch, record: type[Record], withheld: Kinds) -> pa.RecordBatch:
    """The batch, of records of this kind, with nothing in the fields that are marked with what is withheld: null where the schema
    has it, else empty. A list or map is emptied whole."""
    marks = _marks(record)
    columns = [
        _column(column, field, field.name, marks, withheld)
        for column, field in zip(batch.columns, batch.schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


@cache
def _marks(record: type[Record]) -> Mapping[str, Personal]:
    return personal_fields(record)


def _column(column: pa.Array, field: pa.Field, path: str, marks: Mapping[str, Personal], withheld: Kinds) -> pa.Array:
    kind = field.type
    if pa.types.is_struct(kind):
        parts = [_column(column.field(each.name), each, f"{path}.{each.name}", marks, withheld) for each in kind]
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=column.is_null())
    if pa.types.is_list(kind) or pa.types.is_map(kind):
        inside = f"{path}{'[]' if pa.types.is_list(kind) else '{}'}"
        if any(mark in withheld for name, mark in marks.items() if name == inside or name.startswith(f"{inside}.")):
            return pa.array([[]] * len(column), kind)
        return column
    if marks.get(path) not in withheld:
        return column
    return pa.nulls(len(column), kind) if field.nullable else pa.repeat(pa.scalar("", kind), len(column))


def erased_events(batch: pa.RecordBatch) -> pa.RecordBatch:
    """`cityhub.CaseEvent`s without what somebody wrote: no words, address, files, attributes. The point stays, as an open case is
    worked on there."""
    bare = without_kinds(batch, CaseEvent, _ERASED)
    at = bare.schema.get_field_index("place")
    place = bare.column(at)
    parts = [
        pa.nulls(len(place), part.type) if part.name == "address" else place.field(part.name) for part in place.type
    ]
    return bare.set_column(at, bare.schema.field(at), pa.StructArray.from_arrays(parts, fields=list(place.type)))


def erased_event(event: Mapping[str, Any]) -> dict[str, Any]:
    """The same of one event, as a dictionary."""
    bare: dict[str, Any] = {"title": "", "text": "", "category_label": None, "attachments": [], "attributes": {}}
    return {**event, **bare, "place": {**event["place"], "address": None}}
