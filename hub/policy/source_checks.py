"""Sources and departments that a policy names: where each stands, so that it can be asked whether there is one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from hub.bounds import SYSTEM_ID
from hub.declared.document import Location
from hub.policy.city import City
from hub.policy.models import Exit, Route
from hub.policy.parts import Parts

NamedPlace = tuple[str, Location, str]
"""File, place in it, and the name that stands there."""
_TOPIC = re.compile(rf"(city|dept)\.({SYSTEM_ID})\.[a-z]+")


def sources_named(parts: Parts) -> Iterator[NamedPlace]:
    """Every source that a row, a condition, an example, a purpose, a table of codes or a topic's retention names."""
    rows = [("routes.yaml", where, row.when.source) for where, row in parts.ladder()]
    rows += [("deadlines.yaml", ("deadlines", index), rule.when.source) for index, rule in enumerate(parts.deadlines)]
    for file, where, sources in rows:
        for position, source in enumerate(sources or ()):
            yield file, (*where, "when", "source", position), source
    for name, spec in parts.conditions.items():
        for position, source in enumerate(spec.source or ()):
            yield "deadlines.yaml", ("conditions", name, "source", position), source
    for index, example in enumerate(parts.examples):
        yield "examples.yaml", ("examples", index, "event", "source"), example.event.source
    for source in parts.privacy.sources:
        yield "privacy.yaml", ("sources", source), source
    for source in parts.divisions.spec.sources if parts.divisions is not None else ():
        yield "divisions.yaml", ("sources", source), source
    yield from _in_topics(parts, "city")


def strangers(city: City, reporting: Collection[str]) -> list[str]:
    """One sentence for each source that rows or conditions ask for and nobody here knows: no mistake if it reports from afar."""
    ladder: tuple[Route | Exit, ...] = (*city.exits, *city.routes, *city.fallback)
    asked = [(f"routes.yaml, row {row.id!r},", row.when.source) for row in ladder]
    asked += [(f"deadlines.yaml, row {rule.id!r},", rule.when.source) for rule in city.deadlines]
    asked += [(f"deadlines.yaml, condition {name!r},", spec.source) for name, spec in city.conditions.items()]
    found: dict[str, str] = {}
    for where, sources in asked:
        for source in sources or ():
            if source not in reporting and source not in city.file.sources:
                found.setdefault(source, where)
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
