"""The schemas keep their promises: every version × every example × every codec, and each version with all others."""

import hashlib
import io
import json
import types
import typing
from enum import StrEnum
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyruhvro
import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from hub.contracts.compatibility import incompatibilities
from hub.model.base import Avro, Record
from hub.model.outputs import RECORDS
from hub.settings import ROOT
from hub.stream.avro.registry import FileRegistry, Schema

SCHEMAS = ROOT / "schemas"
PINNED = json.loads((Path(__file__).parent / "fingerprints.json").read_text("utf-8"))
ALL = FileRegistry().all()
VERSIONS = pytest.mark.parametrize("schema", ALL, ids=lambda schema: f"{schema.subject}-v{schema.version}")
MODELS = {model.NAME: model for model in RECORDS}
PUBLISHED_AS = {"ChangeKind": "Change"}
"""Enums that have another name in the program, where a change is something else."""


def name_of(schema: Schema) -> str:
    return schema.subject.removeprefix("cityhub.")


def has_bytes(node: Any) -> bool:
    if isinstance(node, dict):
        return node.get("type") in ("bytes", "fixed") or any(has_bytes(each) for each in node.values())
    if isinstance(node, list):
        return any(has_bytes(each) for each in node)
    return bool(node == "bytes")


def examples(schema: Schema) -> list[dict[str, Any]]:
    found = json.loads((SCHEMAS / name_of(schema) / f"v{schema.version}.examples.json").read_text("utf-8"))
    if has_bytes(schema.declared):
        for each in found:
            for field in ("key", "value"):
                each[field] = each[field] and each[field].encode("utf-8")
    return found


def written(schema: Any, record: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), record, strict=True)
    return out.getvalue()


def published(schema: Schema) -> str:
    """All of a schema but its documentation: names, types, symbols, defaults, logical types."""
    return hashlib.sha256(schema.text.encode()).hexdigest()


def test_every_file_has_an_id() -> None:
    files = {(path.parent.name, path.stem.removeprefix("v")) for path in SCHEMAS.glob("*/v*.avsc")}
    assert files == {(name_of(schema), str(schema.version)) for schema in ALL}
    assert len({schema.id for schema in ALL}) == len(ALL)


@VERSIONS
def test_it_parses_and_a_published_version_never_changes(schema: Schema) -> None:
    fastavro.parse_schema(json.loads(json.dumps(schema.declared)))
    key = f"{name_of(schema)}/v{schema.version}"
    canonical = fastavro.schema.fingerprint(fastavro.schema.to_parsing_canonical_form(schema.parsed), "SHA-256")
    assert PINNED.get(key) == [canonical, published(schema)], (
        f"{key} changed after it was published, or is new. Make a new version instead; "
        f"for a new one add {[canonical, published(schema)]}"
    )


def test_the_pin_notices_a_changed_default() -> None:
    schema = ALL[0]
    changed = schema.text.replace('"EPSG:4326"', '"EPSG:4490"')
    assert changed != schema.text
    assert hashlib.sha256(changed.encode()).hexdigest() != published(schema)


@VERSIONS
def test_examples_come_back_equal_through_both_codecs(schema: Schema) -> None:
    found = examples(schema)
    assert len(found) >= 3
    bodies = [written(schema.parsed, record) for record in found]
    plain = json.loads(json.dumps(schema.declared).replace('"logicalType"', '"wasLogical"'))
    for record, body in zip(found, bodies, strict=True):
        assert fastavro.schemaless_reader(io.BytesIO(body), fastavro.parse_schema(plain), None) == record
    if not has_bytes(schema.declared):
        batch = pyruhvro.deserialize_array(bodies, schema.text)
        batch.validate(full=True)
        (again,) = pyruhvro.serialize_record_batch(batch, schema.text, 1)
        assert again.to_pylist() == bodies
        assert [as_avro(row) for row in as_ints(batch).to_pylist(maps_as_pydicts="strict")] == found


