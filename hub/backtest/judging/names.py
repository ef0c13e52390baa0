"""How a city's own words for departments and queues are compared with those of a policy."""

from __future__ import annotations

import re

from hub.policy.city import City, label_key

_NOT_WORD = re.compile(r"[^a-z0-9]+")


def slug(words: str, longest: int = 40) -> str:
    """Words as an identifier of a policy: lower case, "_" for the rest, a letter first; empty if nothing Latin is in them."""
    text = _NOT_WORD.sub("_", label_key(words)).strip("_")
    if text and not text[0].isalpha():
        text = f"x_{text}"
    return text[:longest].rstrip("_")


class DepartmentNames:
    """Which of a city's words mean which department: its id, or its name in either language."""

    def __init__(self, city: City) -> None:
        self._names = {
            each.id: {label_key(each.id), label_key(each.name.en), label_key(each.name.zh)}
            for each in city.departments.values()
        }

    def same(self, department: str, words: str) -> bool:
        """Whether the truth's words name this department."""
        return label_key(words) in self._names.get(department, ()) or slug(words) == department


def same_queue(queue: str | None, words: str) -> bool:
    """Whether the truth's words name this queue."""
    return queue is not None and label_key(queue) == label_key(words)
