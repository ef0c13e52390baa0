"""Finds the incident of one report at a time, by place alone, among cells of objects.

XXX: kept only until casework asks hub.core.linking.Incidents a chunk at a time, which also follows the other rows.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from math import cos, floor, isnan, radians

from hub.core.linking.geo import DEGREE_M, distance_m
from hub.core.linking.incident import Incident
from hub.core.linking.match import PLACE, Match
from hub.policy.city import City
from hub.policy.models import LinkRule

_HOUR_MS = 3_600_000
_POLE_COS = 0.01
_ROW = 1 << 32
"""Cells are numbered row by row; no row has more."""
_MANY = 16
"""Incidents in a cell past which the window of time is cut out of the sorted list before looking at each."""


_Entry = tuple[int, str, float, float, int | None]
"""An incident in its cell: opened, case id, latitude, longitude, closed. Sorted, so that a window of time is a slice."""

_AFTER_ALL = "\U0010ffff"


def _entry(incident: Incident) -> _Entry | None:
    lat, lon = incident.lat, incident.lon
    if lat is None or lon is None or isnan(lat) or isnan(lon):
        return None
    return incident.opened_ms, incident.case_id, lat, lon, incident.closed_ms


class _Reach:
    """One family's linking row and incidents, in a grid of cells twice the radius wide: a report's surroundings touch four."""

    def __init__(self, rule: LinkRule) -> None:
        self.rule = rule
        self.radius_m = rule.radius_m
        self.window_ms = rule.window_hours * _HOUR_MS
        self.min_score = rule.min_score
        self.degrees = rule.radius_m / DEGREE_M * 1.0001
        self.height = 2 * self.degrees
        self.widths: dict[int, float] = {}
        self.cells: dict[int, list[_Entry]] = {}

    def stretch(self, lat: float) -> float:
        """How many times more degrees of longitude than of latitude a radius takes, at most, around `lat`."""
        return 1 / max(cos(radians(min(abs(lat) + self.degrees, 90.0))), _POLE_COS)

    def width(self, row: int) -> float:
        """Degrees of longitude of the cells of a row."""
        width = self.widths[row] = self.height * self.stretch((row + 0.5) * self.height)
        return width

    def cell(self, lat: float, lon: float) -> int:
        """Number of the cell that holds a point."""
        row = floor(lat / self.height)
        return row * _ROW + floor(lon / (self.widths.get(row) or self.width(row)))

    def insert(self, entry: _Entry) -> None:
        insort(self.cells.setdefault(self.cell(entry[2], entry[3]), []), entry)

    def delete(self, entry: _Entry) -> None:
        cell = self.cell(entry[2], entry[3])
        held = self.cells[cell]
        del held[bisect_left(held, entry[:2])]
        if not held:
            del self.cells[cell]


class OpenIncidents:
    """An index for one partition; not shared between threads. Linking does not cross the 180th meridian.

    A family without a linking row is never linked. Whether a report is a new statement about a reference already known
    (an amendment) is the caller's business, before asking here.
    """

    def __init__(self, city: City) -> None:
        self._city = city
        self._incidents: dict[str, Incident] = {}
        self._reaches: dict[str, _Reach | None] = {}

    def __len__(self) -> int:
        return len(self._incidents)

    def __contains__(self, case_id: object) -> bool:
        return case_id in self._incidents

    def get(self, case_id: str) -> Incident | None:
        return self._incidents.get(case_id)

    def add(self, incident: Incident) -> None:
        """Remember an incident, instead of what was known under its case id."""
        self.remove(incident.case_id)
        self._incidents[incident.case_id] = incident
        reach, entry = self._reach(incident.family), _entry(incident)
        if reach is not None and entry is not None:
            reach.insert(entry)

    update = add
    """Same as `add`: an incident is replaced as a whole, for instance when it closes or turns out to be elsewhere."""

    def remove(self, case_id: str) -> Incident | None:
        """Forget a case; gives back what was known of it, so that an aborted transaction can be undone."""
        incident = self._incidents.pop(case_id, None)
        if incident is None:
            return None
        reach, entry = self._reach(incident.family), _entry(incident)
        if reach is not None and entry is not None:
            reach.delete(entry)
        return incident

    def stale(self, earliest_ms: int) -> list[str]:
        """Cases that no report made at `earliest_ms` or later can match: they may be removed."""
        return [case_id for case_id, incident in self._incidents.items() if not self._alive(incident, earliest_ms)]

    def best(
        self, family: str, lat: float | None, lon: float | None, at_ms: int, *, exclude: str | None = None
    ) -> Match | None:
        """The incident a report made at `at_ms` at this point (WGS84 degrees) is about, or None.

        The highest score wins; of equal ones the earlier opened, then the smaller case id. An incident closed before the
        report was made does not match; one closed after it, as with a late report, does. `exclude` is a case not meant.
        """
        reach = self._reaches[family] if family in self._reaches else self._reach(family)
        if reach is None or lat is None or lon is None or isnan(lat) or isnan(lon):
            return None
        found: tuple[float, int, str] | None = None
        far = 0.0
        south, north, spread = lat - reach.degrees, lat + reach.degrees, reach.degrees * reach.stretch(lat)
        west, east = lon - spread, lon + spread
        earliest, latest = at_ms - reach.window_ms, at_ms + reach.window_ms
        cells, height = reach.cells, reach.height
        for row in range(floor(south / height), floor(north / height) + 1):
            width = reach.widths.get(row) or reach.width(row)
            for cell in range(row * _ROW + floor(west / width), row * _ROW + floor(east / width) + 1):
                held = cells.get(cell)
                if held is None:
                    continue
                if len(held) > _MANY:
                    held = held[bisect_left(held, (earliest,)) : bisect_left(held, (latest, _AFTER_ALL))]
                for opened_ms, case_id, other_lat, other_lon, closed_ms in held:
                    if not (
                        south <= other_lat <= north
                        and west <= other_lon <= east
                        and earliest <= opened_ms <= latest
                        and (closed_ms is None or at_ms <= closed_ms)
                    ):
                        continue
                    distance = distance_m(lat, lon, other_lat, other_lon)
                    if distance > reach.radius_m:
                        continue
                    score = (1 - distance / reach.radius_m) * (1 - abs(at_ms - opened_ms) / reach.window_ms)
                    if score < reach.min_score or case_id == exclude:
                        continue
                    rank = (-score, opened_ms, case_id)
                    if found is None or rank < found:
                        found, far = rank, distance
        return None if found is None else _match(reach.rule, family, found, far, at_ms)

    def _alive(self, incident: Incident, earliest_ms: int) -> bool:
        reach = self._reach(incident.family)
        return (
            reach is not None
            and incident.lat is not None
            and incident.opened_ms + reach.window_ms >= earliest_ms
            and (incident.closed_ms is None or incident.closed_ms >= earliest_ms)
        )

    def _reach(self, family: str | None) -> _Reach | None:
        if family is None:
            return None
        if family not in self._reaches:
            rule = self._city.link_rule(family)
            self._reaches[family] = None if rule is None or not rule.radius_m else _Reach(rule)
        return self._reaches[family]


def _match(rule: LinkRule, family: str, found: tuple[float, int, str], distance: float, at_ms: int) -> Match:
    score, opened_ms, case_id = found
    return Match(case_id, -score, distance, abs(at_ms - opened_ms) / 1000, rule, PLACE, family, family)