def as_ints(batch: pa.RecordBatch) -> pa.Table:
    """Timestamps as integers, at any depth."""

    def plain(kind: pa.DataType) -> pa.DataType:
        if pa.types.is_timestamp(kind):
            return pa.int64()
        if pa.types.is_struct(kind):
            return pa.struct([pa.field(each.name, plain(each.type), each.nullable) for each in kind])
        if pa.types.is_list(kind):
            return pa.list_(pa.field(kind.value_field.name, plain(kind.value_type), kind.value_field.nullable))
        return kind

    table = pa.Table.from_batches([batch])
    return table.cast(pa.schema([pa.field(each.name, plain(each.type), each.nullable) for each in table.schema]))


def as_avro(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: as_avro(each) for name, each in value.items()}
    return [as_avro(each) for each in value] if isinstance(value, list) else value


@VERSIONS
def test_examples_cover_every_symbol_and_both_sides_of_every_null(schema: Schema) -> None:
    found = examples(schema)
    for field in schema.declared["fields"]:
        values = [record[field["name"]] for record in found]
        kind = field["type"]
        if isinstance(kind, list) and "null" in kind:
            assert any(value is None for value in values), f"no example leaves {field['name']} out"
            assert any(value is not None for value in values), f"no example has {field['name']}"
        if isinstance(kind, dict) and kind["type"] == "enum":
            assert set(values) == set(kind["symbols"]), field["name"]


@VERSIONS
def test_all_versions_of_a_subject_read_each_other(schema: Schema) -> None:
    """Both ways for every pair: what lies in a topic for 400 days is read by what was released long after it, and, while workers
    are exchanged one by one, before it."""
    for reader in (each for each in ALL if each.subject == schema.subject):
        assert incompatibilities(schema.declared, reader.declared) == []
        for record in examples(schema):
            body = written(schema.parsed, record)
            assert fastavro.schemaless_reader(io.BytesIO(body), schema.parsed, reader.parsed)


def record(*fields: dict[str, Any], name: str = "R") -> dict[str, Any]:
    return {"type": "record", "name": name, "namespace": "t", "fields": list(fields)}


