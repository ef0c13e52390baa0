"""What little-seen categories may borrow: how clocks count in categories of a similar name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from math import log

from hub.learn.durations.shapes import Shape

_WORD = re.compile(r"[^\W\d_]+")
_CJK = re.compile(r"[\u3400-\u9fff]")


def words_of(name: str) -> frozenset[str]:
    """Words of a name or code; of Chinese, pairs of characters."""
    found: set[str] = set()
    for word in _WORD.findall(name.casefold()):
        if _CJK.search(word) and len(word) > 2:
            found.update(word[at : at + 2] for at in range(len(word) - 1))
        else:
            found.add(word)
    return frozenset(found)


class Likeness:
    """How like other categories' names are: the share of their words that two have in common, rare words counting more."""

    def __init__(self, names: Sequence[str]) -> None:
        self._words = {name: words_of(name) for name in names}
        often = Counter(word for words in self._words.values() for word in words)
        self._weight = {word: log(1 + len(names) / count) for word, count in often.items()}

    def between(self, category: str, other: str) -> float:
        """0 (no word in common) to 1."""
        mine, theirs = self._words[category], self._words[other]
        every = sum(self._weight[word] for word in mine | theirs)
        return sum(self._weight[word] for word in mine & theirs) / every if every else 0.0

    def shapes_near(self, name: str, shapes: Mapping[str, Shape]) -> dict[Shape, float]:
        """How usual each shape is among categories of a similar name, 0 to 1; empty where no other is alike."""
        near: dict[Shape, float] = {}
        for other, shape in shapes.items():
            if other != name:
                near[shape] = near.get(shape, 0.0) + self.between(name, other)
        total = sum(near.values())
        return {shape: weight / total for shape, weight in near.items()} if total > 0 else {}
