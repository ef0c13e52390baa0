"""Campaigns 专项行动 of a city: a batch of matters that has a limit of its own, by which its cases are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hub.errors import FatalError
from hub.policy.city import City, label_key
from hub.policy.models import Exit, Route, RouteWhen

_ATTRIBUTE = "campaign"
_CONDITION = f"attribute.{_ATTRIBUTE}="


def campaigns_of(city: City) -> Mapping[str, tuple[str, ...]]:
    """By name, the rows of deadlines.yaml that time them: those with the condition `attribute.campaign=NAME`, or with a declared
    one that asks for this campaign alone."""
    declared = {label_key(name): _asked(spec) for name, spec in city.conditions.items()}
    found: dict[str, tuple[str, ...]] = {}
    for rule in city.deadlines:
        for condition in rule.when.condition or ():
            names = declared.get(label_key(condition), ())
            if condition.startswith(_CONDITION):
                names = (condition.removeprefix(_CONDITION),)
            if len(names) == 1:
                found[names[0]] = (*found.get(names[0], ()), rule.id)
    return found


def rows_of_campaign(city: City, name: str) -> tuple[str, ...]:
    """Raises FatalError for a campaign that the city has none of."""
    campaigns = campaigns_of(city)
    if name not in campaigns:
        there = f"it has {', '.join(campaigns)}" if campaigns else f"no row of deadlines.yaml has `{_CONDITION}NAME`"
        raise FatalError(f"the city has no campaign {name!r}; {there}")
    return campaigns[name]


def untimed_campaigns(city: City) -> list[str]:
    """One sentence for each campaign that the policy names and no row times: no mistake, but nobody can ask for its cases."""
    timed = {label_key(name) for name in campaigns_of(city)}
    untimed: dict[str, str] = {}
    for name, where in _named(city):
        if label_key(name) not in timed:
            untimed.setdefault(name, where)
    return [
        f"{where} names the campaign {name!r} 专项, but no row of deadlines.yaml that is in force times it, so lists cannot be "
        f"asked for its cases; give one the condition `{_CONDITION}{name}`"
        for name, where in untimed.items()
    ]


def _named(city: City) -> Iterator[tuple[str, str]]:
    """Every campaign that is named, with where."""
    ladder: tuple[Route | Exit, ...] = (*city.exits, *city.routes, *city.fallback)
    for row in ladder:
        for name in _asked(row.when):
            yield name, f"routes.yaml, row {row.id!r},"
    for condition, spec in city.conditions.items():
        for name in _asked(spec):
            yield name, f"deadlines.yaml, condition {condition!r},"
    for example in city.examples:
        if _ATTRIBUTE in example.event.attributes:
            yield example.event.attributes[_ATTRIBUTE], f"examples.yaml, {example.name!r},"


def _asked(when: RouteWhen) -> tuple[str, ...]:
    return (when.attribute or {}).get(_ATTRIBUTE, ())
