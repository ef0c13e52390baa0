"""Finds what lies around the reports of a chunk, for all at once, and decides about each report, one after the
other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan

import numpy as np

from hub.core.linking.clues import Clue, ClueKey
from hub.core.linking.ground.geo import DEGREE_M, distance_m
from hub.core.linking.ground.points import Around, Level, Queries, slot_order
from hub.core.linking.match import BY_PLACE, BY_TEXT, Match
from hub.core.linking.rules import Tie
from hub.core.linking.store import Store

_MOST = 64
"""How many points are looked at closely for one report, the best first: thousands of reports may be made of one
place."""
_ROUNDING = 0.01
"""By how much a score from flat distances may be too low."""
_Rank = tuple[float, int, str]
"""Sort key of a candidate, the smallest first: minus its score, when it was reported, case id."""


class _Found:
    """The best candidate so far."""

    __slots__ = ("alike", "by", "closed", "far", "rank", "tie")

    def __init__(self, rank: _Rank, tie: Tie, far: float, by: str, closed: bool, alike: float = 0.0) -> None:
        self.rank, self.tie, self.far, self.by, self.closed, self.alike = rank, tie, far, by, closed, alike


class NeighbourSearch:
    """The search for one chunk. Incidents.look_ahead makes it, and tells it of what is added and opened again while
    it serves."""

    def __init__(self, store: Store, clues: Sequence[Clue]) -> None:
        self._store, self._clues = store, clues
        self._asked = -1
        """The row decided last: what is added next is most likely its report."""
        self._young: dict[int, list[str]] = {}
        """Cases that the chunk's own reports became part of, by row."""
        self._rows: dict[str, list[int]] = {}
        """`_young` the other way round: the row of each case."""
        self._strays: list[tuple[str, Clue]] = []
        """Points that changed otherwise while this serves: they are looked at for every report."""
        self._around: dict[int, list[tuple[int, int]]] = {}
        """For each row with anything around it: slots (or, inverted, rows of the chunk) and the tie that asked."""
        if clues:
            self._search()

    def _search(self) -> None:
        clues, ties = self._clues, self._store.ties
        lats = np.array([clue.lat for clue in clues], dtype=np.float64)  # None becomes NaN
        lons = np.array([clue.lon for clue in clues], dtype=np.float64)
        families = [clue.family for clue in clues]
        number = {family: ties.number(family) for family in set(families)}
        row = (~np.isnan(lats + lons)).nonzero()[0]
        first, count, zone, height = ties.columns(np.array([number[family] for family in families], np.int64)[row])
        at_ms = np.array([clue.at_ms for clue in clues], dtype=np.int64)[row]
        lat, lon = lats[row], lons[row]
        asked = ties.queries(row, first, count, lat, lon, at_ms)
        spans = asked.spans()
        found = [self._store.ground.around(spans)]
        if len(row) > 1:
            kept = (zone >= 0).nonzero()[0]
            key = slot_order(zone[kept], np.floor(lat[kept] / height[kept]), lon[kept])
            own = Level.sort(key, lat[kept], lon[kept], at_ms[kept], row[kept])
            query, point = own.around(spans)
            earlier = own.slot[point] < asked.row[query]
            query, point = query[earlier], point[earlier]
            found.append(Around(query, ~own.slot[point], own.at_ms[point], own.lat[point], own.lon[point]))
        whole = Around.joined(found)
        if len(whole.query):
            self._keep(asked, whole)

    def _keep(self, asked: Queries, near_by: Around) -> None:
        """Filter candidates by flat distance, which is slightly inexact, and keep the best of each row."""
        query, slot, at_ms = near_by.query, near_by.slot, near_by.at_ms
        x = (near_by.lon - asked.lon[query]) * np.cos(np.radians((near_by.lat + asked.lat[query]) / 2))
        far = np.hypot(near_by.lat - asked.lat[query], x) * DEGREE_M / asked.radius_m[query]
        score = (1 - far) * (1 - np.abs(at_ms - asked.at_ms[query]) / asked.window_ms[query])
        near = score >= np.minimum(asked.min_score[query], 1) - _ROUNDING
        query, slot, score, at_ms = query[near], slot[near], score[near], at_ms[near]
        row = asked.row[query]
        if len(row) > _MOST:
            by = np.lexsort((at_ms, -score, row))
            query, slot, row = query[by], slot[by], row[by]
            first = np.flatnonzero(np.diff(row, prepend=-1))
            nth = np.arange(len(row)) - np.repeat(first, np.diff(first, append=len(row)))
            query, slot, row = query[nth < _MOST], slot[nth < _MOST], row[nth < _MOST]
        for asker, what, tie in zip(row.tolist(), slot.tolist(), asked.tie[query].tolist(), strict=True):
            self._around.setdefault(asker, []).append((what, tie))

    # -- told by the index while it serves ---------------------------------------------------------------------------

    def added(self, case_id: str, clue: Clue) -> None:
        """A report became part of a case."""
        asked = self._clues[self._asked] if self._asked >= 0 else None
        if asked is not None and (asked is clue or _same_point(asked, clue)):
            self._young.setdefault(self._asked, []).append(case_id)
            self._rows.setdefault(case_id, []).append(self._asked)
        else:
            self._strays.append((case_id, clue))

    def removed(self, case_id: str) -> None:
        """A case was forgotten, or is about to be added anew at other places."""
        for row in self._rows.pop(case_id, ()):
            self._young[row].remove(case_id)
        if self._strays:
            self._strays = [stray for stray in self._strays if stray[0] != case_id]

    def stray(self, case_id: str, clue: Clue) -> None:
        """A case was opened again."""
        self._strays.append((case_id, clue))

    # -- deciding ----------------------------------------------------------------------------------------------------

    def best(self, row: int, *, exclude: str | None = None) -> Match | None:
        """The incident that the report in this row is about, or None.

        The highest score wins; of equal ones the earlier report, then the smaller case id. An incident closed when the
        report was made, or before, does not match unless the row of the policy says so; one closed after it, as with a
        late report, does. `exclude` is a case not meant, for instance one that the report was taken out of.
        """
        self._asked = row
        clue = self._clues[row]
        if row not in self._around and not self._strays and not clue.keys and not clue.sketch:
            return None
        found: _Found | None = None
        for case_id, family, lat, lon, at_ms, tie in self._near(row, clue):
            if family == tie.family and case_id != exclude:
                found = self._better(clue, tie, case_id, lat, lon, at_ms, found)
        if clue.keys:
            found = self._same(clue, exclude, found)
        if clue.sketch:
            found = self._alike(clue, exclude, found)
        if found is None:
            return None
        score, reported_ms, case_id = found.rank
        incident = self._store.incidents.get(case_id)
        return Match(
            case_id=case_id,
            score=-score,
            distance_m=found.far,
            apart_seconds=abs(clue.at_ms - reported_ms) / 1000,
            row=found.tie.row,
            by=found.by,
            family=clue.family,
            held_family=incident.family if found.by == BY_TEXT and incident is not None else found.tie.family,
            closed=found.closed,
            alike=found.alike,
        )

    def _near(self, row: int, clue: Clue) -> Iterator[tuple[str, str | None, float, float, int, Tie]]:
        store = self._store
        for slot, tie in self._around.get(row, ()):
            if slot >= 0:
                point = store.points[slot]
                if point is not None:
                    yield *point, store.ties.ties[tie]
                continue
            other = self._clues[~slot]
            assert other.lat is not None
            assert other.lon is not None
            for case_id in self._young.get(~slot, ()):
                yield case_id, other.family, other.lat, other.lon, other.at_ms, store.ties.ties[tie]
        if self._strays and clue.lat is not None and clue.lon is not None:
            family = store.ties.of(clue.family)
            for tie_ in store.ties.ties[family.first : family.first + family.count]:
                for case_id, other in self._strays:
                    if other.family == tie_.family and other.lat is not None and other.lon is not None:
                        yield case_id, other.family, other.lat, other.lon, other.at_ms, tie_

    def _better(
        self, clue: Clue, tie: Tie, case_id: str, lat: float, lon: float, reported_ms: int, best: _Found | None
    ) -> _Found | None:
        closed = self._closed(case_id, clue.at_ms, tie.after_ms)
        if closed is None or clue.lat is None or clue.lon is None:
            return best
        far, apart, row = distance_m(clue.lat, clue.lon, lat, lon), abs(clue.at_ms - reported_ms), tie.row
        if not (far <= row.radius_m and apart <= tie.window_ms):  # of what is nowhere the distance is no number
            return best
        score = (1 - far / row.radius_m) * (1 - apart / tie.window_ms)
        rank = (-score, reported_ms, case_id)
        if score < row.min_score or (best is not None and best.rank <= rank):
            return best
        return _Found(rank, tie, far, BY_PLACE, closed)

    def _same(self, clue: Clue, exclude: str | None, best: _Found | None) -> _Found | None:
        rules = self._store.ties.of(clue.family).rules
        for tie in rules.ties if rules is not None else ():
            for key in clue.keys:
                if key[0] in tie.row.same:
                    for reported_ms, case_id, other in self._store.equal.get((tie.family, key), ()):
                        if case_id != exclude:
                            best = self._equal(clue, tie, key, case_id, other, reported_ms, best)
        return best

    def _equal(
        self, clue: Clue, tie: Tie, key: ClueKey, case_id: str, other: Clue, reported_ms: int, best: _Found | None
    ) -> _Found | None:
        score = 1 - abs(clue.at_ms - reported_ms) / tie.window_ms
        rank = (-score, reported_ms, case_id)
        if score < max(tie.row.min_score, 0.0) or (best is not None and best.rank <= rank):
            return best
        closed = self._closed(case_id, clue.at_ms, tie.after_ms)
        return best if closed is None else _Found(rank, tie, _far(clue, other), key[0], closed)

    def _alike(self, clue: Clue, exclude: str | None, best: _Found | None) -> _Found | None:
        rules = self._store.ties.of(clue.family).rules
        if rules is None or rules.text is None or rules.text_tie is None:
            return best
        tie = rules.text_tie
        for (reported_ms, case_id), alike in self._store.words.like(clue.sketch, rules.text.similarity):
            closed = self._closed(case_id, clue.at_ms, tie.after_ms)
            if closed is None or case_id == exclude:
                continue
            score = alike * (1 - abs(clue.at_ms - reported_ms) / tie.window_ms)
            rank = (-score, reported_ms, case_id)
            if score >= max(tie.row.min_score, 0.0) and (best is None or rank < best.rank):
                best = _Found(rank, tie, 0.0, BY_TEXT, closed, alike)
        return best

    def _closed(self, case_id: str, at_ms: int, after_ms: float) -> bool | None:
        """True if the incident was closed when the report was made; None if it is gone, or was closed too long
        before."""
        incident = self._store.incidents.get(case_id)
        if incident is None:
            return None
        if incident.closed_ms is None or incident.closed_ms > at_ms:
            return False
        return True if after_ms and incident.closed_ms + after_ms > at_ms else None


def _same_point(clue: Clue, other: Clue) -> bool:
    return clue.at_ms == other.at_ms and clue.lat == other.lat and clue.lon == other.lon and clue.family == other.family


def _far(clue: Clue, other: Clue) -> float:
    """Distance in metres; 0 if either has no point."""
    if clue.lat is None or clue.lon is None or other.lat is None or other.lon is None:
        return 0.0
    far = distance_m(clue.lat, clue.lon, other.lat, other.lon)
    return 0.0 if isnan(far) else far
