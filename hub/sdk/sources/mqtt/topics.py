"""Filters of MQTT topics whose levels have names: `city/{district}/alarm/{device}`. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

_MOST_CHARS = 1000
_NAME = re.compile(r"\{([a-z][a-z0-9_]{0,39})\}")


class TopicFilter(NamedTuple):
    """`text` as it was declared. `levels`: each as the broker reads it, by name where it has one."""

    text: str
    levels: tuple[str, ...]
    names: tuple[str | None, ...]

    @property
    def wire(self) -> str:
        """As the broker is asked."""
        return "/".join(self.levels)

    def fields(self, topic: str) -> dict[str, str] | None:
        """The named levels of a topic; None if the filter does not let it through."""
        given = topic.split("/")
        if topic.startswith("$") and self.levels[0] in ("+", "#"):
            return None
        if self.levels[-1] == "#":
            if len(given) < len(self.levels) - 1:
                return None
        elif len(given) != len(self.levels):
            return None
        pairs = list(zip(self.levels, self.names, given, strict=False))
        if any(level not in ("+", "#", text) for level, _, text in pairs):
            return None
        return {name: text for _, name, text in pairs if name is not None}

    def overlaps(self, other: TopicFilter) -> bool:
        """True if some topic goes through both."""
        for mine, its in zip(self.levels, other.levels, strict=False):
            if "#" in (mine, its):
                return True
            if "+" not in (mine, its) and mine != its:
                return False
        longer, shorter = sorted((self.levels, other.levels), key=len, reverse=True)
        return len(longer) == len(shorter) or longer[len(shorter) :] == ("#",)


def topic_filter(text: str) -> TopicFilter:
    """Raises ValueError, which says how to write one."""
    if not text or len(text) > _MOST_CHARS or "\0" in text:
        raise ValueError(
            "write a topic like city/{district}/alarm/{device}: {name} or + for one level, # for all behind"
        )
    if text.startswith("$share/"):
        raise ValueError("a shared subscription gives each message to one of many: run one edge without $share/")
    levels, names = [], []
    parts = text.split("/")
    for index, part in enumerate(parts):
        found = _NAME.fullmatch(part)
        if found is None and (set(part) & set("{}") or (part not in ("+", "#") and set(part) & set("+#"))):
            raise ValueError(f"level {index + 1}: a name, + or # is a whole level, and names are like {{device_id}}")
        if part == "#" and index != len(parts) - 1:
            raise ValueError("# is the last level")
        levels.append("+" if found else part)
        names.append(found[1] if found else None)
    named = [name for name in names if name]
    if len(set(named)) != len(named):
        raise ValueError("two levels have one name")
    return TopicFilter(text, tuple(levels), tuple(names))
