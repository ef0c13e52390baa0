"""Decodes only the first fields of records, whole batches at a time: what stands behind them is not looked at.

An Avro record is its fields one after the other, and the batch decoder does not mind bytes that are left over. So an audit
of a million orders need not decode a million texts, and a dead letter's bytes, which the batch decoder cannot do, are no
obstacle.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyruhvro

from hub.errors import FatalError, RejectedRecordError
from hub.stream.codec import HEADER_BYTES, Codec
from hub.stream.registry import Registry, Schema, make_schema

Path = tuple[str, ...]
"""A field, or a field within a record that is a field."""


def narrowed(schema: Schema, last: Path) -> Schema:
    """The schema up to and with the field `last`. Raises KeyError if there is no such field."""
    return make_schema(schema.id, schema.subject, schema.version, _cut(json.loads(schema.text), last))


def _cut(record: dict[str, Any], last: Path) -> dict[str, Any]:
    names = [field["name"] for field in record["fields"]]
    if last[0] not in names:
        raise KeyError(f"{record['name']} has no field {last[0]}; it has {', '.join(names)}")
    fields = record["fields"][: names.index(last[0]) + 1]
    if len(last) > 1:
        fields[-1] = fields[-1] | {"type": _cut(fields[-1]["type"], last[1:])}
    return record | {"fields": fields}


class NarrowDecoder:
    """Decodes the fields of one subject up to `last`."""

    def __init__(self, registry: Registry, codec: Codec, subject: str, last: Path) -> None:
        whole = registry.latest(subject)
        self._schema = narrowed(whole, last)
        self._header = b"\0" + whole.id.to_bytes(4, "big")
        self._subject = subject
        self._codec = codec

    def decode(self, values: Sequence[bytes | None], what: str) -> pa.RecordBatch:
        """One row for each of `values`, which the hub itself wrote to the topic `what`. Raises FatalError if it did not."""
        header = self._header
        bodies = [
            value[HEADER_BYTES:] if value and value[:HEADER_BYTES] == header else self._rewritten(value, what)
            for value in values
        ]
        if not bodies:
            return pa.RecordBatch.from_pylist([], schema=self._schema.arrow)
        try:
            return pyruhvro.deserialize_array(bodies, self._schema.text)
        except ValueError as error:
            raise _foreign(what, self._subject, str(error)) from error

    def _rewritten(self, value: bytes | None, what: str) -> bytes:
        """The body of a record that an older version of the hub wrote, in today's schema."""
        try:
            return self._codec.translate(self._subject, value)
        except RejectedRecordError as error:
            raise _foreign(what, self._subject, error.detail) from error


def _foreign(what: str, subject: str, why: str) -> FatalError:
    return FatalError(f"{what} holds a record that is not {subject} ({why}); only the hub itself may write there")


def column(batch: pa.RecordBatch, path: Path) -> pa.Array:
    """One field of a batch as a column; times as int64 ms."""
    found = batch.column(path[0])
    for name in path[1:]:
        found = found.field(name)
    return found.cast("int64") if pa.types.is_timestamp(found.type) else found
