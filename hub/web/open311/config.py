"""open311.yaml: what a city offers by Open311, and what of a report it shows. Without the file: every category, no questions,
and nothing of what people wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from hub.declared.document import load_yaml
from hub.errors import FatalError
from hub.policy import City
from hub.policy.models.base import ShortText, Strict

_NAME = r"^[A-Za-z0-9_.-]{1,100}$"
CodeName = Annotated[str, Field(pattern=_NAME)]
DATATYPES = ("string", "number", "datetime", "text", "singlevaluelist", "multivaluelist")


Shown = Literal["description", "address", "media"]
"""What people wrote and where exactly, which may tell of a person."""


class AttributeQuestion(Strict):
    """An attribute of a service definition. `values`: key to name, of a list. What has no `variable` is only shown."""

    code: CodeName
    description: ShortText
    datatype: str = Field("string", pattern=f"^({'|'.join(DATATYPES)})$")
    required: bool = False
    variable: bool = True
    datatype_description: str = ""
    values: dict[CodeName, ShortText] = Field(default_factory=dict, max_length=200)

    @model_validator(mode="after")
    def _lists_have_values(self) -> AttributeQuestion:
        if self.is_list != bool(self.values):
            raise ValueError("values belong to a singlevaluelist or multivaluelist, and each of these has some")
        return self

    @property
    def is_list(self) -> bool:
        return self.datatype.endswith("valuelist")


class Offer(Strict):
    """A service: a category of the city's, with what is asked about it."""

    description: str = ""
    keywords: tuple[ShortText, ...] = ()
    group: str = ""
    attributes: tuple[AttributeQuestion, ...] = Field((), max_length=100)


class Open311File(Strict):
    """open311.yaml"""

    jurisdictions: tuple[CodeName, ...] = Field((), max_length=100)
    """Their ids; callers must name one where there are several. None: the city's id."""
    contact: str = ""
    key_service: str = ""
    publish: tuple[Shown, ...] = ()
    """What anybody may read of a report, beside its place on the map."""
    services: dict[str, Offer] = Field(default_factory=dict)
    """By category. None: all of the city's."""


def load_open311(path: Path | None, city: City) -> Open311File:
    """Raises FatalError for a file that cannot be used, or that offers what is no category of the city's."""
    found = Open311File() if path is None else load_yaml(path, Open311File)
    if strangers := sorted(set(found.services) - set(city.categories)):
        raise FatalError(f"{path}: services: {strangers[0]!r} is no category of {city.id}; see its taxonomy.yaml")
    offers = found.services or {code: Offer() for code in city.categories}
    return found.model_copy(update={"services": offers, "jurisdictions": found.jurisdictions or (city.id,)})
