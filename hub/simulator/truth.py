"""What the simulated systems say, and the truth behind it. Records only; `generate` makes them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hub.simulator.scene import Coordinates


class StatementKind(StrEnum):
    """As EventKind of the CaseEvent schema."""

    OPENED = "OPENED"
    AMENDED = "AMENDED"
    WITHDRAWN = "WITHDRAWN"
    CLOSED = "CLOSED"


class Oddity(StrEnum):
    """What is unusual about a statement. The first three cannot be read by any connector."""

    BAD_TIME = "bad_time"
    YEAR_ONE = "year_one"
    NO_REF = "no_ref"
    WRONG_CATEGORY = "wrong_category"
    OUTSIDE = "outside"
    UNPLACED = "unplaced"


BROKEN = frozenset({Oddity.BAD_TIME, Oddity.YEAR_ONE, Oddity.NO_REF})
"""Oddities that make a row a dead letter."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One row of one system: the whole state of its case as of `revision`."""

    sent_ms: int
    """When the row appears in the system's file; files are in this order."""
    source: str
    ref: str
    revision: int
    kind: StatementKind
    occurred_ms: int
    reported_ms: int
    """When the statement was made. Later than `sent_ms` never, earlier when the source was slow or repeats itself."""
    opened_ms: int
    """When the reference was first reported: `reported_ms` of its first revision."""
    incident: int
    """Which incident it is about: equal for all reports of one incident. Unknown to the systems."""
    category: str
    """The city's code. Empty in a follow-up, like the place: as before."""
    category_label: str
    category_label_zh: str
    group: str
    group_label: str
    urgency: str
    area: str | None
    point: Coordinates | None
    address: str
    title: str
    text: str
    channel: str
    repeat: bool = False
    """The source sends again, unchanged, what it had sent before."""
    late: bool = False
    """A newer revision of the reference was sent before this one."""
    oddity: Oddity | None = None
    burst: str | None = None

    @property
    def broken(self) -> bool:
        return self.oddity in BROKEN


@dataclass
class Truth:
    """Running account of statements: what a hub that had seen just these should have found."""

    rows: Counter[str] = field(default_factory=Counter)
    """Rows by source, broken ones included."""
    broken: Counter[str] = field(default_factory=Counter)
    repeats: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    """First sightings by kind."""
    oddities: Counter[str] = field(default_factory=Counter)
    bursts: Counter[str] = field(default_factory=Counter)
    late: int = 0
    reports: dict[tuple[str, str], int] = field(default_factory=dict)
    """Incident by (source, reference), in the order of first sighting."""

    def add(self, statement: Statement) -> None:
        """Count one statement, in the order of sending."""
        source = statement.source
        self.rows[source] += 1
        if statement.oddity is not None and not statement.repeat:
            self.oddities[statement.oddity] += 1
        if statement.broken:
            self.broken[source] += 1
        elif statement.repeat:
            self.repeats[source] += 1
        else:
            self.kinds[statement.kind] += 1
            self.late += statement.late
            self.bursts.update([statement.burst] if statement.burst else [])
            self.reports.setdefault((source, statement.ref), statement.incident)

    @property
    def incidents(self) -> dict[int, list[tuple[str, str]]]:
        """The references of each incident."""
        found: dict[int, list[tuple[str, str]]] = {}
        for reference, incident in self.reports.items():
            found.setdefault(incident, []).append(reference)
        return found

    @property
    def links(self) -> int:
        """Reports that are not the first of their incident: what perfect linking would join."""
        return len(self.reports) - len(set(self.reports.values()))

    def as_json(self, *, references: bool = True) -> dict[str, Any]:
        """For truth.json. With `references`, every incident of more than one report with its references."""
        out: dict[str, Any] = {
            "rows": dict(self.rows),
            "broken": dict(self.broken),
            "repeats": dict(self.repeats),
            "kinds": dict(self.kinds),
            "oddities": dict(self.oddities),
            "bursts": dict(self.bursts),
            "late_revisions": self.late,
            "reports": len(self.reports),
            "incidents": len(set(self.reports.values())),
            "links": self.links,
        }
        if references:
            shared = ((key, refs) for key, refs in self.incidents.items() if len(refs) > 1)
            out["linked"] = {str(key): [f"{source}:{ref}" for source, ref in refs] for key, refs in shared}
        return out
