"""What one document takes away from those who hold to an earlier one. Pure.

Things are looked at, not their places: elements of a list are known by their name, reference or type. Words and examples,
how long a topic is kept and what may be personal in it are not part of what is compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_NOT_COMPARED = frozenset(
    {
        "description",
        "title",
        "summary",
        "doc",
        "examples",
        "info",
        "tags",
        "servers",
        "topicConfiguration",
        "partitions",
    }
)
_NAMES = ("name", "$ref", "type")


def removals(before: Any, after: Any) -> list[str]:
    """What stood in `before` and does not stand in `after`, or stands there as something else, by where it stood."""
    return list(_removed(before, after, ""))


def additions(before: Any, after: Any) -> list[str]:
    """What stands in `after` alone."""
    return [place for place in _removed(after, before, "") if " was " not in place]


def _removed(before: Any, after: Any, place: str) -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in before.keys() - _NOT_COMPARED:
            yield from _part(before[name], after, name, f"{place}/{name}".lstrip("/"))
    elif isinstance(before, list) and isinstance(after, list):
        others = {_known_as(part): part for part in after}
        for part in before:
            yield from _part(part, others, _known_as(part), f"{place}/{_known_as(part)}")
    elif before != after:
        yield f"{place} was {_shown(before)}, is {_shown(after)}"


def _part(before: Any, others: Mapping[str, Any], name: str, place: str) -> Iterator[str]:
    if name not in others:
        yield place
    else:
        yield from _removed(before, others[name], place)


def _known_as(part: Any) -> str:
    if isinstance(part, Mapping):
        named = next((part[name] for name in _NAMES if name in part), None)
        if isinstance(named, str):
            return named
    return part if isinstance(part, str) else json.dumps(part, sort_keys=True, ensure_ascii=False)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"a {_known_as(value)}"
    return (
        json.dumps(value, ensure_ascii=False)
        if not isinstance(value, list)
        else f"one of {', '.join(map(_known_as, value))}"
    )
