"""How many open cases a change of the rules touches: whose clocks the new rules would reckon otherwise. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from hub.core.cases.cases import Case
from hub.core.cases.timing import course_of
from hub.core.deadlines.decision import Clocks, decide, settled
from hub.core.deadlines.rules import DeadlineRules
from hub.core.deadlines.versions import RuleVersions

_AT_ONCE = 5_000
"""Cases; agents go on deciding in between."""
_Clock = tuple[str, str, int]


class Touched(NamedTuple):
    """Open cases by what a change of the rules means for them."""

    kept: int = 0
    """They go on by the rules of their opening, and would be timed otherwise by the new ones."""
    moved: int = 0
    """They have provisional due times, which are reckoned anew by the holidays that are known now."""


def touched(rules: RuleVersions, before: DeadlineRules, cases: Sequence[Case]) -> Touched:
    """`rules`: with the new ones as the latest, which came after `before`."""
    kept = moved = 0
    for begin in range(0, len(cases), _AT_ONCE):
        some = cases[begin : begin + _AT_ONCE]
        for of_these, mine in rules.parted(some):
            counts = _compared(of_these, before, rules.latest, [some[index] for index in mine])
            kept, moved = kept + counts.kept, moved + counts.moved
    return Touched(kept, moved)


def _compared(own: DeadlineRules, before: DeadlineRules, latest: DeadlineRules, cases: Sequence[Case]) -> Touched:
    given = decide(own, cases, course_of)
    was, now = _by_case(settled(given, before)), _by_case(settled(given, latest))
    new = now if own is latest else _by_case(decide(latest, cases, course_of))
    moves = [at for at in range(len(cases)) if was[at] != now[at]]
    kept = sum(now[at] != new[at] for at in range(len(cases)))
    return Touched(kept - sum(now[at] != new[at] for at in moves), len(moves))


def _by_case(clocks: Clocks) -> dict[int, set[_Clock]]:
    found: dict[int, set[_Clock]] = defaultdict(set)
    columns = (clocks.case.tolist(), clocks.clock.to_pylist(), clocks.policy.to_pylist(), clocks.due_ms.tolist())
    for case, *clock in zip(*columns, strict=True):
        found[case].add(tuple(clock))
    return found