def field(name: str, kind: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


def enum(*symbols: str, **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "E", "symbols": list(symbols), **more}


MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
BREAKING = {
    "new field without default": (record(), record(field("a", "int")), "a: is new"),
    "narrowed": (record(field("a", "long")), record(field("a", "int")), "a: was long, is int"),
    "null taken away": (record(field("a", ["null", "int"])), record(field("a", "int")), "a: was null"),
    "symbol gone": (record(field("a", enum("X", "Y"))), record(field("a", enum("X"))), "symbols Y"),
    "renamed field": (record(field("a", "int")), record(field("b", "int")), "b: is new"),
    "renamed record": (record(), record(name="S"), "was record R"),
    "other logical type": (record(field("a", MILLIS)), record(field("a", "long")), "logical type"),
    "inside an array": (
        record(field("a", {"type": "array", "items": "string"})),
        record(field("a", {"type": "array", "items": "int"})),
        r"a\[\]: was string",
    ),
    "inside a map": (
        record(field("a", {"type": "map", "values": "string"})),
        record(field("a", {"type": "map", "values": "int"})),
        r"a\{\}: was string",
    ),
    "nested": (
        record(field("a", record(field("b", "int"), name="N"))),
        record(field("a", record(field("b", "string"), name="N"))),
        r"a\.b: was int",
    ),
}


@pytest.mark.parametrize("case", BREAKING)
def test_the_checker_refuses(case: str) -> None:
    writer, reader, said = BREAKING[case]
    with pytest.raises(AssertionError, match=said):
        assert incompatibilities(writer, reader) == [], "; ".join(incompatibilities(writer, reader))


@pytest.mark.parametrize(
    ("writer", "reader"),
    [
        (record(), record(field("a", "int", default=0))),
        (record(field("a", "int")), record(field("a", "double"))),
        (record(field("a", "int")), record(field("a", ["null", "int"]))),
        (record(field("a", enum("X", "Y"))), record(field("a", enum("X", default="X")))),
        (record(field("a", "int")), record(field("b", "int", aliases=["a"]))),
        (record(field("a", "int"), field("b", "int")), record(field("b", "int"))),
    ],
)
def test_the_checker_allows(writer: dict[str, Any], reader: dict[str, Any]) -> None:
    assert incompatibilities(writer, reader) == []


# -- models and schemas ------------------------------------------------------------------------------------------


def test_every_subject_has_a_model() -> None:
    assert set(MODELS) == {name_of(schema) for schema in ALL}


@pytest.mark.parametrize("name", MODELS)
def test_model_and_schema_agree_field_by_field(name: str) -> None:
    latest = FileRegistry().latest(f"cityhub.{name}")
    assert described(MODELS[name], {}) == stripped(json.loads(latest.text), {})


def test_the_comparison_notices_a_difference() -> None:
    class Other(Record):
        NAME = "Closure"
        case_id: str | None = None

    assert described(Other, {}) != stripped(json.loads(FileRegistry().latest("cityhub.Closure").text), {})


@VERSIONS
def test_examples_go_through_the_models(schema: Schema) -> None:
    if schema != FileRegistry().latest(schema.subject):
        return
    model = MODELS[name_of(schema)]
    for each in examples(schema):
        assert model.from_avro(each).to_avro() == each
        decoded = fastavro.schemaless_reader(io.BytesIO(written(schema.parsed, each)), schema.parsed, None)
        assert model.from_avro(decoded).to_avro() == each


def stripped(schema: Any, names: dict[str, Any]) -> Any:
    """A schema with named types written out wherever they are used, and without namespaces."""
    if isinstance(schema, str):
        return names.get(schema.removeprefix("cityhub."), schema)
    if isinstance(schema, list):
        return [stripped(each, names) for each in schema]
    if schema["type"] == "record":
        fields = [{**each, "type": stripped(each["type"], names)} for each in schema["fields"]]
        names[schema["name"]] = {"type": "record", "name": schema["name"], "fields": fields}
        return names[schema["name"]]
    if schema["type"] == "enum":
        names[schema["name"]] = {"type": "enum", "name": schema["name"], "symbols": schema["symbols"]}
        return names[schema["name"]]
    if schema["type"] in ("array", "map"):
        inner = "items" if schema["type"] == "array" else "values"
        return {"type": schema["type"], inner: stripped(schema[inner], names)}
    return schema


def described(model: type[Record], names: dict[str, Any]) -> dict[str, Any]:
    """The Avro schema that a model amounts to."""
    fields = []
    for name, info in model.model_fields.items():
        hint = typing.get_type_hints(model, include_extras=True)[name]
        each: dict[str, Any] = {"name": name, "type": avro_type(hint)}
        if info.default is not PydanticUndefined:
            each["default"] = info.default
        elif info.default_factory is not None:
            each["default"] = info.default_factory()
        fields.append(each)
    return {"type": "record", "name": model.NAME, "fields": fields}


def avro_type(hint: Any) -> Any:
    if typing.get_origin(hint) is typing.Annotated:
        marks = [mark for mark in hint.__metadata__ if isinstance(mark, Avro)]
        if not marks:
            return avro_type(hint.__origin__)
        return MILLIS if marks[0].type == "timestamp-millis" else marks[0].type
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        (inner,) = (each for each in typing.get_args(hint) if each is not type(None))
        return ["null", avro_type(inner)]
    if typing.get_origin(hint) is list:
        return {"type": "array", "items": avro_type(typing.get_args(hint)[0])}
    if typing.get_origin(hint) is dict:
        return {"type": "map", "values": avro_type(typing.get_args(hint)[1])}
    if issubclass(hint, StrEnum):
        return {
            "type": "enum",
            "name": PUBLISHED_AS.get(hint.__name__, hint.__name__),
            "symbols": [each.value for each in hint],
        }
    if issubclass(hint, BaseModel):
        return described(hint, {})
    return {str: "string", float: "double", bool: "boolean", bytes: "bytes"}[hint]
