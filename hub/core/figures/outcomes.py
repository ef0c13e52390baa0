"""How matters came out (办理结果), by the codes of the city's own list: of how many cases each was the last word, and what the
callers said of it who were called back. Counts of cases, never of persons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hub.core.figures.rates import ALL, CountedUpdate, Given, Group, Period, by_department, holder_at, last_said
from hub.model.update import UpdateStep


@dataclass
class OutcomeCounts:
    """Of one outcome, group and period."""

    cases: int = 0
    callbacks: int = 0
    satisfied: int = 0

    @property
    def satisfaction_rate(self) -> float | None:
        """Success 成效: callbacks that say satisfied, among those of cases that came out so."""
        return self.satisfied / self.callbacks if self.callbacks else None


OutcomeTable = dict[tuple[str, str, str], OutcomeCounts]
"""By group, period and code."""


def outcome_table(
    given: Iterable[Given], updates: Sequence[CountedUpdate], period: Period, group: Group = by_department
) -> OutcomeTable:
    """By every group and period in which an outcome was said, and of ALL together; a callback counts where its case's outcome does.
    Each input in the order of its topic."""
    found: OutcomeTable = {}
    held: dict[str, list[Given]] = {}
    for each in given:
        held.setdefault(each.case_id, []).append(each)
    callbacks, outcomes = last_said(held, updates)
    for case_id, one in outcomes.items():
        if one.outcome is None:
            continue
        asked = callbacks.get(case_id)
        for who in (group(case_id, holder_at(held, one)), ALL):
            counts = found.setdefault((who, period(one.at_ms), one.outcome), OutcomeCounts())
            counts.cases += 1
            counts.callbacks += asked is not None
            counts.satisfied += asked is not None and asked.status == UpdateStep.SATISFIED
    return found
