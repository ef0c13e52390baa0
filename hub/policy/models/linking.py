"""linking.yaml: when two reports are one incident."""

from __future__ import annotations

from pydantic import Field

from hub.policy.models.base import Id, RuleId, Strict


class LinkRule(Strict):
    """How near in place and time two reports of a family must be to be one incident. No `family`: all others."""

    id: RuleId
    family: tuple[Id, ...] | None = Field(None, min_length=1)
    radius_m: float = Field(gt=0, le=20_000)
    window_hours: float = Field(gt=0, le=24 * 366)
    min_score: float = Field(ge=0, lt=1)


class LinkingFile(Strict):
    """linking.yaml"""

    linking: tuple[LinkRule, ...] = ()
