"""What the city calls what was said of a report, for those who made it."""

from __future__ import annotations

from hub.core.tracking.lifecycle import EVENT_RULES
from hub.policy import City


def said_name(status: str, city: City) -> str:
    """Of the status of a reply: a step of everybody's, or one of the city's own (steps.yaml)."""
    rule, own = EVENT_RULES.get(status.lower()), city.steps.get(status.lower())
    return rule.name if rule else f"{own.name.en} {own.name.zh}" if own else status.lower()
