"""The records of GeoReport v2, each once for both formats. What systems write is read leniently, what we write is strict.

A text that is empty, null or left out is "". An instant is milliseconds since 1970 UTC, None where there is none, or none that can
be read. Codes and ids are text, also where a system writes numbers. Fields stand in the order of the specification.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, SerializerFunctionWrapHandler
from pydantic.functional_serializers import model_serializer

from hub.millis import ms_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,199}")
_TRUE = frozenset({"true", "1", "yes"})


def xml_text(value: Any) -> str:
    """A value as text without blanks at its ends, and without the characters that no XML can hold. A list has commas."""
    if isinstance(value, str):
        return _NO_XML.sub("", value.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(filter(None, map(xml_text, value)))
    return "" if value is None or isinstance(value, dict) else xml_text(str(value))


def moment_of(value: Any) -> int | None:
    """Milliseconds as they are; a text by ISO 8601, in UTC if it has no offset; None for what is no instant."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        return ms_of(datetime.fromisoformat(xml_text(value)))
    except (ValueError, OverflowError):
        return None


def iso_of(at_ms: int) -> str:
    """An instant as GeoReport wants it: ISO 8601 with its offset; thousandths only if there are any."""
    moment = _EPOCH + timedelta(milliseconds=at_ms)
    return moment.isoformat(timespec="milliseconds" if at_ms % 1000 else "seconds").replace("+00:00", "Z")


def _degrees_of(value: Any) -> float | None:
    try:
        found = float(xml_text(value))
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _whole_of(value: Any) -> int | None:
    found = _degrees_of(value)
    return None if found is None else int(found)


def _flag_of(value: Any) -> bool:
    return xml_text(value).lower() in _TRUE


def _list_of(value: Any) -> list[Any]:
    """Also one that is null, has a wrapper of its own, or is its only element."""
    if isinstance(value, dict) and len(value) == 1 and isinstance(inner := next(iter(value.values())), list | dict):
        value = inner
    if isinstance(value, dict):
        return [value]
    return [{} if each is None else each for each in value] if isinstance(value, list | tuple) else []


def _named(value: Any) -> dict[str, str]:
    """Raises ValueError for a key that is no name of an element."""
    found = {key: xml_text(each) for key, each in value.items()} if isinstance(value, dict) else {}
    if not all(isinstance(key, str) and _NAME.fullmatch(key) for key in found):
        raise ValueError("a name has letters, digits, _, . and - only, and begins with a letter or _")
    return found


PlainText = Annotated[str, BeforeValidator(xml_text), PlainSerializer(lambda text: text or None)]
FlagText = Annotated[bool, BeforeValidator(_flag_of)]
MomentText = Annotated[
    int | None, BeforeValidator(moment_of), PlainSerializer(lambda at: None if at is None else iso_of(at))
]
DegreesText = Annotated[float | None, BeforeValidator(_degrees_of)]
WholeText = Annotated[int | None, BeforeValidator(_whole_of)]
NamedTexts = Annotated[dict[str, str], BeforeValidator(_named)]


