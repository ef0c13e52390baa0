"""The documents of GeoReport v2, to render and to read. A server renders what a client reads, from the same records.

body = render(SERVICES, [Service(service_code="001", service_name="Pothole")], DocumentFormat.XML)
services = raw_records(SERVICES, body)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from hub.open311 import models, spark, xml
from hub.open311.errors import UnreadableError

_R = TypeVar("_R", bound=models.DocumentRecord)
MAX_DOCUMENT_BYTES = 16 * 2**20
"""A longer document is not read."""


class DocumentFormat(StrEnum):
    """`value` is the suffix of an address."""

    XML = "xml"
    JSON = "json"

    @property
    def content_type(self) -> str:
        return "text/xml; charset=utf-8" if self is DocumentFormat.XML else "application/json; charset=utf-8"


@dataclass(frozen=True)
class DocumentShape(Generic[_R]):
    """One kind of document. `root` is its element; a list has one `element` for each record, else it is one record."""

    root: str
    record: type[_R]
    is_list: bool = True

    @property
    def element(self) -> str:
        return xml.ELEMENTS[self.root]


DISCOVERY = DocumentShape("discovery", models.Discovery, is_list=False)
SERVICES = DocumentShape("services", models.Service)
DEFINITION = DocumentShape("service_definition", models.ServiceDefinition, is_list=False)
REQUESTS = DocumentShape("service_requests", models.Request)
POSTED_DOCUMENT = DocumentShape("service_requests", models.Posted)
UPDATES_DOCUMENT = DocumentShape("service_request_updates", models.RequestUpdate)
POSTED_UPDATES = DocumentShape("service_request_updates", models.PostedUpdate)
ERRORS = DocumentShape("errors", models.Error)
SHAPES: tuple[DocumentShape[Any], ...] = (
    DISCOVERY, SERVICES, DEFINITION, REQUESTS, POSTED_DOCUMENT, UPDATES_DOCUMENT, POSTED_UPDATES, ERRORS,
)  # fmt: skip

_RECORDS = (
    models.Endpoint, models.Discovery, models.Service, models.ChoiceValue, models.Attribute,
    models.ServiceDefinition, models.HistoryNote,
    models.Request, models.Posted, models.RequestUpdate, models.PostedUpdate, models.Error,
)  # fmt: skip
_TEXTS = (
    frozenset(name for each in _RECORDS for name in each.model_fields) - set(xml.ELEMENTS) - {"extended_attributes"}
)


class ErrorsError(Exception):
    """The document is one of errors, whatever the status of HTTP says. What they say is the other side's text: never log it."""

    def __init__(self, errors: list[models.Error]) -> None:
        super().__init__(f"{len(errors)} errors")
        self.errors = errors


def render(shape: DocumentShape[_R], records: Sequence[_R], form: DocumentFormat) -> bytes:
    """A document of these records: of a shape that is no list, exactly one."""
    found = [each.model_dump() for each in records]
    content: Any = found
    if not shape.is_list:
        (content,) = found
    return xml.written_xml(shape.root, content) if form is DocumentFormat.XML else spark.written_spark(content)


def raw_records(shape: DocumentShape[Any], body: bytes, charset: str | None = None) -> list[Any]:
    """The records of a document in either format, as dictionaries with all that a system adds; what is no record, as it is.

    Raises UnreadableError, and ErrorsError where the answer is one of errors.
    """
    if len(body) > MAX_DOCUMENT_BYTES:
        raise UnreadableError(f"it has more than {MAX_DOCUMENT_BYTES:,} bytes")
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<" or body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        root, content = xml.parsed_xml(body, _TEXTS, charset)
        roots = {
            shape.root,
            *(name for name, element in xml.ELEMENTS.items() if shape.is_list and element == shape.element),
        }
        is_errors, is_it = root == ERRORS.root, root in roots
    else:
        content = spark.parsed_spark(body, charset)
        is_errors, is_it = _are_errors(content), content is None or isinstance(content, dict | list)
    if is_errors and shape is not ERRORS:
        raise ErrorsError(
            [models.Error.model_validate(each) for each in _list(ERRORS, content) if isinstance(each, dict)]
        )
    if not is_it:
        raise UnreadableError(f"it is no document of {shape.root}")
    if not shape.is_list:
        return [_one(shape, content)]
    return [{} if each is None else each for each in _list(shape, content)]


def _one(shape: DocumentShape[Any], content: Any) -> dict[str, Any]:
    if isinstance(content, dict) and isinstance(inner := content.get(shape.root), dict | list):
        content = inner
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    if not isinstance(content, dict):
        raise UnreadableError(f"it is no document of {shape.root}")
    return content


def _list(shape: DocumentShape[Any], content: Any) -> list[Any]:
    """Also one that is wrapped as in XML, or a single record without its list."""
    for name in (shape.root, shape.element):
        if isinstance(content, dict) and len(content) == 1 and name in content:
            content = content[name]
    if content is None:
        return []
    return content if isinstance(content, list) else [content]


def _are_errors(content: Any) -> bool:
    if isinstance(content, dict):
        return "errors" in content or set(content) == {"code", "description"}
    return (
        isinstance(content, list)
        and bool(content)
        and all(isinstance(each, dict) and set(each) == {"code", "description"} for each in content)
    )
