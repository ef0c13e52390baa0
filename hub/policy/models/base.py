"""What all files of a policy folder share: strictness, identifiers, names in two languages."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from hub.bounds import SYSTEM_ID
from hub.declared.patterns import compile_pattern

UrgencyName = Literal["ROUTINE", "PROMPT", "URGENT", "EMERGENCY"]

MAIN_LAYER = "area"
"""How the main layer of areas is called, unless city.yaml says otherwise."""

URGENCIES: tuple[UrgencyName, ...] = ("ROUTINE", "PROMPT", "URGENT", "EMERGENCY")


def _pattern(text: str) -> str:
    compile_pattern(text)
    return text


Id = Annotated[str, Field(pattern=f"^{SYSTEM_ID}$")]
RuleId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,79}$")]
CategoryCode = Annotated[str, Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$", max_length=80)]
ShortText = Annotated[str, Field(min_length=1, max_length=400)]
PatternText = Annotated[str, Field(min_length=1), AfterValidator(_pattern)]


class Strict(BaseModel):
    """Nothing is converted, nothing unknown passes, nothing changes after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Name(Strict):
    """What people read, in both languages."""

    en: ShortText
    zh: ShortText
