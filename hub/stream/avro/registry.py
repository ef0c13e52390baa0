"""Schemas by id and by subject: from the files in schemas/, or from a Confluent-compatible registry when one is configured."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

import fastavro
import pyarrow as pa
import pyruhvro

from hub.bounds import INT
from hub.errors import FatalError, Reason, RejectedRecordError, RetriableError
from hub.escaping import without_login
from hub.settings import ROOT, Settings, variable
from hub.stream.avro.foreign import check_foreign

SCHEMAS = ROOT / "schemas"
AVRO_NAMESPACE = "cityhub"
_TIMEOUT_SECONDS = 10
_MALFORMED = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)
_ASK_AGAIN_SECONDS = 30.0
_REFUSED_AT_MOST = 10_000
_IDS_AHEAD = 500
"""So many schemas more may a newer program of the hub have. An id beyond them is nobody's."""
_NOT_LET_IN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_LOG_IN = f"; check {variable('registry_user')} and {variable('registry_password')}"
_NOT_NOW = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
FRAME = struct.Struct(">bI")
"""What Confluent's wire format puts in front of a record: 0x00 and the schema's id."""


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
        """The schema as fastavro wants it. Times stay the integers they are: one in the year 0001 or 99999 must not
        fail in the codec."""
        return fastavro.parse_schema(_without(json.loads(self.text), "logicalType"))

    @cached_property
    def frame(self) -> bytes:
        """What Confluent's wire format puts in front of each record."""
        return FRAME.pack(0, self.id)

    @cached_property
    def header(self) -> pa.Scalar:
        """`frame` as the batch codec wants it."""
        return pa.scalar(self.frame, pa.binary())

    @cached_property
    def arrow(self) -> pa.Schema:
        """The Arrow schema that the batch codec makes of this one."""
        return pyruhvro.avro_to_arrow_schema(self.text)

    @cached_property
    def no_rows(self) -> pa.RecordBatch:
        """A batch without rows, made once: each tick of an agent asks for several, and Arrow makes one field by field."""
        return pa.RecordBatch.from_pylist([], schema=self.arrow)

    @cached_property
    def defaults(self) -> dict[str, pa.Scalar]:
        """The default of each field that has one."""
        fields = (field for field in self.declared["fields"] if "default" in field)
        return {
            field["name"]: pa.array([field["default"]], self.arrow.field(field["name"]).type)[0] for field in fields
        }

    @cached_property
    def framed_text(self) -> str | None:
        """`text` for records with their frame still in front of them: an integer for each of its bytes comes first.

        To Avro a byte below 0x80 is a whole integer. Where the id has others, None.
        """
        if max(self.frame) >= 0x80:
            return None
        declared = json.loads(self.text)
        fields = [{"name": f"frame{number}", "type": "int"} for number in range(len(self.frame))]
        return json.dumps(declared | {"fields": fields + declared["fields"]})


class Registry(Protocol):
    """Who knows the schemas. Called from any thread; answers are cached for good, as ids never change."""

    def by_id(self, schema_id: int) -> Schema:
        """Raises RejectedRecordError(unknown_schema) if there is none, RetriableError if it cannot be asked now."""
        ...

    def latest(self, subject: str) -> Schema:
        """The newest version in this program's own schemas/. Raises FatalError if the subject is unknown."""
        ...

    def versions(self, subject: str) -> list[Schema]:
        """All versions in this program's own schemas/, the newest first."""
        ...

    def may_be_newer(self, schema_id: int) -> bool:
        """True of an id that is not known here and may be one of a newer program of the hub."""
        ...


def _without(node: Any, unwanted: str) -> Any:
    if isinstance(node, dict):
        return {key: _without(value, unwanted) for key, value in node.items() if key != unwanted}
    return [_without(item, unwanted) for item in node] if isinstance(node, list) else node


def make_schema(schema_id: int, subject: str, version: int, declared: dict[str, Any]) -> Schema:
    text = json.dumps(_without(declared, "doc"), separators=(",", ":"), ensure_ascii=False)
    return Schema(schema_id, subject, version, text, declared)


@cache
def _published(folder: Path) -> tuple[Schema, ...]:
    """What a folder of schemas holds, each subject's versions in their order. Read once: what is published never changes."""
    ids: dict[str, dict[str, int]] = json.loads((folder / "ids.json").read_text("utf-8"))
    return tuple(
        make_schema(
            schema_id, f"{AVRO_NAMESPACE}.{record}", int(version), _declared(folder / record / f"v{version}.avsc")
        )
        for record, versions in ids.items()
        for version, schema_id in sorted(versions.items(), key=lambda item: int(item[0]))
    )


def _declared(path: Path) -> dict[str, Any]:
    try:
        declared: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise FatalError(f"schema {path}: {error}; every id in ids.json needs its .avsc file") from error
    return declared


