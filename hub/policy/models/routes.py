"""routes.yaml: who is responsible, and the conditions that rows of every table share."""

from __future__ import annotations

from pydantic import Field

from hub.policy.models.base import Code, Id, RuleId, Strict, Text, Urgency


class When(Strict):
    """Conditions; all that are given must hold, each by one of its values."""

    source: tuple[Id, ...] | None = Field(None, min_length=1)
    category: tuple[Code, ...] | None = Field(None, min_length=1)
    family: tuple[Id, ...] | None = Field(None, min_length=1)
    area: tuple[Text, ...] | None = Field(None, min_length=1)
    urgency: tuple[Urgency, ...] | None = Field(None, min_length=1)


class Route(Strict):
    """Who is responsible. The first row that matches decides."""

    id: RuleId
    when: When = When()
    department: Id
    priority: int | None = Field(None, ge=1, le=5)


class RoutesFile(Strict):
    """routes.yaml"""

    routes: tuple[Route, ...] = Field(min_length=1)
