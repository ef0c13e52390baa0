"""Campaigns 专项行动 of a city: a batch of matters that has a limit of its own, by which its cases are known."""

from __future__ import annotations

from collections.abc import Mapping

from hub.errors import FatalError
from hub.policy.city import City

_CONDITION = "attribute.campaign="


def campaigns_of(city: City) -> Mapping[str, tuple[str, ...]]:
    """By name, the rows of deadlines.yaml that time them: those with the condition `attribute.campaign=NAME`."""
    found: dict[str, tuple[str, ...]] = {}
    for rule in city.deadlines:
        for condition in rule.when.condition or ():
            if condition.startswith(_CONDITION):
                name = condition.removeprefix(_CONDITION)
                found[name] = (*found.get(name, ()), rule.id)
    return found


def rows_of_campaign(city: City, name: str) -> tuple[str, ...]:
    """Raises FatalError for a campaign that the city has none of."""
    campaigns = campaigns_of(city)
    if name not in campaigns:
        there = f"it has {', '.join(campaigns)}" if campaigns else f"no row of deadlines.yaml has `{_CONDITION}NAME`"
        raise FatalError(f"the city has no campaign {name!r}; {there}")
    return campaigns[name]
