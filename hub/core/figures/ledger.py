"""The holder ledger (持有台账): how long each department held a case. The spans sum to the time for which it was open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple


class Turn(NamedTuple):
    """From `at_ms` on the case is with `department`; None: it is over. UTC ms."""

    at_ms: int
    department: str | None


class HeldStretch(NamedTuple):
    """A department held a case from, to; to the instant of asking if it still does. UTC ms."""

    department: str
    from_ms: int
    to_ms: int

    @property
    def held_ms(self) -> int:
        return self.to_ms - self.from_ms


def ledger(opened_ms: int, turns: Iterable[Turn], until_ms: int) -> list[HeldStretch]:
    """Who held a case from its opening to `until_ms`. Turns count in their order; one that is said to be earlier than the turn
    before it, or than the opening, counts from there. Whoever is first holds the case from its opening."""
    found: list[HeldStretch] = []
    holder: str | None = None
    since_ms, first = opened_ms, True
    for turn in turns:
        at_ms = opened_ms if first else max(turn.at_ms, since_ms)
        first = False
        if at_ms > until_ms:
            break
        if turn.department != holder:
            _add(found, holder, since_ms, at_ms)
            holder, since_ms = turn.department, at_ms
    _add(found, holder, since_ms, max(until_ms, since_ms))
    return found


def totals(stretches: Iterable[HeldStretch]) -> Counter[str]:
    """Milliseconds by department."""
    found: Counter[str] = Counter()
    for each in stretches:
        found[each.department] += each.held_ms
    return found


def _add(stretches: list[HeldStretch], holder: str | None, from_ms: int, to_ms: int) -> None:
    if holder is None or to_ms <= from_ms:
        return
    if stretches and stretches[-1].department == holder and stretches[-1].to_ms == from_ms:
        stretches[-1] = stretches[-1]._replace(to_ms=to_ms)
    else:
        stretches.append(HeldStretch(holder, from_ms, to_ms))