class DocumentRecord(BaseModel):
    """What a document is made of. `LEFT_OUT`: fields that a document does not have where they are empty; others are null."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)
    LEFT_OUT: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _without_empty(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = dump(self)
        return {name: value for name, value in found.items() if value or name not in self.LEFT_OUT}


class Endpoint(DocumentRecord):
    """Where a service is to be had. `type`: production or test; `formats`: media types."""

    specification: PlainText = ""
    url: PlainText = ""
    changeset: PlainText = ""
    type: PlainText = ""
    formats: Annotated[list[PlainText], BeforeValidator(lambda value: _words_of(value))] = []


def _words_of(value: Any) -> list[Any]:
    """A list of texts, also one within a wrapper of its own, or a single text."""
    if isinstance(value, dict):
        value = next(iter(value.values()), [])
    return value if isinstance(value, list) else [value] if value else []


class Discovery(DocumentRecord):
    """What a server says of itself. `contact` and `key_service` are sentences for people."""

    changeset: PlainText = ""
    contact: PlainText = ""
    key_service: PlainText = ""
    endpoints: Annotated[list[Endpoint], BeforeValidator(_list_of)] = []


class Service(DocumentRecord):
    """What can be asked for. `metadata`: there is a definition with attributes; `type`: realtime, batch or blackbox (when and
    whether an id is known); `keywords`: with commas between."""

    service_code: PlainText = ""
    service_name: PlainText = ""
    description: PlainText = ""
    metadata: FlagText = False
    type: PlainText = ""
    keywords: PlainText = ""
    group: PlainText = ""


class ChoiceValue(DocumentRecord):
    """What may be chosen."""

    key: PlainText = ""
    name: PlainText = ""


class Attribute(DocumentRecord):
    """A question of a service. `variable`: it is asked (else it is only shown); `datatype`: string, number, datetime, text,
    singlevaluelist or multivaluelist."""

    variable: FlagText = True
    code: PlainText = ""
    datatype: PlainText = ""
    required: FlagText = False
    datatype_description: PlainText = ""
    order: WholeText = None
    description: PlainText = ""
    values: Annotated[list[ChoiceValue], BeforeValidator(_list_of)] = []

    LEFT_OUT = frozenset({"values"})


class ServiceDefinition(DocumentRecord):
    """The questions of one service."""

    service_code: PlainText = ""
    attributes: Annotated[list[Attribute], BeforeValidator(_list_of)] = []


class HistoryNote(DocumentRecord):
    """A line of a request's history (an extension)."""

    datetime: MomentText = None
    description: PlainText = ""
    type: PlainText = ""


class Request(DocumentRecord):
    """A request as it stands. `status` is open or closed; of a closed one `updated_datetime` says when it was closed.

    `extended_attributes` and `notes` are extensions. Raises pydantic.ValidationError for an attribute whose name is none.
    """

    service_request_id: PlainText = ""
    status: PlainText = ""
    status_notes: PlainText = ""
    service_name: PlainText = ""
    service_code: PlainText = ""
    description: PlainText = ""
    agency_responsible: PlainText = ""
    service_notice: PlainText = ""
    requested_datetime: MomentText = None
    updated_datetime: MomentText = None
    expected_datetime: MomentText = None
    address: PlainText = ""
    address_id: PlainText = ""
    zipcode: PlainText = ""
    lat: DegreesText = None
    long: DegreesText = None
    media_url: PlainText = ""
    extended_attributes: NamedTexts = {}
    notes: Annotated[list[HistoryNote], BeforeValidator(_list_of)] = []

    LEFT_OUT = frozenset({"extended_attributes", "notes"})


class Posted(DocumentRecord):
    """The answer to a request that was posted, or to a token: an id, or a token that will become one."""

    service_request_id: PlainText = ""
    token: PlainText = ""
    service_notice: PlainText = ""
    account_id: PlainText = ""

    LEFT_OUT = frozenset({"service_request_id", "token", "service_notice", "account_id"})


class RequestUpdate(DocumentRecord):
    """What was said of a request, and its status from then on (mySociety's extension)."""

    update_id: PlainText = ""
    service_request_id: PlainText = ""
    status: PlainText = ""
    updated_datetime: MomentText = None
    description: PlainText = ""
    media_url: PlainText = ""
    external_status_code: PlainText = ""
    customer_reference: PlainText = ""

    LEFT_OUT = frozenset({"external_status_code", "customer_reference"})


class PostedUpdate(DocumentRecord):
    """The answer to an update that was posted."""

    update_id: PlainText = ""


class Error(DocumentRecord):
    """Why not. `code` may be finer than the status of HTTP."""

    code: PlainText = Field("")
    description: PlainText = ""
