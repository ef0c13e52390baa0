"""Avro in Confluent's wire format: whole batches through Arrow (pyruhvro), single records through fastavro.

Both give the same bytes; tests prove it for every schema. One bad record costs only itself: hub/stream/avro/decoding.py finds it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import fastavro
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyruhvro

from hub.errors import Reason, RejectedRecordError
from hub.stream.avro.decoding import decode, decode_exactly, read, rewritten, sift
from hub.stream.avro.readable import is_readable
from hub.stream.avro.registry import FRAME, Registry, Schema, make_schema

_MAGIC = 0
HEADER_BYTES = FRAME.size
_TO_THE_END = 1 << 40
MAX_RECORD_BYTES = 16 << 20
"""No topic of the hub takes more."""
_NOTHING = pa.scalar(b"", pa.binary())
_NULL, _SOME = pa.scalar(b"\x00", pa.binary()), pa.scalar(b"\x02", pa.binary())
"""The byte by which Avro says which branch of [null, record] follows."""


@dataclass(frozen=True)
class Reject:
    """Row `index` of the input cannot be used."""

    index: int
    reason: Reason
    detail: str


@dataclass(frozen=True)
class Decoded:
    """The usable rows of a list of records, in their order, and the others with the reason."""

    batch: pa.RecordBatch
    rows: npt.NDArray[np.int64]
    """For each row of `batch`, the index of its record in the input."""
    bodies: pa.BinaryArray
    """For each row of `batch`, its Avro bytes without framing, in the reader's schema."""
    rejects: list[Reject] = field(default_factory=list)

    def take(self, keep: np.ndarray) -> Decoded:
        """Only these rows (int64 positions in `batch`); the rejects are told already."""
        chosen = pa.array(keep)
        return Decoded(self.batch.take(chosen), self.rows[keep], self.bodies.take(chosen))


