"""Schemas by id and by subject: from the files in schemas/, or from a Confluent-compatible registry when one is configured."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import fastavro
import pyarrow as pa
import pyruhvro

from hub.errors import FatalError, Reason, RejectedRecordError, RetriableError
from hub.settings import ROOT, Settings

SCHEMAS = ROOT / "schemas"
NAMESPACE = "cityhub"


@dataclass(frozen=True)
class Schema:
    """One version of a subject's schema. `text` is its JSON without documentation."""

    id: int
    subject: str
    version: int
    text: str
    declared: dict[str, Any] = field(repr=False, compare=False)

    @cached_property
    def parsed(self) -> Any:
        """For fastavro. Times stay the integers they are: one in the year 0001 or 99999 must not fail in the codec."""
        return fastavro.parse_schema(_without(json.loads(self.text), "logicalType"))

    @cached_property
    def arrow(self) -> pa.Schema:
        """What the batch codec makes of it."""
        return pyruhvro.avro_to_arrow_schema(self.text)


class Registry(Protocol):
    """Who knows the schemas. Called from any thread; answers are cached for good, as ids never change."""

    def by_id(self, schema_id: int) -> Schema:
        """Raises RejectedRecordError(unknown_schema) if there is none, RetriableError if it cannot be asked now."""
        ...

    def latest(self, subject: str) -> Schema:
        """The newest version in this program's own schemas/. Raises FatalError if the subject is unknown."""
        ...


def _without(node: Any, unwanted: str) -> Any:
    if isinstance(node, dict):
        return {key: _without(value, unwanted) for key, value in node.items() if key != unwanted}
    return [_without(item, unwanted) for item in node] if isinstance(node, list) else node


def make_schema(schema_id: int, subject: str, version: int, declared: dict[str, Any]) -> Schema:
    text = json.dumps(_without(declared, "doc"), separators=(",", ":"), ensure_ascii=False)
    return Schema(schema_id, subject, version, text, declared)


class FileRegistry:
    """The embedded default: schemas/<record>/v<n>.avsc with the ids of schemas/ids.json."""

    def __init__(self, folder: Path = SCHEMAS) -> None:
        self._by_id: dict[int, Schema] = {}
        self._latest: dict[str, Schema] = {}
        ids: dict[str, dict[str, int]] = json.loads((folder / "ids.json").read_text("utf-8"))
        for record, versions in ids.items():
            for version, schema_id in sorted(versions.items(), key=lambda item: int(item[0])):
                path = folder / record / f"v{version}.avsc"
                try:
                    declared = json.loads(path.read_text("utf-8"))
                except (OSError, ValueError) as error:
                    raise FatalError(f"schema {path}: {error}; every id in ids.json needs its .avsc file") from error
                schema = make_schema(schema_id, f"{NAMESPACE}.{record}", int(version), declared)
                self._by_id[schema_id] = self._latest[schema.subject] = schema

    def all(self) -> list[Schema]:
        return list(self._by_id.values())

    def by_id(self, schema_id: int) -> Schema:
        try:
            return self._by_id[schema_id]
        except KeyError:
            raise RejectedRecordError(
                Reason.UNKNOWN_SCHEMA,
                f"no schema has id {schema_id}; the sender uses another registry, or ids.json is old",
            ) from None

    def latest(self, subject: str) -> Schema:
        try:
            return self._latest[subject]
        except KeyError:
            raise FatalError(f"no schema for subject {subject}; known: {', '.join(sorted(self._latest))}") from None


class ConfluentRegistry:
    """A registry service. This program's schemas are registered there at first use; ids are the service's."""

    def __init__(self, url: str, own: FileRegistry) -> None:
        from confluent_kafka.schema_registry import SchemaRegistryClient

        self._client = SchemaRegistryClient({"url": url})
        self._url = url
        self._own = own
        self._by_id: dict[int, Schema] = {}
        self._latest: dict[str, Schema] = {}

    def by_id(self, schema_id: int) -> Schema:
        if schema_id not in self._by_id:
            self._by_id[schema_id] = self._fetch(schema_id)
        return self._by_id[schema_id]

    def latest(self, subject: str) -> Schema:
        if subject not in self._latest:
            self._latest[subject] = self._register(self._own.latest(subject))
        return self._latest[subject]

    def _fetch(self, schema_id: int) -> Schema:
        from confluent_kafka.schema_registry.error import SchemaRegistryError

        try:
            text = self._client.get_schema(schema_id).schema_str
        except SchemaRegistryError as error:
            if error.http_status_code == 404:
                raise RejectedRecordError(
                    Reason.UNKNOWN_SCHEMA, f"registry {self._url} has no schema {schema_id}"
                ) from None
            raise RetriableError(f"registry {self._url} does not answer for schema {schema_id}: {error}") from error
        except OSError as error:
            raise RetriableError(f"registry {self._url} cannot be reached: {error}") from error
        declared = json.loads(text)
        subject = f"{declared.get('namespace', NAMESPACE)}.{declared['name']}"
        return make_schema(schema_id, subject, 0, declared)

    def _register(self, own: Schema) -> Schema:
        from confluent_kafka.schema_registry import Schema as Registered
        from confluent_kafka.schema_registry.error import SchemaRegistryError

        try:
            schema_id = self._client.register_schema(own.subject, Registered(json.dumps(own.declared), "AVRO"))
        except SchemaRegistryError as error:
            raise FatalError(f"registry {self._url} refuses {own.subject} v{own.version}: {error}") from error
        except OSError as error:
            raise RetriableError(f"registry {self._url} cannot be reached: {error}") from error
        return make_schema(schema_id, own.subject, own.version, own.declared)


def make_registry(settings: Settings) -> Registry:
    """The configured registry, or the files."""
    own = FileRegistry()
    return ConfluentRegistry(settings.registry_url, own) if settings.registry_url else own
