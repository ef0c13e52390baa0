"""What another policy would have decided differently about the same history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from hub.backtest.decided import Decided
from hub.millis import HOUR_MS, MINUTE_MS

MOVED, REQUEUED, LINK_GAINED, LINK_LOST, LINK_MOVED = "moved", "requeued", "link_gained", "link_lost", "link_moved"
DUE_MOVED, BREACH_ADDED, BREACH_REMOVED, RECLASSED = "due_moved", "breach_added", "breach_removed", "reclassed"
DIFFERENCE_KINDS = (
    MOVED,
    REQUEUED,
    RECLASSED,
    LINK_GAINED,
    LINK_LOST,
    LINK_MOVED,
    DUE_MOVED,
    BREACH_ADDED,
    BREACH_REMOVED,
)


@dataclass(frozen=True, slots=True)
class ReportDifference:
    """One report, one thing that differs; `before` and `after` are ids or, where it is a time, ms."""

    source: str
    ref: str
    what: str
    before: str | int | None
    after: str | int | None


@dataclass
class Load:
    """What one department gets: cases it leads, reports in them, breaches."""

    cases: int = 0
    reports: int = 0
    breaches: int = 0


@dataclass
class Difference:
    changes: list[ReportDifference] = field(default_factory=list)
    load: dict[str, tuple[Load, Load]] = field(default_factory=dict)
    """By department: before and after."""

    def counts(self) -> dict[str, int]:
        """How many reports of each kind of change."""
        counted = Counter(change.what for change in self.changes)
        return {kind: counted[kind] for kind in DIFFERENCE_KINDS}

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        moved = [
            after - before
            for what, before, after in ((each.what, each.before, each.after) for each in self.changes)
            if what == DUE_MOVED and isinstance(before, int) and isinstance(after, int)
        ]
        hours = [each / HOUR_MS for each in moved]
        return {
            "changes": self.counts(),
            "due_moved_hours": {"median": median(hours), "earliest": min(hours), "latest": max(hours)} if hours else None,
            "load": {
                name: {"before": vars(before), "after": vars(after)} for name, (before, after) in sorted(self.load.items())
            },
        }  # fmt: skip


def difference(before: Sequence[Decided], after: Sequence[Decided]) -> Difference:
    """Report by report. A report that only one run has is no difference of policies and is left out."""
    found = Difference(load=_load(before, after))
    known = {(each.report.source, each.report.ref): each for each in before}
    for each in after:
        old = known.get((each.report.source, each.report.ref))
        if old is not None:
            found.changes += (
                ReportDifference(each.report.source, each.report.ref, what, was, now)
                for what, was, now in _compare(old, each)
            )
    return found


def _compare(old: Decided, new: Decided) -> Iterator[tuple[str, str | int | None, str | int | None]]:
    if old.department != new.department:
        yield MOVED, old.department, new.department
    if old.queue != new.queue:
        yield REQUEUED, old.queue, new.queue
    if old.category != new.category:
        yield RECLASSED, old.category, new.category
    if old.linked or new.linked:
        if not old.linked:
            yield LINK_GAINED, None, new.lead_ref
        elif not new.linked:
            yield LINK_LOST, old.lead_ref, None
        elif old.case_id != new.case_id:
            yield LINK_MOVED, old.lead_ref, new.lead_ref
    if (old.due_ms is None) != (new.due_ms is None) or abs((new.due_ms or 0) - (old.due_ms or 0)) >= MINUTE_MS:
        yield DUE_MOVED, old.due_ms, new.due_ms
    if (old.breached_ms is None) != (new.breached_ms is None):
        yield BREACH_ADDED if old.breached_ms is None else BREACH_REMOVED, old.breached_ms, new.breached_ms


def _load(before: Sequence[Decided], after: Sequence[Decided]) -> dict[str, tuple[Load, Load]]:
    counted = load(before), load(after)
    names = sorted(counted[0].keys() | counted[1].keys())
    return {name: (counted[0].get(name, Load()), counted[1].get(name, Load())) for name in names}


def load(decisions: Sequence[Decided]) -> dict[str, Load]:
    """By department."""
    found: dict[str, Load] = {}
    for each in decisions:
        one = found.setdefault(each.held_by, Load())
        one.reports += 1
        one.cases += not each.linked
        one.breaches += each.breached_ms is not None
    return found
