"""Decodes only the first fields of records, whole batches at a time: what stands behind them is not looked at.

An Avro record is its fields one after the other, and the batch decoder does not mind bytes that are left over. So an audit
of a million orders need not decode a million texts, and a dead letter's bytes, which the batch decoder cannot do, are no
obstacle.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyruhvro

from hub.errors import FatalError, RejectedRecordError
from hub.stream.avro.codec import HEADER_BYTES, Codec
from hub.stream.avro.decoding import RowIndexes, batch_decoder_errors
from hub.stream.avro.readable import unreadable_rows
from hub.stream.avro.registry import Registry, Schema, make_schema

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


@dataclass(frozen=True)
class Narrowed:
    """The records among some values."""

    batch: pa.RecordBatch
    rows: RowIndexes
    """int64 of shape (n,): which of the values each row of `batch` is."""
    foreign: RowIndexes
    """Which are no such records: somebody else wrote there."""


class NarrowDecoder:
    """Decodes the fields of one subject up to `last`."""

    def __init__(self, registry: Registry, codec: Codec, subject: str, last: Path) -> None:
        whole = registry.latest(subject)
        self._schema = narrowed(whole, last)
        self._header = b"\0" + whole.id.to_bytes(4, "big")
        self._subject = subject
        self._codec = codec

    def decode(self, values: Sequence[bytes | None]) -> Narrowed:
        """One row for each of `values` that is a record of the subject; others are stepped over, and told."""
        bodies = [value[HEADER_BYTES:] if value and value[:HEADER_BYTES] == self._header else None for value in values]
        rows = np.arange(len(values))
        if None in bodies or (batch := self._batch(bodies)) is None:
            rewritten = [self._rewritten(value) for value in values]
            rows = np.array([row for row, body in enumerate(rewritten) if body is not None], np.int64)
            batch = self._batch([body for body in rewritten if body is not None])
        if batch is None:
            raise FatalError(f"{self._subject} cannot be read a batch at a time; this is a defect of the hub")
        if len(unreadable := unreadable_rows(batch)):
            readable = np.setdiff1d(np.arange(len(rows)), unreadable)
            batch, rows = batch.take(pa.array(readable)), rows[readable]
        return Narrowed(batch, rows, np.setdiff1d(np.arange(len(values)), rows))

    def _batch(self, bodies: Sequence[bytes | None]) -> pa.RecordBatch | None:
        """None if some of them are no records. What lies behind the last field is not looked at."""
        if not bodies:
            return self._schema.no_rows
        with batch_decoder_errors() as failed:
            batch = pyruhvro.deserialize_array(bodies, self._schema.text)
            batch.validate(full=True)  # finds text that is not UTF-8
        return None if failed else batch

    def _rewritten(self, value: bytes | None) -> bytes | None:
        """The body in today's schema, also of a record that an older version of the hub wrote."""
        try:
            return self._codec.translate(self._subject, value)
        except RejectedRecordError:
            return None


def column(batch: pa.RecordBatch, path: Path) -> pa.Array:
    """One field of a batch as a column; times as int64 ms."""
    found = batch.column(path[0])
    for name in path[1:]:
        found = found.field(name)
    return found.cast("int64") if pa.types.is_timestamp(found.type) else found