class Codec:
    """Encodes and decodes by subject, always in this program's newest version of it."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._envelopes: dict[str, Schema] = {}

    # -- single records ------------------------------------------------------------------------------------------

    def encode_one(self, subject: str, record: Mapping[str, Any]) -> bytes:
        """Frame one record; what has a default may be left out. Raises ValueError or TypeError if it does not fit the schema."""
        schema = self._registry.latest(subject)
        out = io.BytesIO()
        out.write(schema.frame)
        fastavro.schemaless_writer(out, schema.parsed, dict(record), strict_allow_default=True)
        return out.getvalue()

    def encode_many(self, subject: str, records: Sequence[Mapping[str, Any]]) -> list[bytes]:
        """Frame each of these records. Raises as `encode_one`."""
        return [self.encode_one(subject, record) for record in records]

    def decode_one(self, data: bytes) -> tuple[Schema, dict[str, Any]]:
        """Unframe and decode one record as it was written.

        Raises RejectedRecordError: undecodable, unknown_schema; invalid for what not everybody can read (hub.stream.avro.readable).
        """
        schema, record = self.decode_written(data)
        if not is_readable(schema, record):
            raise RejectedRecordError(Reason.INVALID, f"a time of {schema.subject} is none, or a number")
        return schema, record

    def decode_written(self, data: bytes) -> tuple[Schema, dict[str, Any]]:
        """The same of whatever a schema allows: for who looks at a record to mend it."""
        schema = self._registry.by_id(_schema_id(data))
        return schema, read(schema, data[HEADER_BYTES:])

    def decode_body(self, subject: str, body: bytes) -> dict[str, Any]:
        """Decode one record without framing, in this program's newest version. Times are ms. Raises RejectedRecordError."""
        return read(self._registry.latest(subject), body)

    def may_be_newer(self, value: bytes | None) -> bool:
        """True of a framed record whose schema is not known here and may be one of a newer program of the hub."""
        framed = value is not None and len(value) >= HEADER_BYTES and value[0] == _MAGIC
        return framed and self._registry.may_be_newer(_schema_id(value or b""))

    def translate(self, subject: str, value: bytes | None) -> bytes:
        """The Avro bytes, in this program's newest version, of a framed record of any. Raises RejectedRecordError."""
        return self._translate(self._registry.latest(subject), value)

    # -- batches -------------------------------------------------------------------------------------------------

    def decode_many(self, subject: str, values: Sequence[bytes | None], *, at_most: int = MAX_RECORD_BYTES) -> Decoded:
        """Decode framed records of `subject` into one RecordBatch. Every value is a row or a reject, whatever its bytes are;
        what has more than `at_most` of them is a reject.

        Raises RetriableError if a registry service cannot be asked.
        """
        reader = self._registry.latest(subject)
        if not values:
            return Decoded(reader.no_rows, np.zeros(0, np.int64), pa.array([], pa.binary()))
        rows, bodies, rejects = self._unframe(reader, values, at_most)
        framed = values if rows is None else None
        if rows is None:
            rows = np.arange(len(values))
        found = decode_exactly(reader, bodies, framed)
        if found is not None and not len(found[1]):
            batch = found[0]
        else:
            sifted = sift(reader, bodies)
            rejects += [Reject(int(rows[at]), Reason.UNDECODABLE, why) for at, why in sifted.refused]
            rows, bodies = rows[np.array(sifted.good, np.int64)], pa.array(sifted.bodies, pa.binary())
            batch = decode(reader, bodies)
        return Decoded(batch, rows, bodies, sorted(rejects, key=lambda reject: reject.index))

    def _unframe(
        self, reader: Schema, values: Sequence[bytes | None], at_most: int
    ) -> tuple[npt.NDArray[np.int64] | None, pa.BinaryArray, list[Reject]]:
        """Rows and bodies of the records that are, or can be brought, in the reader's schema. No rows: all of them, as they are."""
        rejects, framed = list[Reject](), pa.array(values, pa.binary())
        if (pc.max(pc.binary_length(framed)).as_py() or 0) > at_most:
            rejects = [_too_large(at, value, at_most) for at, value in enumerate(values) if len(value or b"") > at_most]
        refused = {reject.index for reject in rejects}
        if refused:
            values = [None if at in refused else value for at, value in enumerate(values)]
            framed = pa.array(values, pa.binary())
        ours = pc.starts_with(framed, reader.frame).fill_null(False)
        bodies = pc.binary_slice(framed, HEADER_BYTES, _TO_THE_END)
        if ours.true_count == len(framed):
            return None, bodies, []
        rows: list[int] = []
        kept: list[bytes] = []
        for index, (value, is_ours, body) in enumerate(zip(values, ours.to_pylist(), bodies.to_pylist(), strict=True)):
            if index in refused:
                continue
            try:
                kept.append(body if is_ours else self._translate(reader, value))
            except RejectedRecordError as error:
                rejects.append(Reject(index, error.reason, error.detail))
            else:
                rows.append(index)
        return np.array(rows, np.int64), pa.array(kept, pa.binary()), rejects

    def encode_columns(self, subject: str, columns: Mapping[str, Any]) -> list[bytes]:
        """Frame one record per row of `columns` (field name to sequence or Arrow array). What has a default may be left out, if it
        is that in all rows."""
        schema = self._registry.latest(subject)
        batch = _batch(schema, columns)
        return _joined(schema.header, _serialized(schema, batch)) if len(batch) else []

    def batch_of(self, subject: str, columns: Mapping[str, Any]) -> pa.RecordBatch:
        """The columns, of which there is at least one, as what `decode_many` would give. Raises ValueError, TypeError or
        OverflowError (ArrowInvalid is a ValueError) if a value does not fit the schema."""
        return _batch(self._registry.latest(subject), columns)

    def encode_batch(self, subject: str, batch: pa.RecordBatch) -> list[bytes]:
        """Frame one record per row of what `batch_of` gave."""
        schema = self._registry.latest(subject)
        return _joined(schema.header, _serialized(schema, batch))

    def encode_before(
        self, subject: str, columns: Mapping[str, Any], bodies: Sequence[bytes | None] | pa.BinaryArray
    ) -> list[bytes]:
        """Frame records whose last field is a record already encoded: the envelope goes before its bytes.

        The last field may be optional; then None stands for null.
        """
        schema = self._registry.latest(subject)
        if not len(bodies):
            return []
        front = _serialize(self._envelope(schema), columns)
        nested = bodies if isinstance(bodies, pa.Array) else pa.array(bodies, pa.binary())
        if not isinstance(schema.declared["fields"][-1]["type"], list):
            return _joined(schema.header, front, nested)
        branch = pc.if_else(nested.is_valid(), _SOME, _NULL) if nested.null_count else _SOME
        return _joined(schema.header, front, branch, nested.fill_null(b""))

    def nested_bodies(self, subject: str, decoded: Decoded) -> list[bytes]:
        """The bytes, without framing, of the last field (a record) of each row of what `decode_many` gave: what comes before it
        is encoded, to see how long it is, and cut off."""
        envelope = self._envelope(self._registry.latest(subject))
        front = pa.RecordBatch.from_arrays(decoded.batch.columns[:-1], schema=envelope.arrow)
        lengths = pc.binary_length(_serialized(envelope, front)).to_pylist()
        return [body[length:] for length, body in zip(lengths, decoded.bodies.to_pylist(), strict=True)]

    def bodies_changed(
        self, subject: str, bodies: Sequence[bytes], change: Callable[[pa.RecordBatch], pa.RecordBatch]
    ) -> list[bytes]:
        """Bodies without framing, in this program's newest version, with something else in their columns."""
        schema = self._registry.latest(subject)
        changed: list[bytes] = _serialized(schema, change(decode(schema, pa.array(bodies, pa.binary())))).to_pylist()
        return changed

    def renewed(self, subject: str, body: bytes) -> bytes:
        """A body that was kept without its framing, in this program's newest version: which version wrote it is found by trying,
        the newest first. Raises RejectedRecordError if none did."""
        latest = self._registry.latest(subject)
        for writer in self._registry.versions(subject):
            try:
                if rewritten(writer, body, writer) == body:
                    return body if writer.version == latest.version else rewritten(writer, body, latest)
            except RejectedRecordError:
                continue
        raise RejectedRecordError(Reason.UNDECODABLE, f"it keeps what no version of {subject} has written")

    def bodies_with(self, subject: str, batch: pa.RecordBatch, name: str, column: pa.Array) -> pa.BinaryArray:
        """The bytes, without framing, of what `decode_many` gave, with another column in the field `name`."""
        columns = dict(zip(batch.schema.names, batch.columns, strict=True)) | {name: column}
        return _serialize(self._registry.latest(subject), columns)

    def _envelope(self, schema: Schema) -> Schema:
        if schema.subject not in self._envelopes:
            declared = json.loads(schema.text)
            declared["fields"] = declared["fields"][:-1]
            self._envelopes[schema.subject] = make_schema(schema.id, schema.subject, schema.version, declared)
        return self._envelopes[schema.subject]

    def _translate(self, reader: Schema, value: bytes | None) -> bytes:
        """Bytes in the reader's schema of a record written with another version of it."""
        if value is None:
            raise RejectedRecordError(Reason.UNDECODABLE, "the record has no value; send an event, not a tombstone")
        writer = self._registry.by_id(_schema_id(value))
        if writer.subject != reader.subject:
            raise RejectedRecordError(
                Reason.WRONG_SCHEMA, f"schema {writer.id} is {writer.subject}; this topic carries {reader.subject}"
            )
        return rewritten(writer, value[HEADER_BYTES:], reader)


