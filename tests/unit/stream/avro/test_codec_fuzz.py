"""The law of every topic: whatever bytes lie there, each record is a row or a reject, and a row is what fastavro reads of it."""

from __future__ import annotations

import io
import random
from typing import Any

import fastavro
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.errors import Reason
from hub.stream.avro.codec import HEADER_BYTES
from hub.stream.avro.registry import FRAME
from tests.mutations import CODEC, REGISTRY, mutated, real_records, varint

READ = ("CaseEvent", "Update", "AdmittedEvent", "AdmittedUpdate", "CaseChange", "Closure")
"""Of all topics that an agent reads."""
REAL = {name: real_records(f"cityhub.{name}") for name in READ}


def as_avro(value: Any) -> Any:
    """A value of a batch as fastavro has it: of equal keys the last counts."""
    if isinstance(value, dict):
        return {name: as_avro(each) for name, each in value.items()}
    if isinstance(value, list):
        return [as_avro(each) for each in value]
    if isinstance(value, float) and value != value:
        return "not a number"
    return value


def plain(kind: pa.DataType) -> pa.DataType:
    """The type with times as whole numbers."""
    if pa.types.is_timestamp(kind):
        return pa.int64()
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(each.name, plain(each.type), each.nullable) for each in kind])
    if pa.types.is_list(kind):
        items = kind.value_field
        return pa.list_(pa.field(items.name, plain(items.type), items.nullable))
    return kind


def rows_of(batch: pa.RecordBatch) -> list[Any]:
    table = pa.Table.from_batches([batch])
    wanted = pa.schema([pa.field(each.name, plain(each.type), each.nullable) for each in table.schema])
    return [as_avro(dict_maps(row, wanted)) for row in table.cast(wanted).to_pylist()]


def dict_maps(value: Any, kind: Any) -> Any:
    """Maps as dictionaries, wherever they are."""
    if isinstance(kind, pa.Schema) or (pa.types.is_struct(kind) and value is not None):
        return {field.name: dict_maps(value[field.name], field.type) for field in kind}
    if pa.types.is_map(kind):
        return dict(value)
    return value


def read(value: bytes, subject: str) -> Any:
    """What fastavro reads of a framed record, in the newest version."""
    writer = REGISTRY.by_id(FRAME.unpack_from(value)[1])
    stream = io.BytesIO(value[HEADER_BYTES:])
    return as_avro(fastavro.schemaless_reader(stream, writer.parsed, REGISTRY.latest(subject).parsed))


def check_law(subject: str, values: list[bytes | None]) -> int:
    """How many of the values became rows."""
    decoded = CODEC.decode_many(subject, values)
    rejected = [reject.index for reject in decoded.rejects]
    assert sorted([*decoded.rows.tolist(), *rejected]) == list(range(len(values)))
    assert decoded.rows.tolist() == sorted(decoded.rows.tolist()), "in their order"
    rows = rows_of(decoded.batch)
    assert len(rows) == len(decoded.bodies) == len(decoded.rows)
    for row, index, body in zip(rows, decoded.rows.tolist(), decoded.bodies.to_pylist(), strict=True):
        expected = read(values[index] or b"", subject)
        assert row == expected
        assert as_avro(CODEC.decode_body(subject, body)) == expected, "what is passed on is the same record"
    return len(rows)


@pytest.mark.parametrize("name", READ)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 40))
def test_every_record_is_a_row_or_a_reject(name: str, seed: int, count: int) -> None:
    chance = random.Random(seed)
    values = [
        real if chance.random() < 0.2 else mutated(real, REAL[name], chance)
        for real in (chance.choice(REAL[name]) for _ in range(count))
    ]
    check_law(f"cityhub.{name}", list(values))


@pytest.mark.parametrize("name", READ)
def test_a_great_many_changed_records_at_once(name: str) -> None:
    chance = random.Random(name)
    values = [mutated(chance.choice(REAL[name]), REAL[name], chance) for _ in range(1500)]
    rows = check_law(f"cityhub.{name}", [*values, None, b"", *REAL[name]])
    assert rows > len(REAL[name])


@pytest.mark.parametrize("name", READ)
def test_a_number_in_more_bytes_than_it_needs_is_that_number(name: str) -> None:
    """Wherever a byte is one, fastavro reads the same; where it is not, the record is a reject or another."""
    values = [
        real[:at] + bytes([real[at] | 0x80]) + b"\x80" * (stretched - 1) + b"\x00" + real[at + 1 :]
        for real in REAL[name][-2:]
        for stretched in (1, 8, 9, 10, 30)
        for at in range(HEADER_BYTES, len(real))
        if real[at] < 0x80
    ]
    assert check_law(f"cityhub.{name}", list(values)) > len(values) / 20


@pytest.mark.parametrize("revision", [2**31, 2**33 + 2**30, 2**40, -(2**31) - 1, 2**63 - 1, -(2**63)])
@pytest.mark.parametrize("name", ["CaseEvent", "Update"])
def test_a_number_that_its_type_cannot_hold_is_a_reject_and_wraps_to_no_other(name: str, revision: int) -> None:
    real = real_records(f"cityhub.{name}")[-1]
    record = CODEC.decode_one(real)[1]
    bad = _with_revision(name, record, revision)
    decoded = CODEC.decode_many(f"cityhub.{name}", [real, bad, real])
    assert decoded.rows.tolist() == [0, 2]
    (reject,) = decoded.rejects
    assert reject.reason is Reason.UNDECODABLE
    assert "revision" in reject.detail
    assert str(revision) not in reject.detail, "no sender is quoted"


def _with_revision(name: str, record: dict[str, Any], revision: int) -> bytes:
    marked = CODEC.encode_one(f"cityhub.{name}", record | {"revision": 77_777_777})
    assert marked.count(varint(77_777_777)) == 1
    return marked.replace(varint(77_777_777), varint(revision))
