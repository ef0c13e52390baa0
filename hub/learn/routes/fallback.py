"""Rows for categories nobody knows: a word that leads to one department in almost every category that has it.

New kinds of reports come up every year, named after old ones ("... repair", "... request"). Judged by the categories known: each
is decided by the words of all others.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from hub.learn.departments import DepartmentIds
from hub.learn.history import History
from hub.learn.rows import Drafted
from hub.policy.city import fold
from hub.policy.models import Route, RouteWhen

_LEAST_CATEGORIES = 3
_LEAST_SHARE = 0.75
_LONGEST_PHRASE = 2
_LEAST_LENGTH = 3

Shares = Mapping[str, float]


def fallback_rows(history: History, ids: DepartmentIds) -> list[Drafted]:
    """At most one row a department, the surest first; none where words do not tell."""
    by_label = _by_label(history)
    chosen: dict[str, list[str]] = defaultdict(list)
    behind: dict[str, list[float]] = defaultdict(list)
    for word, labels in _words(by_label).items():
        department, share, right = _verdict([by_label[label] for label in labels])
        if len(labels) >= _LEAST_CATEGORIES and share >= _LEAST_SHARE and right >= _LEAST_SHARE:
            chosen[department].append(word)
            behind[department].append(share)
    surest = sorted(chosen, key=lambda department: (-sum(behind[department]) / len(behind[department]), department))
    return [
        _row(ids.of(department), chosen[department], sum(behind[department]) / len(behind[department]))
        for department in surest
    ]


def _row(department: str, words: list[str], share: float) -> Drafted:
    row = Route(id=f"new.{department}", when=RouteWhen(keywords=tuple(_shortest(words))), department=department)
    return Drafted(row, note=f"for categories not known yet; {share:.0%} of the known ones with one of the words")


def _by_label(history: History) -> dict[str, Shares]:
    """For each category's own words, how its reports were shared between departments."""
    tally: dict[str, Counter[str]] = defaultdict(Counter)
    for label, department in zip(history.label.to_pylist(), history.department.to_pylist(), strict=True):
        if label and department:
            tally[fold(label)][department] += 1
    return {
        label: {department: count / counts.total() for department, count in counts.items()}
        for label, counts in tally.items()
    }


def _words(by_label: Mapping[str, Shares]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for label in by_label:
        words = label.split()
        phrases = {
            " ".join(words[at : at + length])
            for length in range(1, _LONGEST_PHRASE + 1)
            for at in range(len(words) - length + 1)
        }
        for phrase in sorted(phrases):
            if len(phrase) >= _LEAST_LENGTH and any(letter.isalpha() for letter in phrase):
                found[phrase].append(label)
    # a keyword is found within words too: count it wherever a row would find it
    return {phrase: [label for label in by_label if phrase in label] for phrase in found}


def _verdict(shares: list[Shares]) -> tuple[str, float, float]:
    """The department most of these categories go to, its mean share, and the share of categories that the others foretell."""
    total: Counter[str] = Counter()
    for one in shares:
        total.update(one)
    department = max(total, key=lambda name: (total[name], name))
    right = 0
    for one in shares:
        rest = {name: total[name] - one.get(name, 0.0) for name in total}
        foretold = max(rest, key=lambda name: (rest[name], name))
        right += foretold == max(one, key=lambda name: (one[name], name))
    return department, total[department] / len(shares), right / len(shares)


def _shortest(words: list[str]) -> list[str]:
    """Without those that hold another of them, which is found wherever they are."""
    return sorted(word for word in words if not any(other != word and other in word for other in words))
