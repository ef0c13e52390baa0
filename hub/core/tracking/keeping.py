"""How a case is kept after what happened to it, and how long `route` is to remember it. Pure."""

from __future__ import annotations

from hub.core.tracking.consequences import AS_RESOLVED, Effects, Ending
from hub.core.tracking.state import TrackedCase, TrackJournal


def keep_tracked(journal: TrackJournal, before: TrackedCase, case: TrackedCase, effects: Effects) -> None:
    """Keep the case; tell `route` to remember it as long as `track` does, where a clock goes on after all that `route` knows of."""
    journal.put(case.case_id, case)
    if case.over_ms is None or (case.over_ms == before.over_ms and case.clocks is before.clocks):
        return
    settled_ms = case.settled_ms
    if settled_ms is not None and settled_ms > (before.settled_ms or case.over_ms):
        effects.endings.append(Ending(case, AS_RESOLVED, case.department, case.over_ms, until_ms=settled_ms))
