"""Of what declared mappings are made: where one field's value comes from, encodings, time zones."""

from __future__ import annotations

import string
from enum import StrEnum
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from hub.sdk.mapping.times import NAMED_FORMATS, require_formats


class MappingPart(BaseModel):
    """Frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FieldSpec(MappingPart):
    """Where one field's value comes from: exactly one of column, constant, template, concat, digest.

    In YAML a bare string is short for `{column: ...}`.
    """

    column: str | None = Field(None, description="the column's value")
    constant: str | int | float | None = Field(None, description="always this")
    template: str | None = Field(
        None, description='text with {column} in it, e.g. "{Block} {Street}"; spaces are tidied'
    )
    concat: list[str] | None = Field(
        None, min_length=1, description="the columns that are not empty, with `separator` between"
    )
    digest: list[str] | None = Field(
        None, min_length=1, description="a digest of these columns: a reference where there is none"
    )
    separator: str = " "
    map: dict[str, str] | None = Field(
        None, description="value to field value; what is not in it becomes `default`, or is a bad row"
    )
    default: str | None = Field(
        None, description="where the value is empty or not in `map`; null leaves the field empty"
    )
    formats: list[str] | None = Field(
        None, min_length=1, description=f"times: {', '.join(NAMED_FORMATS)} or strptime patterns"
    )
    time_zone: str | None = Field(
        None, description="times without an offset are local to it; else the mapping's time_zone"
    )

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = [
            name for name in ("column", "constant", "template", "concat", "digest") if getattr(self, name) is not None
        ]
        if len(given) != 1:
            raise ValueError(f"give exactly one of column, constant, template, concat, digest; not {given or 'none'}")
        return self

    @field_validator("map", mode="before")
    @classmethod
    def _keys_as_text(cls, value: Any) -> Any:
        return {str(key): each for key, each in value.items()} if isinstance(value, dict) else value

    @field_validator("formats")
    @classmethod
    def _formats_exist(cls, value: list[str] | None) -> list[str] | None:
        require_formats(value or ())
        return value

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str | None) -> str | None:
        return value if value is None else known_zone(value)

    def columns(self) -> list[str]:
        """The columns it reads."""
        if self.template is not None:
            return [name for _, name, _, _ in string.Formatter().parse(self.template) if name]
        return [self.column] if self.column is not None else list(self.concat or self.digest or [])


def _short(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


Spec = Annotated[FieldSpec, BeforeValidator(_short)]


class Encoding(StrEnum):
    """A byte order mark says more than this, and counts before it."""

    UTF8 = "utf-8"
    UTF8_SIG = "utf-8-sig"
    GB18030 = "gb18030"
    GBK = "gbk"
    LATIN1 = "latin-1"
    UTF16 = "utf-16"
    UTF16LE = "utf-16-le"
    UTF16BE = "utf-16-be"


def known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"{name!r} is not a time zone; write e.g. Asia/Shanghai") from None
    return name
