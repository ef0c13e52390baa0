"""privacy.yaml: who needs what of a report, and how long each topic keeps its records. The file may be left out."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from hub.model.personal import Personal
from hub.policy.models.base import Id, Name, Strict
from hub.topics import RETAINED

Need = Literal["reference", "words", "place", "files", "attributes"]
"""A kind of what may be personal (hub/model/personal.py)."""
WITHHOLDABLE = frozenset(map(Personal, ("reference", "words", "place", "files", "attributes")))
EVERYTHING = "handling"
"""The purpose of whom no other is declared for: works on the case, or answers who reported it, and needs all of it."""
DaysKept = Annotated[float, Field(ge=1, le=36_500)]


class Purpose(Strict):
    """What somebody takes part for, and what of a report is needed for that. All else is withheld."""

    name: Name
    needs: tuple[Need, ...]

    @property
    def withheld(self) -> frozenset[Personal]:
        """The kinds that it does not need."""
        return WITHHOLDABLE - frozenset(map(Personal, self.needs))


class PrivacyFile(Strict):
    """privacy.yaml"""

    purposes: dict[Id, Purpose] = Field(default_factory=dict)
    """By id. `handling` is always there, and needs everything."""
    sources: dict[Id, Id] = Field(default_factory=dict)
    """The purpose for which a source is answered: without `words` a reply says what became of it, and not what was written."""
    retention: dict[str, DaysKept] = Field(default_factory=dict)
    """Days by topic (`hub.cases`) or kind of topic (`dept.*.orders`); a topic's own name comes before its kind. Of a compacted
    topic: within so many days what was replaced is gone."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if EVERYTHING in self.purposes:
            raise ValueError(f"the purpose {EVERYTHING!r} needs everything and cannot be declared; use another id")
        for name in self.retention:
            if not any(pattern.fullmatch(name) for pattern in RETAINED.values()):
                raise ValueError(f"retention.{name}: no topic whose age a city sets; known are {', '.join(RETAINED)}")
        return self
