"""What all records share: they are frozen, know their schema's subject, and go to and from the dictionaries of an Avro codec.

Every text and number has its limit here and nowhere else: connectors are held to it by pydantic, and what comes in from Kafka by
hub/core/limits.py, which reads the same declarations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from hub.bounds import CONTROL_CHARACTERS, COUNTER, INT, LONG, MAX_SYSTEM_ID_CHARS, OFFSET, SYSTEM_ID
from hub.clock import CALENDAR, EARLIEST_MS, LATEST_MS
from hub.millis import ms_of
from hub.model.personal import Personal


@dataclass(frozen=True)
class Avro:
    """Marks an int with the Avro type it has in the schema: int, long or timestamp-millis."""

    type: str


def to_ms(value: Any) -> Any:
    """A datetime (as Avro codecs decode timestamps) as milliseconds since 1970 UTC; anything else unchanged."""
    return ms_of(value) if isinstance(value, datetime) else value


Int = Annotated[int, Field(ge=INT.least, le=INT.most), Avro("int")]
Long = Annotated[int, Field(ge=LONG.least, le=LONG.most), Avro("long")]
Millis = Annotated[int, Field(ge=CALENDAR.least, le=CALENDAR.most), BeforeValidator(to_ms), Avro("timestamp-millis")]
"""Milliseconds since 1970 UTC: some date."""
SourceMillis = Annotated[int, Field(ge=EARLIEST_MS, le=LATEST_MS), BeforeValidator(to_ms), Avro("timestamp-millis")]
"""A time that a source or department claims: believed only between hub.clock.EARLIEST_MS and LATEST_MS."""


CONTROLS = f"[{CONTROL_CHARACTERS}]"
"""A control character: NUL, a line end, the beginning of a terminal's escape."""


def _without_controls(text: str) -> str:
    if re.search(CONTROLS, text):
        raise ValueError("holds a control character (NUL, a line end or the like); remove it at the source")
    return text


def _as_system_id(text: str) -> str:
    if not re.fullmatch(SYSTEM_ID, text):
        allowed = f"lower-case letters, digits and _ only, at most {MAX_SYSTEM_ID_CHARS}"
        raise ValueError(f"is no id of a source or department: {allowed}")
    return text


NO_CONTROLS, IS_SYSTEM_ID = AfterValidator(_without_controls), AfterValidator(_as_system_id)
MAX_REF_CHARS, MAX_CODE_CHARS, MAX_LINE_CHARS, MAX_TEXT_CHARS = 200, 200, 1_000, 200_000
MAX_ITEMS = 100
Reference = Annotated[str, Field(min_length=1, max_length=MAX_REF_CHARS), NO_CONTROLS, Personal.REFERENCE]
"""What a system calls something of its own."""
CaseId = Annotated[Reference, Personal.NONE]
"""The hub's own name of a case."""
SystemId = Annotated[str, IS_SYSTEM_ID, Personal.NONE]
Code = Annotated[str, Field(max_length=MAX_CODE_CHARS), Personal.NONE]
"""A word of a closed list, be it the sender's or the city's."""
LineText = Annotated[str, Field(max_length=MAX_LINE_CHARS)]
Text = Annotated[str, Field(max_length=MAX_TEXT_CHARS)]
"""Both say where they are used what of a person may stand in them."""
HubLine = Annotated[LineText, Personal.NONE]
HubText = Annotated[str, Personal.NONE]
"""Words of the hub's, or of the city's rules."""
Counter = Annotated[int, Field(ge=COUNTER.least, le=COUNTER.most), Avro("int")]
Offset = Annotated[int, Field(ge=OFFSET.least, le=OFFSET.most), Avro("long")]


class Record(BaseModel):
    """A record of one schema. Field names, order and types are those of the newest version in schemas/."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    NAME: ClassVar[str]

    @classmethod
    def subject(cls) -> str:
        """The schema's subject, e.g. cityhub.CaseEvent."""
        return f"cityhub.{cls.NAME}"

    def to_avro(self) -> dict[str, Any]:
        """The dictionary an Avro codec encodes: times as integers, enums as their symbols."""
        return self.model_dump()

    @classmethod
    def from_avro(cls, record: dict[str, Any]) -> Self:
        """From what an Avro codec decoded. Raises pydantic.ValidationError."""
        return cls.model_validate(record)