class FileRegistry:
    """The embedded default: schemas/<record>/v<n>.avsc with the ids of schemas/ids.json."""

    def __init__(self, folder: Path = SCHEMAS) -> None:
        self._by_id = {schema.id: schema for schema in _published(folder)}
        self._latest = {schema.subject: schema for schema in _published(folder)}

    def all(self) -> list[Schema]:
        return list(self._by_id.values())

    def may_be_newer(self, schema_id: int) -> bool:
        return schema_id not in self._by_id and 0 < schema_id <= max(self._by_id) + _IDS_AHEAD

    def versions(self, subject: str) -> list[Schema]:
        found = [each for each in self._by_id.values() if each.subject == subject]
        return sorted(found, key=lambda each: each.version, reverse=True)

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

    def __init__(self, url: str, own: FileRegistry, *, client_settings: Mapping[str, Any] | None = None) -> None:
        from confluent_kafka.schema_registry import SchemaRegistryClient

        # The client tries four times, up to 1, 2 and 4 s apart. Left alone it would wait for an answer for ever.
        self._client = SchemaRegistryClient({"url": url, "timeout": _TIMEOUT_SECONDS, **(client_settings or {})})
        self._url = without_login(url)
        self._own = own
        self._by_id: dict[int, Schema] = {}
        self._latest: dict[str, Schema] = {}
        self._refused: dict[int, tuple[RejectedRecordError, float]] = {}

    def by_id(self, schema_id: int) -> Schema:
        if schema_id not in self._by_id:
            self._by_id[schema_id] = self._found(schema_id)
        return self._by_id[schema_id]

    def _found(self, schema_id: int) -> Schema:
        """Ask the service; of an id that it does not know not again for a while, as thousands of records may name it."""
        now = time.monotonic()
        refused, since = self._refused.get(schema_id, (None, 0.0))
        if refused is not None and now - since < _ASK_AGAIN_SECONDS:
            raise RejectedRecordError(refused.reason, refused.detail)
        try:
            return self._fetch(schema_id)
        except RejectedRecordError as error:
            if len(self._refused) >= _REFUSED_AT_MOST:
                self._refused.clear()
            self._refused[schema_id] = error, now
            raise

    def may_be_newer(self, schema_id: int) -> bool:
        """Never: a newer program has registered what it writes, and the service has been asked."""
        del schema_id
        return False

    def latest(self, subject: str) -> Schema:
        if subject not in self._latest:
            self._latest[subject] = self._register(self._own.latest(subject))
        return self._latest[subject]

    def versions(self, subject: str) -> list[Schema]:
        return self._own.versions(subject)

    def _fetch(self, schema_id: int) -> Schema:
        """XXX: the id is a sender's. If a service calls it malformed (422 or 400), that says nothing of the hub itself."""
        if schema_id > INT.most:
            raise RejectedRecordError(Reason.UNKNOWN_SCHEMA, f"no registry has a schema {schema_id}: it is no id")
        with self._asking(f"schema {schema_id}", malformed=Reason.UNKNOWN_SCHEMA):
            registered = self._client.get_schema(schema_id)
        try:
            declared = json.loads(registered.schema_str)
            subject = f"{declared.get('namespace', AVRO_NAMESPACE)}.{declared['name']}"
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise RejectedRecordError(
                Reason.WRONG_SCHEMA,
                f"registry {self._url} has schema {schema_id}, but it is no Avro record ({registered.schema_type})",
            ) from None
        check_foreign(declared)
        return make_schema(schema_id, subject, 0, declared)

    def _register(self, own: Schema) -> Schema:
        from confluent_kafka.schema_registry import Schema as Registered

        try:
            with self._asking(f"{own.subject} v{own.version}"):
                schema_id = self._client.register_schema(own.subject, Registered(json.dumps(own.declared), "AVRO"))
        except RejectedRecordError as error:  # there is no such path: the address is not a registry's
            raise FatalError(f"{error.detail}; is CITYHUB_REGISTRY_URL a schema registry's address?") from error
        return make_schema(schema_id, own.subject, own.version, own.declared)

    @contextmanager
    def _asking(self, what: str, *, malformed: Reason | None = None) -> Iterator[None]:
        """Turns the client's errors into ours: not there, not now, or not at all (say, not allowed or incompatible)."""
        import httpx2
        from confluent_kafka.schema_registry.error import SchemaRegistryError

        try:
            yield
        except SchemaRegistryError as error:
            status = error.http_status_code
            if status == HTTPStatus.NOT_FOUND:
                raise RejectedRecordError(Reason.UNKNOWN_SCHEMA, f"registry {self._url} has no {what}") from None
            if malformed and status in _MALFORMED:
                raise RejectedRecordError(malformed, f"registry {self._url} refuses {what} ({status})") from None
            if status in _NOT_NOW or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise RetriableError(f"registry {self._url} cannot answer for {what} now: {error}") from error
            way_out = _LOG_IN if status in _NOT_LET_IN else ""
            raise FatalError(f"registry {self._url} refuses {what}: {error}{way_out}") from error
        except (httpx2.HTTPError, OSError, ValueError) as error:  # ValueError: an answer that is not JSON
            way_out = f"; check {variable('registry_ca')}" if "CERTIFICATE" in str(error) else ""
            raise RetriableError(f"registry {self._url} cannot be asked for {what}: {error}{way_out}") from error


def make_registry(settings: Settings) -> Registry:
    """The configured registry, or the files."""
    own = FileRegistry()
    if not settings.registry_url:
        return own
    return ConfluentRegistry(settings.registry_url, own, client_settings=client_settings(settings))


def client_settings(settings: Settings) -> dict[str, str]:
    """What the registry's client is told of whom to trust, and of who this is."""
    told = {}
    if settings.registry_ca is not None:
        told["ssl.ca.location"] = str(settings.registry_ca)
    if settings.registry_user is not None and settings.registry_password is not None:
        told["basic.auth.user.info"] = f"{settings.registry_user}:{settings.registry_password.get_secret_value()}"
    return told
