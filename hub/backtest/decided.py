"""What the hub decided about one report, as a row."""

from __future__ import annotations

import msgspec

from hub.core.report import Sighting


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one report at the end of a run. Times in ms since 1970 UTC.

    Category, department, queue and clock are what the rules say of the report by itself: whoever reports is owed an answer
    within the time that holds for that report, linked or not. Case and lead say where it went, `held_by` who has that.
    """

    report: Sighting
    """As first reported."""
    case_id: str
    lead_source: str
    lead_ref: str
    link_score: float | None
    """None for the report that leads its case."""
    department: str
    queue: str | None
    held_by: str
    """The department that has its case: for the lead the same."""
    held_queue: str | None
    category: str
    due_ms: int | None
    due_policy: str | None
    breached_ms: int | None
    """The instant the clock ran out, if it did before the end."""
    ended_ms: int | None
    """The report's own closing or, where files close only cases, its case's; None while open."""

    @property
    def linked(self) -> bool:
        return (self.report.source, self.report.ref) != (self.lead_source, self.lead_ref)
