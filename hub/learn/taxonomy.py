"""A draft taxonomy: every word a source uses for a category becomes one, coded so that people can still read it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from hub.backtest.judging.names import slug
from hub.policy.city import label_key
from hub.policy.models import Category, Name

UNCLASSIFIED = "unclassified"
_CODE = 40
"""A code also serves as family, whose ids are no longer than that."""


@dataclass(frozen=True)
class Coded:
    """A category and how many reports of the history are of it."""

    category: Category
    support: int


class LabelCodes:
    """The codes of all labels of a history. Labels that differ in case, width, blanks or punctuation only are one category."""

    def __init__(self, labels: Iterable[str]) -> None:
        self._counts = Counter(labels)
        self._words: dict[str, list[str]] = {}
        for label in sorted(self._counts, key=lambda each: (-self._counts[each], each)):
            self._words.setdefault(_key(label), []).append(label)
        self._codes: dict[str, str] = {}
        taken: set[str] = set()
        for key, labels_of in self._words.items():
            code = _code(labels_of[0], taken)
            taken.add(code)
            self._codes[key] = code

    def of(self, label: str) -> str:
        """The code of a label that was given."""
        return self._codes[_key(label)]

    def categories(self) -> list[Coded]:
        """The most frequent first; each is a family of its own, until a person knows better."""
        found = []
        for key, labels in self._words.items():
            code, name = self._codes[key], labels[0][:400] or UNCLASSIFIED
            aliases = tuple(label for label in labels if 0 < len(label) <= 400 and label_key(label) != label_key(code))
            category = Category(code=code, name=Name(en=name, zh=name), family=code, aliases=aliases)
            found.append(Coded(category, sum(self._counts[label] for label in labels)))
        return sorted(found, key=lambda each: (-each.support, each.category.code))


def _key(label: str) -> str:
    return slug(label, longest=400) if label.isascii() else label_key(label)


def _code(label: str, taken: set[str]) -> str:
    if not label.strip():
        wanted = UNCLASSIFIED
    elif label.isascii():
        wanted = slug(label, _CODE) or _digest(label)
    else:
        wanted = _digest(label)  # no library here writes Chinese in Latin letters; the name says what it is
    code, number = wanted, 2
    while code in taken:
        code = f"{wanted[: _CODE - 4].rstrip('_')}_{number}"
        number += 1
    return code


def _digest(label: str) -> str:
    return "c_" + hashlib.blake2b(label_key(label).encode(), digest_size=5).hexdigest()
