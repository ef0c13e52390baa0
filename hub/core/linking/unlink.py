"""Taking a report out of an incident again (撤销并案): a link is never a merge, so all that is needed is still there."""

from __future__ import annotations

import msgspec

from hub.core.linking.clues import Clue
from hub.core.linking.incident import Incident


def without(incident: Incident, at: int) -> tuple[Incident | None, Clue]:
    """The incident without its report number `at` (0 leads), and that report's clue; None if no other report is left.

    Where the lead leaves, the report linked first leads, and the incident counts from when that one was made. The caller
    opens a case for the report that left, with the orders and clocks that it would have had from its own time on, and must
    not ask again what it is about: a person has decided that. Raises IndexError if there is no such report.
    """
    clues = list(incident.every_clue())
    left = clues.pop(at)
    if not clues:
        return None, left
    lead, *others = clues
    stays = msgspec.structs.replace(
        incident,
        family=lead.family,
        lat=lead.lat,
        lon=lead.lon,
        opened_ms=lead.at_ms,
        keys=lead.keys,
        sketch=lead.sketch,
        clues=tuple(others),
    )
    return stays, left
