"""Says of any bytes whether they are a record of a schema, and decodes those that are: many at a time, one by one where it must.

fastavro alone decides what a record is. The batch decoder (pyruhvro) differs from it in what is unusual: stretched numbers,
several blocks, numbers beyond their type. So a row of a batch counts only if it encodes to the very bytes it came from; any
other is read by fastavro and written anew, and then it is the usual bytes that the batch decoder gets.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import fastavro
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyruhvro

from hub.errors import Reason, RejectedRecordError
from hub.stream.avro.registry import FRAME, Schema

RowIndexes = npt.NDArray[np.int64]


def read(writer: Schema, body: bytes, reader: Schema | None = None) -> dict[str, Any]:
    """One record as fastavro reads it, in the reader's schema. Raises RejectedRecordError if the bytes are none, or more."""
    stream = io.BytesIO(body)
    with _unreadable(writer):
        record = fastavro.schemaless_reader(stream, writer.parsed, reader.parsed if reader else None)
    if stream.tell() != len(body):
        raise RejectedRecordError(
            Reason.UNDECODABLE, f"{len(body) - stream.tell()} bytes are left over after {writer.subject}"
        )
    assert isinstance(record, dict)
    return record


def rewritten(writer: Schema, body: bytes, reader: Schema) -> bytes:
    """One record as the reader's schema writes it, in the fewest bytes. Raises RejectedRecordError if the bytes are none, or if
    a value is beyond its type."""
    record = read(writer, body, None if writer is reader else reader)
    out = io.BytesIO()
    with _unreadable(writer):
        try:
            fastavro.validate(record, reader.parsed, strict=True)
        except fastavro.validation.ValidationError as error:
            fields = ", ".join(sorted({str(each.field) for each in error.errors}))
            raise RejectedRecordError(
                Reason.UNDECODABLE, f"the value of {fields} is not one of its type in {reader.subject}"
            ) from None
        fastavro.schemaless_writer(out, reader.parsed, record)
    return out.getvalue()


@contextmanager
def _unreadable(writer: Schema) -> Iterator[None]:
    """Turns whatever fastavro raises over bytes that are no record into RejectedRecordError."""
    try:
        yield
    except (
        EOFError,
        ValueError,
        LookupError,
        TypeError,
        ArithmeticError,
        AttributeError,
        fastavro.read.SchemaResolutionError,
    ) as error:
        raise RejectedRecordError(
            Reason.UNDECODABLE, f"not {writer.subject} v{writer.version}: {_said(error)}"
        ) from error


def _said(error: Exception) -> str:
    """What is wrong, in words that cannot quote what a sender wrote."""
    if isinstance(error, UnicodeDecodeError):
        return "a text is not UTF-8"
    return "it ends too early" if isinstance(error, EOFError) else type(error).__name__


def decode_exactly(
    schema: Schema, bodies: pa.BinaryArray, framed: Sequence[bytes | None] | None = None
) -> tuple[pa.RecordBatch, RowIndexes] | None:
    """The records as a batch, and its rows that do not encode to the bytes they came from. None if some cannot be decoded.

    `framed`: the same records with their framing, where there is a list of it already; to make one of the bodies takes a third
    of the time of decoding it.
    """
    if not len(bodies):
        return schema.no_rows, np.zeros(0, np.int64)
    with batch_decoder_errors() as failed:
        batch = _deserialized(schema, bodies, framed)
        batch.validate(full=True)  # finds text that is not UTF-8
        (again,) = pyruhvro.serialize_record_batch(batch, schema.text, 1)
    if failed:
        return None
    if again.equals(bodies):
        return batch, np.zeros(0, np.int64)
    return batch, np.flatnonzero(pc.not_equal(again, bodies).to_numpy(zero_copy_only=False))


@contextmanager
def batch_decoder_errors() -> Iterator[list[str]]:
    """What the batch decoder says of bytes that are no records: gives a list, with an entry if it has failed."""
    failed: list[str] = []
    try:
        yield failed
    except ValueError as error:
        failed.append(str(error))
    except BaseException as error:  # a Rust panic is not an Exception
        if type(error).__name__ != "PanicException":
            raise
        failed.append(str(error))


@dataclass
class Sifted:
    """Which of some bodies are records, in their order, with the bytes to decode them from; and why the others are none."""

    good: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)

    def keep(self, position: int, body: bytes) -> None:
        self.good.append(position)
        self.bodies.append(body)


def sift(schema: Schema, bodies: pa.BinaryArray) -> Sifted:
    """Find those that are records, halving the list around each that the batch decoder refuses."""
    sifted = Sifted()
    todo = [(0, len(bodies))]
    while todo:
        start, end = todo.pop()
        part = bodies.slice(start, end - start)
        found = decode_exactly(schema, part)
        if found is not None:
            odd = set(found[1].tolist())
            for at, body in enumerate(part.to_pylist()):
                if at in odd:
                    _judge(schema, start + at, body, sifted)
                else:
                    sifted.keep(start + at, body)
        elif end - start == 1:
            _judge(schema, start, part[0].as_py(), sifted)
        else:
            middle = (start + end) // 2
            todo += [(middle, end), (start, middle)]
    return sifted


def _judge(schema: Schema, position: int, body: bytes, sifted: Sifted) -> None:
    try:
        usual = rewritten(schema, body, schema)
    except RejectedRecordError as error:
        sifted.refused.append((position, error.detail))
        return
    found = decode_exactly(schema, pa.array([usual], pa.binary()))
    if found is None or len(found[1]):
        sifted.refused.append((position, f"the batch decoder cannot read this {schema.subject}"))
    else:
        sifted.keep(position, usual)


def decode(schema: Schema, bodies: pa.BinaryArray) -> pa.RecordBatch:
    """Records that were sifted, as a batch."""
    return _deserialized(schema, bodies, None) if len(bodies) else schema.no_rows


def _deserialized(schema: Schema, bodies: pa.BinaryArray, framed: Sequence[bytes | None] | None) -> pa.RecordBatch:
    if framed is None or schema.framed_text is None:
        return pyruhvro.deserialize_array(bodies.to_pylist(), schema.text)
    batch = pyruhvro.deserialize_array(list(framed), schema.framed_text)
    return batch.select(list(range(FRAME.size, batch.num_columns)))
