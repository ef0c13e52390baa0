"""From a record's bytes to an envelope with the types of its columns: JSON, with its schema beside it or without, or Avro behind
Confluent's frame."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import fastavro
from fastavro.schema import SchemaParseException

from hub.declared.texts import parse_json
from hub.errors import Reason, RejectedRecordError
from hub.sdk.errors import ConfigurationError
from hub.sdk.sources.bodies import parsed_json
from hub.sdk.sources.changes.envelope import Type, Types

_FRAME = struct.Struct(">bI")
_MOST_SCHEMAS = 1000


class DecodedChange(NamedTuple):
    """`envelope` is None for a tombstone in a schema's dress."""

    envelope: Any
    types: Types


def from_json(raw: bytes) -> DecodedChange:
    """Raises RejectedRecordError."""
    content = parsed_json(raw)
    if isinstance(content, dict) and set(content) == {"schema", "payload"}:
        return DecodedChange(content["payload"], _json_types(content["schema"]))
    return DecodedChange(content, {})


def _json_types(schema: Any) -> Types:
    found = {}
    for row in _objects(schema, "fields"):
        if row.get("field") in ("before", "after"):
            for column in _objects(row, "fields"):
                if isinstance(name := column.get("name"), str):
                    found[str(column.get("field"))] = Type(name, _scale(column.get("parameters")))
    return found


def _objects(content: Any, name: str) -> list[dict[str, Any]]:
    found = content.get(name) if isinstance(content, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _scale(parameters: Any) -> int:
    text = parameters.get("scale") if isinstance(parameters, dict) else None
    return int(text) if isinstance(text, str) and re.fullmatch(r"-?[0-9]{1,4}", text) else 0


class _Schema(NamedTuple):
    parsed: Any
    types: Types


class AvroDecoder:
    """`text_of` gives a schema's text by its id. It raises RejectedRecordError(unknown_schema) where the registry has none of that
    id, and TransientError while it cannot be asked."""

    def __init__(self, text_of: Callable[[int], str]) -> None:
        self._text_of = text_of
        self._schemas: dict[int, _Schema] = {}

    def decode(self, raw: bytes) -> DecodedChange:
        """Raises RejectedRecordError, ConfigurationError for a schema that is none, and what `text_of` does."""
        if len(raw) < _FRAME.size or raw[0] != 0:
            raise RejectedRecordError(
                Reason.BAD_ROW, "it is not Avro behind Confluent's frame; are the changes JSON? Then name no registry"
            )
        schema = self._schema(_FRAME.unpack_from(raw)[1])
        try:
            envelope = fastavro.schemaless_reader(io.BytesIO(raw[_FRAME.size :]), schema.parsed, None)
        except (EOFError, ValueError, IndexError, OverflowError, TypeError):
            raise RejectedRecordError(Reason.BAD_ROW, "it is not a record of the schema that it names") from None
        return DecodedChange(envelope, schema.types)

    def _schema(self, number: int) -> _Schema:
        found = self._schemas.get(number)
        if found is None:
            text = self._text_of(number)
            try:
                declared = parse_json(text)
                found = _Schema(fastavro.parse_schema(declared), dict(_avro_types(declared)))
            except (SchemaParseException, ValueError, KeyError, TypeError, RecursionError) as error:
                raise ConfigurationError(
                    f"schema {number} of the registry is none of Avro ({type(error).__name__})"
                ) from error
            if len(self._schemas) < _MOST_SCHEMAS:
                self._schemas[number] = found
        return found


def _avro_types(declared: Any) -> Iterator[tuple[str, Type]]:
    """Of the record in `before`, where Debezium declares it; `after` names it only."""
    for field in declared.get("fields", ()) if isinstance(declared, dict) else ():
        if field["name"] not in ("before", "after"):
            continue
        for record in filter(lambda each: isinstance(each, dict), _options(field["type"])):
            for column in record.get("fields", ()):
                for kind in filter(lambda each: isinstance(each, dict), _options(column["type"])):
                    if isinstance(name := kind.get("connect.name"), str):
                        yield column["name"], Type(name, int(kind.get("scale", 0)))


def _options(declared: Any) -> list[Any]:
    return declared if isinstance(declared, list) else [declared]
