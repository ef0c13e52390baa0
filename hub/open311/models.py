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


def text_of(value: Any) -> str:
    """A value as text without blanks at its ends, and without the characters that no XML can hold. A list has commas."""
    if isinstance(value, str):
        return _NO_XML.sub("", value.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(filter(None, map(text_of, value)))
    return "" if value is None or isinstance(value, dict) else text_of(str(value))


def moment_of(value: Any) -> int | None:
    """Milliseconds as they are; a text by ISO 8601, in UTC if it has no offset; None for what is no instant."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        return ms_of(datetime.fromisoformat(text_of(value)))
    except (ValueError, OverflowError):
        return None


def iso_of(at_ms: int) -> str:
    """An instant as GeoReport wants it: ISO 8601 with its offset; thousandths only if there are any."""
    moment = _EPOCH + timedelta(milliseconds=at_ms)
    return moment.isoformat(timespec="milliseconds" if at_ms % 1000 else "seconds").replace("+00:00", "Z")


def _degrees_of(value: Any) -> float | None:
    try:
        found = float(text_of(value))
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _whole_of(value: Any) -> int | None:
    found = _degrees_of(value)
    return None if found is None else int(found)


def _flag_of(value: Any) -> bool:
    return text_of(value).lower() in _TRUE


def _list_of(value: Any) -> list[Any]:
    """Also one that is null, has a wrapper of its own, or is its only element."""
    if isinstance(value, dict) and len(value) == 1 and isinstance(inner := next(iter(value.values())), list | dict):
        value = inner
    if isinstance(value, dict):
        return [value]
    return [{} if each is None else each for each in value] if isinstance(value, list | tuple) else []


def _named(value: Any) -> dict[str, str]:
    """Raises ValueError for a key that is no name of an element."""
    found = {key: text_of(each) for key, each in value.items()} if isinstance(value, dict) else {}
    if not all(isinstance(key, str) and _NAME.fullmatch(key) for key in found):
        raise ValueError("a name has letters, digits, _, . and - only, and begins with a letter or _")
    return found


Text = Annotated[str, BeforeValidator(text_of), PlainSerializer(lambda text: text or None)]
Flag = Annotated[bool, BeforeValidator(_flag_of)]
Moment = Annotated[
    int | None, BeforeValidator(moment_of), PlainSerializer(lambda at: None if at is None else iso_of(at))
]
Degrees = Annotated[float | None, BeforeValidator(_degrees_of)]
Whole = Annotated[int | None, BeforeValidator(_whole_of)]
Texts = Annotated[dict[str, str], BeforeValidator(_named)]


class Record(BaseModel):
    """What a document is made of. `LEFT_OUT`: fields that a document does not have where they are empty; others are null."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)
    LEFT_OUT: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _without_empty(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = dump(self)
        return {name: value for name, value in found.items() if value or name not in self.LEFT_OUT}


class Endpoint(Record):
    """Where a service is to be had. `type`: production or test; `formats`: media types."""

    specification: Text = ""
    url: Text = ""
    changeset: Text = ""
    type: Text = ""
    formats: Annotated[list[Text], BeforeValidator(lambda value: _words_of(value))] = []


def _words_of(value: Any) -> list[Any]:
    """A list of texts, also one within a wrapper of its own, or a single text."""
    if isinstance(value, dict):
        value = next(iter(value.values()), [])
    return value if isinstance(value, list) else [value] if value else []


class Discovery(Record):
    """What a server says of itself. `contact` and `key_service` are sentences for people."""

    changeset: Text = ""
    contact: Text = ""
    key_service: Text = ""
    endpoints: Annotated[list[Endpoint], BeforeValidator(_list_of)] = []


class Service(Record):
    """What can be asked for. `metadata`: there is a definition with attributes; `type`: realtime, batch or blackbox (when and
    whether an id is known); `keywords`: with commas between."""

    service_code: Text = ""
    service_name: Text = ""
    description: Text = ""
    metadata: Flag = False
    type: Text = ""
    keywords: Text = ""
    group: Text = ""


class Value(Record):
    """What may be chosen."""

    key: Text = ""
    name: Text = ""


class Attribute(Record):
    """A question of a service. `variable`: it is asked (else it is only shown); `datatype`: string, number, datetime, text,
    singlevaluelist or multivaluelist."""

    variable: Flag = True
    code: Text = ""
    datatype: Text = ""
    required: Flag = False
    datatype_description: Text = ""
    order: Whole = None
    description: Text = ""
    values: Annotated[list[Value], BeforeValidator(_list_of)] = []

    LEFT_OUT = frozenset({"values"})


class ServiceDefinition(Record):
    """The questions of one service."""

    service_code: Text = ""
    attributes: Annotated[list[Attribute], BeforeValidator(_list_of)] = []


class Note(Record):
    """A line of a request's history (an extension)."""

    datetime: Moment = None
    description: Text = ""
    type: Text = ""


class Request(Record):
    """A request as it stands. `status` is open or closed; of a closed one `updated_datetime` says when it was closed.

    `extended_attributes` and `notes` are extensions. Raises pydantic.ValidationError for an attribute whose name is none.
    """

    service_request_id: Text = ""
    status: Text = ""
    status_notes: Text = ""
    service_name: Text = ""
    service_code: Text = ""
    description: Text = ""
    agency_responsible: Text = ""
    service_notice: Text = ""
    requested_datetime: Moment = None
    updated_datetime: Moment = None
    expected_datetime: Moment = None
    address: Text = ""
    address_id: Text = ""
    zipcode: Text = ""
    lat: Degrees = None
    long: Degrees = None
    media_url: Text = ""
    extended_attributes: Texts = {}
    notes: Annotated[list[Note], BeforeValidator(_list_of)] = []

    LEFT_OUT = frozenset({"extended_attributes", "notes"})


class Posted(Record):
    """The answer to a request that was posted, or to a token: an id, or a token that will become one."""

    service_request_id: Text = ""
    token: Text = ""
    service_notice: Text = ""
    account_id: Text = ""

    LEFT_OUT = frozenset({"service_request_id", "token", "service_notice", "account_id"})


class RequestUpdate(Record):
    """What was said of a request, and its status from then on (mySociety's extension)."""

    update_id: Text = ""
    service_request_id: Text = ""
    status: Text = ""
    updated_datetime: Moment = None
    description: Text = ""
    media_url: Text = ""
    external_status_code: Text = ""
    customer_reference: Text = ""

    LEFT_OUT = frozenset({"external_status_code", "customer_reference"})


class PostedUpdate(Record):
    """The answer to an update that was posted."""

    update_id: Text = ""


class Error(Record):
    """Why not. `code` may be finer than the status of HTTP."""

    code: Text = Field("")
    description: Text = ""
