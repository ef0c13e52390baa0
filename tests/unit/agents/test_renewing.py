"""Reports that an earlier version of the hub kept are read as this one keeps them; what nobody wrote is refused."""

from __future__ import annotations

import io
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.agents.renewing import renew
from hub.core.cases.statements import LinkedStatement
from hub.errors import RejectedRecordError
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry, Schema
from tests.mutations import examples

REGISTRY = FileRegistry()
CODEC = Codec(REGISTRY)
VERSIONS = REGISTRY.versions("cityhub.CaseEvent")


def body(schema: Schema, record: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema.parsed, record)
    return out.getvalue()


@given(st.sampled_from([(schema, record) for schema in VERSIONS for record in examples(schema)]))
def test_what_any_version_kept_says_the_same_in_the_newest(kept: tuple[Schema, dict[str, Any]]) -> None:
    schema, record = kept
    statement = LinkedStatement("place", None, None, None, body(schema, record))
    renewed = renew(CODEC, statement)
    assert isinstance(renewed, LinkedStatement)
    said = CODEC.decode_body("cityhub.CaseEvent", renewed.event)
    assert {name: said[name] for name in record} == read_back(schema, record)
    assert renew(CODEC, renewed) == renewed


def read_back(schema: Schema, record: dict[str, Any]) -> dict[str, Any]:
    found = fastavro.schemaless_reader(io.BytesIO(body(schema, record)), schema.parsed, None)
    assert isinstance(found, dict)
    return found


def test_what_no_version_wrote_is_refused() -> None:
    with pytest.raises(RejectedRecordError, match="no version"):
        renew(CODEC, LinkedStatement("place", None, None, None, b"rubbish"))
