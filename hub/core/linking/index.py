"""The incidents of one partition, and the search among them: by place, by what is equal, and by words."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

import msgspec

from hub.core.linking.clues import Clue
from hub.core.linking.incident import MOST_CLUES, CaseClues
from hub.core.linking.lookout import NeighbourSearch
from hub.core.linking.match import Match
from hub.core.linking.store import Store
from hub.policy.city import City


class Incidents:
    """An index for one partition; not shared between threads. Linking does not cross the 180th meridian.

    A family without a linking row is never linked. Whether a report is a new statement about a reference already known
    (an amendment) is the caller's business, before asking here. Reports may come late and in any order: what counts is
    when they were made.

    Ask for a chunk at a time: `look_ahead` finds for all of its reports at once what lies around them, and then
    `NeighbourSearch.best` decides one by one, in order, with all that was added, closed or removed in between taken into account.
    """

    def __init__(self, city: City) -> None:
        self._store = Store(city)
        self._incidents = self._store.incidents
        self._slots: dict[str, list[int]] = {}
        self._ahead: NeighbourSearch | None = None

    def __len__(self) -> int:
        return len(self._incidents)

    def __contains__(self, case_id: object) -> bool:
        return case_id in self._incidents

    def get(self, case_id: str) -> CaseClues | None:
        return self._incidents.get(case_id)

    # -- searching ---------------------------------------------------------------------------------------------------

    def look_ahead(self, clues: Sequence[Clue]) -> NeighbourSearch:
        """Find what lies around the reports of a chunk, in the order in which they will be decided. The answer serves
        until the next call."""
        self._ahead = NeighbourSearch(self._store, clues)
        return self._ahead

    def find(self, clue: Clue, *, exclude: str | None = None) -> Match | None:
        """Search for one report by itself, as `NeighbourSearch.best` does; slow (some 100 microseconds)."""
        return NeighbourSearch(self._store, [clue]).best(0, exclude=exclude)

    # -- keeping -----------------------------------------------------------------------------------------------------

    def add(self, incident: CaseClues) -> None:
        """Remember an incident, instead of what was known under its case id."""
        before = self._incidents.get(incident.case_id)
        if before is not None:
            if _grown(before, incident):
                self._grow(before, incident)
                return
            self.remove(incident.case_id)
        self._incidents[incident.case_id] = incident
        self._insert(incident.case_id, incident.lead, incident.closed_ms)
        for clue in incident.clues[:MOST_CLUES]:
            self._insert(incident.case_id, clue, incident.closed_ms)

    update = add
    """Same as `add`: an incident is replaced as a whole. What did not change costs nothing."""

    def close(self, case_id: str, closed_ms: int | None) -> None:
        """Record when the incident was closed, or None if it is open again. Nothing else of it changes."""
        before = self._incidents[case_id]
        self._incidents[case_id] = after = msgspec.structs.replace(before, closed_ms=closed_ms)
        self._note_closing(before, after)

    def remove(self, case_id: str) -> CaseClues | None:
        """Forget a case; gives back what was known of it, so that an aborted transaction can be undone."""
        incident = self._incidents.pop(case_id, None)
        if incident is None:
            return None
        for slot in self._slots.pop(case_id, ()):
            self._store.ground.delete(slot)
            self._store.points[slot] = None
        if incident.keys or incident.sketch or incident.clues:
            for clue in incident.every_clue():
                self._delete(case_id, clue)
        if self._ahead is not None:
            self._ahead.removed(case_id)
        return incident

    def stale(self, earliest_ms: int) -> list[str]:
        """Cases that no report made at `earliest_ms` or later can match: they may be removed."""
        return [case_id for case_id, incident in self._incidents.items() if not self._alive(incident, earliest_ms)]

    def _alive(self, incident: CaseClues, earliest_ms: int) -> bool:
        for clue in incident.every_clue():
            rules = self._store.ties.of(clue.family).rules
            reachable = rules is not None and (not nowhere(clue) or clue.keys or clue.sketch)
            if rules is not None and reachable and clue.at_ms + rules.window_ms >= earliest_ms:
                return incident.closed_ms is None or incident.closed_ms + rules.after_ms >= earliest_ms
        return False

    def _grow(self, before: CaseClues, incident: CaseClues) -> None:
        """Update a known incident that differs only by further reports or another closing."""
        case_id = incident.case_id
        self._incidents[case_id] = incident
        if before.closed_ms != incident.closed_ms:
            self._note_closing(before, incident)
        for at, clue in enumerate(incident.clues[len(before.clues) :], len(before.clues)):
            if at < MOST_CLUES:
                self._insert(case_id, clue, incident.closed_ms)
            elif self._ahead is not None:
                self._ahead.added(case_id, clue)

    def _note_closing(self, before: CaseClues, after: CaseClues) -> None:
        for slot in self._slots.get(after.case_id, ()):
            self._store.ground.close(slot, after.closed_ms)
        if self._ahead is not None and _reopened(before, after):
            for clue in before.every_clue():  # near to reports that were not told of it, as it was closed
                self._ahead.stray(after.case_id, clue)

    def _insert(self, case_id: str, clue: Clue, closed_ms: int | None) -> None:
        store, lat, lon = self._store, clue.lat, clue.lon
        family = store.ties.of(clue.family)
        if family.zone is not None and lat is not None and lon is not None and lat == lat and lon == lon:
            slot = store.ground.insert(family.zone, family.height, lat, lon, clue.at_ms, closed_ms)
            point = (case_id, clue.family, lat, lon, clue.at_ms)
            if slot < len(store.points):
                store.points[slot] = point
            else:
                store.points.append(point)
            held = self._slots.get(case_id)
            if held is None:
                self._slots[case_id] = [slot]
            else:
                held.append(slot)
            if self._ahead is not None:
                self._ahead.added(case_id, clue)
        for key in clue.keys:
            self._store.equal.setdefault((clue.family, key), []).append((clue.at_ms, case_id, clue))
        if clue.sketch:
            self._store.words.insert(case_id, clue)

    def _delete(self, case_id: str, clue: Clue) -> None:
        for key in clue.keys:
            held = self._store.equal[clue.family, key]
            held.remove((clue.at_ms, case_id, clue))
            if not held:
                del self._store.equal[clue.family, key]
        if clue.sketch:
            self._store.words.delete(case_id, clue)


def nowhere(clue: Clue) -> bool:
    """True if the report has no point."""
    return clue.lat is None or clue.lon is None or isnan(clue.lat) or isnan(clue.lon)


def _grown(before: CaseClues, after: CaseClues) -> bool:
    return (
        before.opened_ms == after.opened_ms
        and before.lat == after.lat
        and before.lon == after.lon
        and before.family == after.family
        and before.keys == after.keys
        and before.sketch == after.sketch
        and before.clues == after.clues[: len(before.clues)]
    )


def _reopened(before: CaseClues, after: CaseClues) -> bool:
    if before.closed_ms is None:
        return False
    return after.closed_ms is None or after.closed_ms > before.closed_ms
