"""What departmental systems say: CaseEvent, with its place and attachments."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, ValidationError, model_validator

from hub.errors import Reason, RejectedRecordError
from hub.model.base import MAX_ITEMS, Code, Counter, LineText, Record, Reference, SourceMillis, SystemId, Text
from hub.model.personal import Personal

MAX_URI_CHARS = 2_000
MAX_VALUE_CHARS = 10_000
DEFAULT_CRS = "EPSG:4326"

_TIMES = ("occurred_at", "reported_at", "due_at")


class EventKind(StrEnum):
    OPENED = "OPENED"
    AMENDED = "AMENDED"
    WITHDRAWN = "WITHDRAWN"
    CLOSED = "CLOSED"


class Urgency(StrEnum):
    ROUTINE = "ROUTINE"
    PROMPT = "PROMPT"
    URGENT = "URGENT"
    EMERGENCY = "EMERGENCY"


class Place(Record):
    """Where it is. Latitude and longitude come together or not at all; both in degrees of `crs`."""

    NAME: ClassVar[str] = "Place"

    code: Code | None = None
    grid: Code | None = None
    lat: Annotated[float | None, Personal.PLACE] = None
    lon: Annotated[float | None, Personal.PLACE] = None
    crs: Code = DEFAULT_CRS
    address: Annotated[LineText | None, Personal.PLACE] = None

    @model_validator(mode="after")
    def _both_halves(self) -> Self:
        if (self.lat is None) != (self.lon is None):
            raise ValueError("a coordinate lacks its other half; give lat and lon, or neither")
        return self


class Attachment(Record):
    """A file that stays at the source."""

    NAME: ClassVar[str] = "Attachment"

    uri: Annotated[str, Field(min_length=1, max_length=MAX_URI_CHARS), Personal.FILES]
    media_type: Code


class CaseEvent(Record):
    """One statement of a departmental system about a case of its own; the whole state as of this revision.

    In a follow-up an empty category and a missing place mean: as before. A source that counts no revisions says so: then each
    changed content is the next statement, by when it came.
    """

    NAME: ClassVar[str] = "CaseEvent"

    source: SystemId
    source_ref: Reference
    revision: Counter
    revision_counted: bool = True
    kind: EventKind
    occurred_at: SourceMillis | None = None
    reported_at: SourceMillis
    category: Code
    category_label: Annotated[LineText | None, Personal.WORDS] = None
    urgency: Urgency
    place: Place
    title: Annotated[LineText, Personal.WORDS]
    text: Annotated[Text, Personal.WORDS]
    channel: Code
    attachments: list[Attachment] = Field(default_factory=list, max_length=MAX_ITEMS)
    due_at: SourceMillis | None = None
    attributes: dict[Code, Annotated[str, Field(max_length=MAX_VALUE_CHARS), Personal.ATTRIBUTES]] = Field(
        default_factory=dict, max_length=MAX_ITEMS
    )

    @classmethod
    def checked(cls, fields: dict[str, Any]) -> Self:
        """As the constructor, but raises RejectedRecordError with a reason: invalid, time_out_of_range, too_large."""
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise rejection(error) from None


def rejection(error: ValidationError) -> RejectedRecordError:
    """Why a record is not valid, naming fields and limits but never quoting a value, which may be personal."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    said = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'record'}: {each['msg']}" for each in found)
    first = found[0]
    field = first["loc"][0] if first["loc"] else ""
    if first["type"] in ("string_too_long", "too_long"):
        return RejectedRecordError(Reason.TOO_LARGE, said)
    if field in _TIMES and first["type"] in ("greater_than_equal", "less_than_equal"):
        return RejectedRecordError(
            Reason.TIME_OUT_OF_RANGE, f"{field} is outside 1990-2100; correct the date at the source"
        )
    return RejectedRecordError(Reason.INVALID, said)
