"""What a change event says, by column: in JSON with and without its schema, and in Avro alike."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Reason, RejectedRecordError
from hub.sdk.errors import ConfigurationError
from hub.sdk.sources.changes.decoding import AvroDecoder, from_json
from hub.sdk.sources.changes.envelope import NoChange, RowChange, Type, change_of
from tests.unit.sdk.sources.changes import envelopes
from tests.unit.sdk.sources.changes.envelopes import (
    AVRO,
    CREATE,
    DELETE,
    ROW,
    SNAPSHOT,
    UPDATE,
    avro,
    plain,
    with_schema,
)

ABOUT = {"change.at": "2026-01-06T08:00:00.500+00:00", "change.table": "public.requests", "change.database": "works"}
READ = {
    "id": 17,
    "category": "roads.pothole",
    "updated_at": "2026-01-06T08:00:00.123456",
    "cost": "123.45",
    "note": "Deep, 深",
}


def row(raw: bytes) -> RowChange:
    decoded = from_json(raw)
    found = change_of(decoded.envelope, decoded.types)
    assert isinstance(found, RowChange)
    return found


def from_avro(raw: bytes) -> Any:
    decoded = AvroDecoder(lambda number: json.dumps(AVRO)).decode(raw)
    return change_of(decoded.envelope, decoded.types)


@pytest.mark.parametrize(
    ("content", "op", "values"),
    [
        (CREATE, "create", READ),
        (SNAPSHOT, "snapshot", READ),
        (UPDATE, "update", READ | {"category": "roads.collapse"}),
        (DELETE, "delete", dict.fromkeys(ROW) | {"id": 17}),
    ],
)
def test_a_row_reads_the_same_in_json_with_its_schema_and_in_avro(
    content: dict[str, Any], op: str, values: dict[str, Any]
) -> None:
    values = values | ({"cost": "123.45"} if values["cost"] else {})
    expected = values | ABOUT | {"change.op": op}
    assert row(with_schema(with_cost(content))).values == expected
    assert from_avro(avro(content, 7)).values == expected


def with_cost(content: dict[str, Any]) -> dict[str, Any]:
    """12345 in two bytes, as the JsonConverter writes them."""
    after = content["after"]
    return content | {"after": after and after | {"cost": "MDk="}}


def test_without_a_schema_numbers_are_as_they_stand() -> None:
    assert row(plain(CREATE)).values["updated_at"] == ROW["updated_at"]


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("io.debezium.time.Date", 20_459, "2026-01-06"),
        ("io.debezium.time.Timestamp", 1_767_686_400_123, "2026-01-06T08:00:00.123000"),
        ("io.debezium.time.NanoTimestamp", 1_767_686_400_123_456_000, "2026-01-06T08:00:00.123456"),
        ("org.apache.kafka.connect.data.Timestamp", 1_767_686_400_000, "2026-01-06T08:00:00"),
        ("io.debezium.time.ZonedTimestamp", "2026-01-06T16:00:00+08:00", "2026-01-06T16:00:00+08:00"),
        ("io.debezium.data.Json", '{"a": 1}', '{"a": 1}'),
        ("org.apache.kafka.connect.data.Decimal", "/w==", "-0.01"),
    ],
)
def test_types_that_are_numbers_read_as_what_they_mean(name: str, value: Any, read: str) -> None:
    found = change_of(envelopes.envelope("c", None, {"x": value}), {"x": Type(name, 2)})
    assert isinstance(found, RowChange)
    assert found.values["x"] == read


def test_a_long_value_that_an_update_left_alone_is_taken_from_before() -> None:
    unavailable = {"id": 1, "note": "__debezium_unavailable_value"}
    for before, note in ((None, None), ({"id": 1, "note": "long"}, "long")):
        assert row(plain(envelopes.envelope("u", before, unavailable))).values["note"] == note


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (envelopes.HEARTBEAT, NoChange.MARK),
        (envelopes.BORDER, NoChange.MARK),
        (envelopes.MESSAGE, NoChange.MARK),
        (envelopes.DDL, NoChange.SCHEMA),
    ],
)
def test_what_is_no_row_is_told_apart(content: Any, kind: NoChange) -> None:
    assert change_of(content, {}) is kind


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (envelopes.TRUNCATE, Reason.INVALID),
        ({"id": 1, "__deleted": "false"}, Reason.BAD_ROW),
        (envelopes.envelope("x", None, ROW), Reason.BAD_ROW),
        (envelopes.envelope("d", None, None), Reason.BAD_ROW),
        (envelopes.envelope("c", None, ROW, at_ms=10**30), Reason.BAD_ROW),
        ([1], Reason.BAD_ROW),
    ],
)
def test_what_cannot_be_used_is_named(content: Any, reason: Reason) -> None:
    with pytest.raises(RejectedRecordError) as raised:
        change_of(content, {})
    assert raised.value.reason is reason


NAMES = ["op", "before", "after", "source", "ts_ms", "schema", "payload", "fields", "field", "name", "parameters"]
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=8,
)


@given(DOCUMENTS)
def test_no_document_does_more_than_be_refused(content: Any) -> None:
    with suppress(RejectedRecordError):
        decoded = from_json(plain(content))
        change_of(decoded.envelope, decoded.types)


@given(st.binary(max_size=60))
def test_no_bytes_do_more_than_be_refused(raw: bytes) -> None:
    with suppress(RejectedRecordError):
        from_avro(b"\0\0\0\0\7" + raw)


def test_a_schema_that_is_none_stops_the_edge() -> None:
    with pytest.raises(ConfigurationError, match="schema 7"):
        AvroDecoder(lambda number: '{"type": "nothing"}').decode(b"\0\0\0\0\7")


@pytest.mark.parametrize("text", ["", "{", '{"type": "nothing"}', "[" * 200_000])
def test_what_is_no_schema_is_said(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^schema 7 of the registry is none of Avro"):
        AvroDecoder(lambda _: text).decode(b"\0\0\0\0\7")
