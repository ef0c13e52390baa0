"""What all records share: they are frozen, know their schema's subject, and go to and from the dictionaries of an Avro codec."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from hub.clock import EARLIEST_MS, LATEST_MS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Avro:
    """Marks an int with the Avro type it has in the schema: int, long or timestamp-millis."""

    type: str


def to_ms(value: Any) -> Any:
    """A datetime (as Avro codecs decode timestamps) as milliseconds since 1970 UTC; anything else unchanged."""
    if isinstance(value, datetime):
        since = (value if value.tzinfo else value.replace(tzinfo=UTC)) - _EPOCH
        return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
    return value


Int = Annotated[int, Field(ge=-(2**31), le=2**31 - 1), Avro("int")]
Long = Annotated[int, Field(ge=-(2**63), le=2**63 - 1), Avro("long")]
Millis = Annotated[int, BeforeValidator(to_ms), Avro("timestamp-millis")]
"""Milliseconds since 1970 UTC."""
SourceMillis = Annotated[int, Field(ge=EARLIEST_MS, le=LATEST_MS), BeforeValidator(to_ms), Avro("timestamp-millis")]
"""A time that a source or department claims: believed only between hub.clock.EARLIEST_MS and LATEST_MS."""


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