def _too_large(index: int, value: bytes | None, at_most: int) -> Reject:
    size = len(value or b"")
    return Reject(index, Reason.TOO_LARGE, f"the record has {size:,} bytes before compression; {at_most:,} at most")


def _serialize(schema: Schema, columns: Mapping[str, Any]) -> pa.BinaryArray:
    return _serialized(schema, _batch(schema, columns))


def _serialized(schema: Schema, batch: pa.RecordBatch) -> pa.BinaryArray:
    if not len(batch):
        return pa.array([], pa.binary())
    (encoded,) = pyruhvro.serialize_record_batch(batch, schema.text, 1)
    return encoded


def _batch(schema: Schema, columns: Mapping[str, Any]) -> pa.RecordBatch:
    rows = len(next(iter(columns.values()), ()))
    if not rows:
        return schema.no_rows
    arrays = [
        _fitted(columns[field_.name], field_.type)
        if field_.name in columns
        else _all_alike(schema.defaults[field_.name], rows)
        for field_ in schema.arrow
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema.arrow)


def _all_alike(value: pa.Scalar, rows: int) -> pa.Array:
    """A column that has one value in all rows. Arrow builds a column of lists row by row, so empty lists are laid out
    here."""
    if not pa.types.is_list(value.type) or value.as_py():
        return pa.repeat(value, rows)
    ends = pa.array(np.zeros(rows + 1, np.int32))
    return pa.ListArray.from_arrays(ends, pa.array([], value.type.value_type), type=value.type)


def _joined(*parts: pa.Array | pa.Scalar) -> list[bytes]:
    """For each row, its bytes from every part, one after the other."""
    joined: list[bytes] = pc.binary_join_element_wise(*parts, _NOTHING).to_pylist()
    return joined


def _fitted(column: Any, wanted: pa.DataType) -> pa.Array:
    """The column converted to exactly this type: what may be null within a record differs from schema to schema."""
    if not isinstance(column, pa.Array):
        # Arrow takes whole numbers as times, but not as fast
        return pa.array(column, pa.int64()).view(wanted) if pa.types.is_timestamp(wanted) else pa.array(column, wanted)
    if column.type == wanted:
        return column
    if pa.types.is_struct(wanted):
        fields = [_fitted(column.field(field_.name), field_.type) for field_ in wanted]
        return pa.StructArray.from_arrays(fields, fields=list(wanted), mask=column.is_null())
    return column.cast(wanted)


def _schema_id(data: bytes) -> int:
    if len(data) < HEADER_BYTES or data[0] != _MAGIC:
        raise RejectedRecordError(
            Reason.UNDECODABLE, "not in Confluent's wire format: 0x00, four bytes of schema id, then Avro"
        )
    return int(FRAME.unpack_from(data)[1])
