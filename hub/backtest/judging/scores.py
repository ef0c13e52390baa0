"""Judges decisions by what a city itself decided: due times, breaches, queue, department."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.backtest.decided import Decided
from hub.backtest.judging.duplicates import DuplicateScore, score_duplicates
from hub.backtest.judging.names import DepartmentNames, same_queue
from hub.backtest.judging.truth import TruthRow, TruthTable
from hub.millis import MINUTE_MS
from hub.policy.city import City

_NONE = TruthRow()


@dataclass
class RightShare:
    """How many of the judged were right."""

    judged: int = 0
    right: int = 0

    def count(self, right: bool) -> None:
        self.judged += 1
        self.right += right

    @property
    def share(self) -> float | None:
        """Null where nothing could be judged."""
        return self.right / self.judged if self.judged else None

    def as_dict(self) -> dict[str, Any]:
        return {"judged": self.judged, "right": self.right, "share": self.share}


@dataclass
class Scores:
    """Of the reports made in a period. Shares that the truth does not tell have `judged` 0."""

    reports: int = 0
    due: RightShare = field(default_factory=RightShare)
    """Due times equal to the city's own within a minute, of reports that have one."""
    breach: RightShare = field(default_factory=RightShare)
    """Breached or not by the hub's due time, as the city says, of reports that have a due time of the city's."""
    breach_source: RightShare = field(default_factory=RightShare)
    """The same by the city's due time: how well clocks and closings are kept, whatever the policy."""
    breach_all: RightShare = field(default_factory=RightShare)
    """As `breach`, of all reports of which the city says whether they were late, due time or not."""
    department: RightShare = field(default_factory=RightShare)
    queue: RightShare = field(default_factory=RightShare)
    department_held: RightShare = field(default_factory=RightShare)
    """Of the case that a report was linked to: lower than `department` by what links across departments cost."""
    queue_held: RightShare = field(default_factory=RightShare)
    duplicates: DuplicateScore | None = None

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        names = ("due", "breach", "breach_source", "breach_all", "department", "queue", "department_held", "queue_held")
        found: dict[str, Any] = {"reports": self.reports}
        found |= {name: getattr(self, name).as_dict() for name in names}
        return found | {"duplicates": self.duplicates.as_dict() if self.duplicates else None}


def score(
    city: City,
    decisions: Sequence[Decided],
    truth: TruthTable,
    now_ms: int,
    *,
    from_ms: int | None = None,
    until_ms: int | None = None,
) -> Scores:
    """Judge the reports made from `from_ms` on and before `until_ms`, having run all. Open cases are judged at the truth's
    snapshot or, without one, at `now_ms`. A report without a row in the truth is not judged."""
    scores, departments = Scores(), DepartmentNames(city)
    at_ms = now_ms if truth.snapshot_ms is None else truth.snapshot_ms
    chosen = list(_within(decisions, from_ms, until_ms))
    for each in chosen:
        scores.reports += 1
        said = truth.rows.get(each.report.ref, _NONE)
        _score_clock(scores, each, said, at_ms)
        if said.department:
            scores.department.count(departments.same(each.department, said.department))
            scores.department_held.count(departments.same(each.held_by, said.department))
        if said.queue:
            scores.queue.count(same_queue(each.queue, said.queue))
            scores.queue_held.count(same_queue(each.held_queue, said.queue))
    # another vocabulary altogether is no mistake: there is nothing to compare
    if not scores.department.right:
        scores.department, scores.department_held = RightShare(), RightShare()
    if not any(each.queue for each in decisions):
        scores.queue, scores.queue_held = RightShare(), RightShare()
    scores.duplicates = score_duplicates(decisions, chosen, truth)
    return scores


def _within(decisions: Iterable[Decided], from_ms: int | None, until_ms: int | None) -> Iterable[Decided]:
    for each in decisions:
        at_ms = each.report.at_ms
        if (from_ms is None or at_ms >= from_ms) and (until_ms is None or at_ms < until_ms):
            yield each


def _score_clock(scores: Scores, decided: Decided, truth: TruthRow, at_ms: int) -> None:
    late = truth.overdue
    if truth.due_ms is not None:
        scores.due.count(decided.due_ms is not None and abs(decided.due_ms - truth.due_ms) <= MINUTE_MS)
        by_source = truth.due_ms < (at_ms if decided.ended_ms is None else decided.ended_ms)
        if late is None:
            late = truth.due_ms < (at_ms if truth.closed_ms is None else truth.closed_ms)
        scores.breach.count((decided.breached_ms is not None) == late)
        scores.breach_source.count(by_source == late)
    if late is not None:
        scores.breach_all.count((decided.breached_ms is not None) == late)
