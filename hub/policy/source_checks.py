"""Sources and departments that a policy names: where each stands, so that it can be asked whether there is one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from hub.bounds import SYSTEM_ID
from hub.declared.document import Location
from hub.policy.city import City
from hub.policy.models import ConditionSpec, DeadlineRule, Exit, Route
from hub.policy.parts import Parts

NamedPlace = tuple[str, Location, str]
"""File, place in it, and the name that stands there."""
_TOPIC = re.compile(rf"(city|dept)\.({SYSTEM_ID})\.[a-z]+")


class RuleRows(Protocol):
    """What has the rows and conditions of a policy: its parts, and the city made of them."""

    @property
    def exits(self) -> Sequence[Exit]: ...
    @property
    def routes(self) -> Sequence[Route]: ...
    @property
    def fallback(self) -> Sequence[Route]: ...
    @property
    def deadlines(self) -> Sequence[DeadlineRule]: ...
    @property
    def conditions(self) -> Mapping[str, ConditionSpec]: ...


def _asked_for(rules: RuleRows) -> Iterator[tuple[NamedPlace, str]]:
    """Every source that a row or condition asks for, with what people call that row."""
    ladders: tuple[tuple[str, Sequence[Route | Exit]], ...] = (
        ("exits", rules.exits), ("routes", rules.routes), ("fallback", rules.fallback)
    )  # fmt: skip
    rows: list[tuple[str, Location, str, Sequence[str] | None]] = [
        ("routes.yaml", (part, index, "when", "source"), f"row {row.id!r}", row.when.source)
        for part, ladder in ladders
        for index, row in enumerate(ladder)
    ]
    rows += [
        ("deadlines.yaml", ("deadlines", index, "when", "source"), f"row {rule.id!r}", rule.when.source)
        for index, rule in enumerate(rules.deadlines)
    ]
    rows += [
        ("deadlines.yaml", ("conditions", name, "source"), f"condition {name!r}", spec.source)
        for name, spec in rules.conditions.items()
    ]
    for file, where, called, sources in rows:
        for position, source in enumerate(sources or ()):
            yield (file, (*where, position), source), called


def sources_named(parts: Parts) -> Iterator[NamedPlace]:
    """Every source that a row, a condition, an example, a purpose, a table of codes or a topic's retention names."""
    yield from (place for place, _ in _asked_for(parts))
    for index, example in enumerate(parts.examples):
        yield "examples.yaml", ("examples", index, "event", "source"), example.event.source
    for source in parts.privacy.sources:
        yield "privacy.yaml", ("sources", source), source
    for source in parts.divisions.spec.sources if parts.divisions is not None else ():
        yield "divisions.yaml", ("sources", source), source
    yield from _in_topics(parts, "city")


def strangers(city: City, reporting: Collection[str]) -> list[str]:
    """One sentence for each source that rows or conditions ask for and nobody here knows: no mistake if it reports from afar."""
    found: dict[str, str] = {}
    for (file, _, source), called in _asked_for(city):
        if source not in reporting and source not in city.file.sources:
            found.setdefault(source, f"{file}, {called},")
    return [
        f"{where} asks for the source {source!r} 来源, which has no connector here; if it publishes by itself, list it under "
        "`sources` in city.yaml"
        for source, where in found.items()
    ]


def departments_named(parts: Parts) -> Iterator[NamedPlace]:
    """Every department that supervises, or of whose topics the retention is said."""
    for position, department in enumerate(parts.city.life.supervisors):
        yield "city.yaml", ("life", "supervisors", position), department
    yield from _in_topics(parts, "dept")


def _in_topics(parts: Parts, whose: str) -> Iterator[NamedPlace]:
    for topic in parts.privacy.retention:
        found = _TOPIC.fullmatch(topic)
        if found is not None and found[1] == whose:
            yield "privacy.yaml", ("retention", topic), found[2]
