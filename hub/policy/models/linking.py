"""linking.yaml: when two reports are one incident (同一事件)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from hub.policy.models.base import Id, RuleId, ShortText, Strict

AfterClose = Literal["anew", "link", "reopen"]


class TextRule(Strict):
    """When what two reports say is enough by itself, wherever they are and whatever their category (文本相同或相近)."""

    similarity: float = Field(0.8, ge=0.5, le=1)
    """Least share of three-character pieces in common, as estimated by MinHash. Equal texts have 1."""
    min_chars: int = Field(8, ge=4, le=1000)
    """Shorter texts, without blanks and punctuation, say too little to be compared."""
    window_hours: float | None = Field(None, gt=0, le=24 * 366)
    """Farthest apart in time, if not the row's."""


class LinkRule(Strict):
    """How two reports must agree to be one incident. The first row for their families counts.

    `family`: reports of one of these with another of the same; without it, and without `between`: all families left.
    `between`: reports of the one family with those of the other. A row that asks for nothing (radius 0, no `same`, no
    `text`) says that its families are never linked.
    """

    id: RuleId
    family: tuple[Id, ...] | None = Field(None, min_length=1)
    between: tuple[Id, Id] | None = None
    radius_m: float = Field(ge=0, le=20_000)
    """Farthest apart. 0: being near does not count."""
    window_hours: float = Field(gt=0, le=24 * 366)
    """Farthest apart in time, between a report and any report of the incident."""
    min_score: float = Field(0.0, ge=0, lt=1)
    """A score is nearness in place (1 where a key of `same` is equal; of text, the similarity) times nearness in time."""
    same: tuple[ShortText, ...] = ()
    """What counts as the same place where it is equal: `address`, or the name of an attribute that names a facility (部件编码)."""
    text: TextRule | None = None
    after_close: AfterClose = "anew"
    """A report made after its incident was closed: a new case, a link that changes nothing, or the case again (重新办理)."""
    after_close_days: float = Field(0, ge=0, le=366)
    """For how long after the closing, unless `anew`."""

    @model_validator(mode="after")
    def _consistent(self) -> LinkRule:
        if self.between is not None and self.family is not None:
            raise ValueError("a row has `family` or `between`, not both; write two rows")
        if self.between is not None and self.between[0] == self.between[1]:
            raise ValueError("`between` names two different families; for one write `family`")
        if (self.after_close == "anew") != (self.after_close_days == 0):
            raise ValueError("`after_close: link` and `reopen` need `after_close_days`, `anew` has none")
        return self

    @property
    def never(self) -> bool:
        """Whether the row only says that its families are not linked."""
        return self.radius_m == 0 and not self.same and self.text is None


class LinkingFile(Strict):
    """linking.yaml"""

    linking: tuple[LinkRule, ...] = ()
