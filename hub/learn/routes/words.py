"""Finds the words in titles that tell queues apart, as rows can ask for them: a keyword that the report's text holds or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hub.learn.routes.columns import NONE, Column, ColumnCodes
from hub.policy.city import fold

KEYWORDS = "keywords"
_LONGEST_PHRASE = 3
_LEAST_REPORTS = 4
_MOST_COMMON = 0.75
"""Share of the reports: a phrase that more of them hold says nothing."""
_MOST_CANDIDATES = 600
_MOST_KEYWORDS = 14
_LEAST_GAIN = 3.0
_PRIOR = 2.0


class Texts:
    """The texts of a history, folded as rows compare them."""

    def __init__(self, titles: Sequence[str | None], texts: Sequence[str | None], labels: Sequence[str | None]) -> None:
        number: dict[tuple[str | None, str | None, str | None], int] = {}
        keys = list(zip(titles, texts, labels, strict=True))
        self._of = np.fromiter((number.setdefault(key, len(number)) for key in keys), np.int64, len(keys))
        self._folded = ["\n".join(fold(text) for text in key if text) for key in number]
        self._titles = [fold(key[0] or "") for key in number]
        self._labels = [fold(key[2] or "") for key in number]

    def column(
        self, rows: npt.NDArray[np.int64], label: npt.NDArray[np.int64], weight: npt.NDArray[np.float64]
    ) -> PhraseColumn | None:
        """The best few phrases for these reports, the most telling first, or None. `label` and `weight` by report."""
        texts, of = np.unique(self._of[rows], return_inverse=True)
        phrases = self._phrases(texts, np.bincount(of))
        if not phrases:
            return None
        holds = np.array([[phrase in self._folded[text] for phrase in phrases] for text in texts.tolist()])
        used, label = np.unique(label[rows], return_inverse=True)
        counts = np.zeros((len(texts), len(used)))
        np.add.at(counts, (of, label), weight[rows])
        chosen = _most_telling(holds, counts)
        if not chosen:
            return None
        names = tuple(phrases[at] for at in chosen)
        return PhraseColumn(KEYWORDS, KEYWORDS, self.find([(name,) for name in names]), ("", *names), texts=self)

    def find(self, groups: Sequence[Sequence[str]]) -> ColumnCodes:
        """For each report the number of the first group of which it holds a phrase, counted from 1; NONE if none."""
        codes = np.full(len(self._folded), NONE, np.int32)
        for number, phrases in reversed(list(enumerate(groups, start=1))):
            codes[[any(phrase in text for phrase in phrases) for text in self._folded]] = number
        return np.asarray(codes[self._of])

    def _phrases(self, texts: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> list[str]:
        """Words, phrases and whole titles often enough in these reports, and not in their label anyway."""
        held: Counter[str] = Counter()
        for text, count in zip(texts.tolist(), counts.tolist(), strict=True):
            title, label = self._titles[text], self._labels[text]
            if title != label:
                held.update(dict.fromkeys((one for one in _phrases_of(title) if one not in label), count))
        most = _MOST_COMMON * float(counts.sum())
        return [
            phrase
            for phrase, count in sorted(held.items(), key=lambda item: (-item[1], len(item[0]), item[0]))
            if _LEAST_REPORTS <= count <= most
        ][:_MOST_CANDIDATES]


@dataclass(frozen=True)
class PhraseColumn(Column):
    """A column whose values are phrases: a report's is the first of them that it holds."""

    texts: Texts | None = None
    groups: tuple[tuple[str, ...], ...] = ()
    """Where values stand for several phrases: those of each, from the first value on."""

    def regrouped(self, groups: Sequence[Sequence[int]]) -> PhraseColumn:
        """A value for each group of values, in this order: as rows are tried, one after the other."""
        assert self.texts is not None
        phrases = tuple(tuple(self.values[value] for value in group) for group in groups)
        names = ("", *(" / ".join(group) for group in phrases))
        return PhraseColumn(self.kind, self.name, self.texts.find(phrases), names, texts=self.texts, groups=phrases)


@lru_cache(maxsize=50_000)
def _phrases_of(title: str) -> frozenset[str]:
    words = title.split()
    found = {title} if len(words) <= 12 else set()
    for length in range(1, _LONGEST_PHRASE + 1):
        found.update(" ".join(words[at : at + length]) for at in range(len(words) - length + 1))
    return frozenset(phrase for phrase in found if len(phrase) > 2 and not phrase.isdecimal())


def _most_telling(holds: npt.NDArray[np.bool_], counts: npt.NDArray[np.float64]) -> list[int]:
    """Greedily the phrases after which most more reports are decided right; each text is taken by the first that it holds."""
    left = np.ones(len(holds), np.bool_)
    total = counts.sum(axis=0)
    share = total / total.sum()
    chosen: list[int] = []
    default = int(total.argmax())
    while len(chosen) < _MOST_KEYWORDS:
        inside = (holds & left[:, None]).astype(np.float64).T @ counts
        reports = inside.sum(axis=1)
        decided = (inside + _PRIOR * share).argmax(axis=1)
        right = inside[np.arange(len(inside)), decided] - inside[:, default]
        # one report less than is counted: what a phrase gains on the reports it was chosen by flatters it
        gain = np.where((decided != default) & (reports > 0), right - 1.0, -np.inf)
        best = int(gain.argmax())
        if gain[best] < _LEAST_GAIN:
            break
        chosen.append(best)
        left &= ~holds[:, best]
    return chosen
