"""Laws of the codec: it finds each bad record wherever it stands, keeps the rest, and never changes bytes it need not change."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.errors import Reason, RejectedRecordError
from hub.stream.avro.codec import HEADER_BYTES, Codec
from hub.stream.avro.decoding import decode_exactly
from hub.stream.avro.registry import FRAME, SCHEMAS, FileRegistry, Schema

EVENT, ADMITTED, ORDER = "cityhub.CaseEvent", "cityhub.AdmittedEvent", "cityhub.Order"
REGISTRY = FileRegistry()
CODEC = Codec(REGISTRY)
EXAMPLES: list[dict[str, Any]] = json.loads((SCHEMAS / "CaseEvent" / "v2.examples.json").read_text("utf-8"))
GOOD = CODEC.encode_many(EVENT, EXAMPLES)
ASCII = CODEC.encode_one(EVENT, EXAMPLES[0] | {"title": "ascii only"})
UPDATE = CODEC.encode_one(
    "cityhub.Update",
    {"update_id": "U", "revision": 0, "department": "d", "case_id": "C", "status": "ACCEPTED", "at": 0, "note": ""},
)

BAD: dict[str, tuple[bytes | None, Reason, str]] = {
    "tombstone": (None, Reason.UNDECODABLE, "tombstone"),
    "empty": (b"", Reason.UNDECODABLE, "wire format"),
    "short": (b"\0\0\0\0", Reason.UNDECODABLE, "wire format"),
    "no magic": (b"\x01" + GOOD[0][1:], Reason.UNDECODABLE, "wire format"),
    "no body": (GOOD[0][:HEADER_BYTES], Reason.UNDECODABLE, "not cityhub.CaseEvent v2"),
    "truncated": (GOOD[0][:-1], Reason.UNDECODABLE, "not cityhub.CaseEvent v2"),
    "left over": (GOOD[1] + b"\0", Reason.UNDECODABLE, "1 bytes are left over"),
    "not UTF-8": (ASCII.replace(b"ascii", b"asc\xff\xfe"), Reason.UNDECODABLE, "a text is not UTF-8"),
    "noise": (GOOD[0][:HEADER_BYTES] + b"\xff" * 40, Reason.UNDECODABLE, "not cityhub.CaseEvent v2"),
    "unknown schema": (b"\0\0\0\x03\xe7" + GOOD[0][HEADER_BYTES:], Reason.UNKNOWN_SCHEMA, "999"),
    "wrong schema": (UPDATE, Reason.WRONG_SCHEMA, "is cityhub.Update"),
}
good_or_bad = st.one_of(st.integers(0, len(GOOD) - 1), st.sampled_from(sorted(BAD)))


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("at", [0, 3, 6])
def test_a_bad_record_is_found_wherever_it_stands(name: str, at: int) -> None:
    value, reason, detail = BAD[name]
    values: list[bytes | None] = [GOOD[i % len(GOOD)] for i in range(6)]
    values.insert(at, value)
    decoded = CODEC.decode_many(EVENT, values)
    (reject,) = decoded.rejects
    assert (reject.index, reject.reason) == (at, reason)
    assert detail in reject.detail
    assert decoded.rows.tolist() == [row for row in range(7) if row != at]
    assert decoded.batch.num_rows == 6


@given(st.lists(good_or_bad, max_size=40))
def test_of_any_mixture_the_good_ones_are_kept_in_order(mixture: list[int | str]) -> None:
    values = [BAD[each][0] if isinstance(each, str) else GOOD[each] for each in mixture]
    decoded = CODEC.decode_many(EVENT, values)
    good = [row for row, each in enumerate(mixture) if isinstance(each, int)]
    assert decoded.rows.tolist() == good
    assert [(r.index, r.reason) for r in decoded.rejects] == [
        (row, BAD[each][1]) for row, each in enumerate(mixture) if isinstance(each, str)
    ]
    kept = [each for each in mixture if isinstance(each, int)]
    assert decoded.bodies.to_pylist() == [GOOD[each][HEADER_BYTES:] for each in kept], "the bytes themselves"
    assert decoded.batch.column("source_ref").to_pylist() == [EXAMPLES[each]["source_ref"] for each in kept]
    assert decoded.batch.column("title").to_pylist() == [EXAMPLES[each]["title"] for each in kept]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, len(GOOD) - 1), st.data())
def test_cut_anywhere_a_record_costs_only_itself(which: int, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(GOOD[which]) - 1))
    decoded = CODEC.decode_many(EVENT, [GOOD[0], GOOD[which][:cut], GOOD[1]])
    assert decoded.rows.tolist() == [0, 2]
    assert [(each.index, each.reason) for each in decoded.rejects] == [(1, Reason.UNDECODABLE)]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_record_or_a_reject_never_an_error(body: bytes) -> None:
    decoded = CODEC.decode_many(EVENT, [GOOD[0], GOOD[0][:HEADER_BYTES] + body])
    assert len(decoded.rows) + len(decoded.rejects) == 2
    assert 0 in decoded.rows


def test_nothing_is_an_empty_batch_with_all_columns() -> None:
    decoded = CODEC.decode_many(EVENT, [b"bad"])
    assert decoded.batch.num_rows == 0
    assert decoded.batch.schema.names == CODEC.decode_many(EVENT, GOOD).batch.schema.names


@given(st.integers(0, 2**32 - 1))
def test_the_id_of_a_schema_may_be_any(schema_id: int) -> None:
    """Whole batches are decoded with their framing still on, whatever its bytes are."""
    known = CODEC._registry.latest(EVENT)

    class Other(FileRegistry):
        def latest(self, subject: str) -> Schema:
            return dataclasses.replace(known, id=schema_id)

    framed = [FRAME.pack(0, schema_id) + value[HEADER_BYTES:] for value in GOOD]
    decoded = Codec(Other()).decode_many(EVENT, framed)
    assert decoded.batch.equals(CODEC.decode_many(EVENT, GOOD).batch)
    assert decoded.bodies.to_pylist() == [value[HEADER_BYTES:] for value in GOOD]
    assert decoded.rejects == []


def values_of(declared: object) -> st.SearchStrategy[Any]:
    """Any value of an Avro type."""
    if isinstance(declared, list):
        return st.one_of([values_of(branch) for branch in declared])
    if isinstance(declared, dict):
        kind = declared["type"]
        if kind == "record":
            return st.fixed_dictionaries({each["name"]: values_of(each["type"]) for each in declared["fields"]})
        if kind == "enum":
            return st.sampled_from(declared["symbols"])
        if kind == "array":
            return st.lists(values_of(declared["items"]), max_size=3)
        if kind == "map":
            return st.dictionaries(st.text(max_size=5), values_of(declared["values"]), max_size=3)
        return values_of(kind)
    bits = {"int": 31, "long": 63}.get(str(declared), 0)
    return {
        "null": st.none(), "string": st.text(max_size=200), "double": st.floats(), "boolean": st.booleans(),
    }.get(str(declared), st.integers(-(1 << bits), (1 << bits) - 1))  # fmt: skip


BATCHED = [s for s in REGISTRY.all() if '"bytes"' not in s.text and s == REGISTRY.latest(s.subject)]


@pytest.mark.parametrize("schema", BATCHED, ids=lambda schema: schema.subject)
@given(data=st.data())
def test_any_record_is_decoded_with_all_others_and_encodes_to_the_same_bytes(
    schema: Schema, data: st.DataObject
) -> None:
    records = data.draw(st.lists(values_of(schema.declared), min_size=1, max_size=4))
    values = CODEC.encode_many(schema.subject, records)
    bodies = pa.array([value[HEADER_BYTES:] for value in values], pa.binary())
    found = decode_exactly(schema, bodies, values)
    assert found is not None
    assert not len(found[1]), "none of them had to be looked at alone"
    assert CODEC.decode_many(schema.subject, values).bodies.equals(bodies)


# -- another version of the schema --------------------------------------------------------------------------------------------


@pytest.fixture
def newer(tmp_path: Path) -> Codec:
    """A program with another version of CaseEvent, which has one field more."""
    folder = tmp_path / "schemas"
    shutil.copytree(SCHEMAS, folder)
    declared = json.loads((folder / "CaseEvent" / "v2.avsc").read_text("utf-8"))
    declared["fields"].append({"name": "language", "type": "string", "default": "zh"})
    (folder / "CaseEvent" / "v3.avsc").write_text(json.dumps(declared), encoding="utf-8")
    ids = json.loads((folder / "ids.json").read_text("utf-8"))
    ids["CaseEvent"]["3"] = 1 + max(schema_id for versions in ids.values() for schema_id in versions.values())
    (folder / "ids.json").write_text(json.dumps(ids), encoding="utf-8")
    return Codec(FileRegistry(folder))


def test_a_record_of_an_older_version_is_read_as_the_newest(newer: Codec) -> None:
    new = newer.encode_one(EVENT, EXAMPLES[1] | {"language": "en"})
    bad = GOOD[0][:-1]
    decoded = newer.decode_many(EVENT, [GOOD[0], new, bad, GOOD[2], GOOD[2] + b"x"])
    assert decoded.rows.tolist() == [0, 1, 3]
    assert decoded.batch.column("language").to_pylist() == ["zh", "en", "zh"]
    assert [reject.index for reject in decoded.rejects] == [2, 4]
    whole = newer.encode_one(EVENT, EXAMPLES[0] | {"language": "zh"})
    assert decoded.bodies[0].as_py() == whole[HEADER_BYTES:], "the bytes are the newest version's"


def test_a_newer_version_than_this_program_has_is_unknown(newer: Codec) -> None:
    decoded = CODEC.decode_many(EVENT, [newer.encode_one(EVENT, EXAMPLES[0] | {"language": "en"})])
    assert [each.reason for each in decoded.rejects] == [Reason.UNKNOWN_SCHEMA]


# -- records within records -----------------------------------------------------------------------------------------------------


def envelope(rows: int) -> dict[str, Any]:
    return {
        "origin": [{"topic": "t", "partition": 0, "offset": row, "ingested_at": row} for row in range(rows)],
        "place_key": ["案" * row for row in range(rows)],
        "area": [None if row % 2 else "A" for row in range(rows)],
        "lat": [None if row % 3 else 1.5 for row in range(rows)],
        "lon": [None if row % 3 else -2.5 for row in range(rows)],
    }


@given(st.lists(st.integers(0, len(GOOD) - 1), max_size=20))
def test_a_nested_record_is_its_original_bytes(which: list[int]) -> None:
    bodies = [GOOD[each][HEADER_BYTES:] for each in which]
    values = CODEC.encode_before(ADMITTED, envelope(len(which)), bodies)
    decoded = CODEC.decode_many(ADMITTED, values)
    assert not decoded.rejects
    assert CODEC.nested_bodies(ADMITTED, decoded) == bodies
    assert decoded.batch.column("place_key").to_pylist() == envelope(len(which))["place_key"]
    for value, each in zip(values, which, strict=True):
        assert CODEC.decode_one(value)[1]["event"] == CODEC.decode_one(GOOD[each])[1]


def test_an_optional_nested_record_may_be_null() -> None:
    columns = {
        "order_id": ["O1", "O2"], "kind": ["REMIND", "ASSIGN"], "case_id": ["C", "C"], "department": ["d", "d"],
        "issued_at": [1, 2], "area": [None, "A"], "rule": ["r", "r"], "reason": [None, "why"], "queue": [None, "q"],
        "lead": [None, "d2"], "priority": [None, 1], "deadlines": [[], []],
    }  # fmt: skip
    none, some = CODEC.encode_before(ORDER, columns, [None, GOOD[0][HEADER_BYTES:]])
    assert CODEC.decode_one(none)[1]["event"] is None
    assert CODEC.decode_one(some)[1]["event"] == CODEC.decode_one(GOOD[0])[1]
    assert not CODEC.decode_many(ORDER, [none, some]).rejects


def test_columns_and_records_give_the_same_bytes() -> None:
    columns = {
        "source": ["a", "案"], "source_ref": ["1", ""], "revision": [0, 2**31 - 1],
        "origin": [{"topic": "t", "partition": 1, "offset": 2**53 + 1, "ingested_at": 5}] * 2,
        "first_topic": ["t", "t"], "first_partition": pa.array([0, 1], pa.int32()), "first_offset": [0, 7],
        "moved_to": [None, 3],
    }  # fmt: skip
    listed = {name: c.to_pylist() if isinstance(c, pa.Array) else c for name, c in columns.items()}
    rows = [{name: column[row] for name, column in listed.items()} for row in (0, 1)]
    assert CODEC.encode_columns("cityhub.Repeat", columns) == CODEC.encode_many("cityhub.Repeat", rows)


@pytest.mark.parametrize(("read", "reason"), [
    (lambda: CODEC.decode_one(b"nonsense"), Reason.UNDECODABLE),
    (lambda: CODEC.decode_one(b"\0\0\0\x03\xe7abc"), Reason.UNKNOWN_SCHEMA),
    (lambda: CODEC.decode_body(EVENT, GOOD[0][HEADER_BYTES:] + b"x"), Reason.UNDECODABLE),
])  # fmt: skip
def test_single_records_are_rejected_alike(read: Callable[[], object], reason: Reason) -> None:
    with pytest.raises(RejectedRecordError) as caught:
        read()
    assert caught.value.reason is reason
