"""The cases of one partition of places, as `route` remembers them: records by case id with the indexes to find them by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated

import msgspec

from hub.core.agenda import Agenda
from hub.core.linking import CaseClues, Clue, Incidents
from hub.core.stored import MAX_REPORTS, Count, Instant, Latitude, Longitude, Whole
from hub.journal import Journal


class Report(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One source's report within a case. `live` ends when its source withdraws or closes it."""

    source: str
    ref: str
    revision: Count
    live: bool = True
    clue: Clue | None = None
    """What linking keeps of it."""
    end: tuple[str, Instant] | None = None
    """WITHDRAWN or CLOSED by its source, and when (ms)."""
    over_before_ms: Instant | None = None
    """When the case had been over, if this report brought it back."""
    statements: tuple[tuple[int, str, int], ...] = ()
    """Revision, kind and time (ms) of all its statements by revision, once there are several."""

    @property
    def key(self) -> tuple[str, str]:
        return self.source, self.ref


class LeadVersion(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What one revision of the lead says that the case is, as it says it, and where the rules put that."""

    revision: Count
    at_ms: Instant
    category: str
    """A code, or the source's own word for what is none; empty: as before."""
    urgency: str
    area: str | None
    lat: Latitude | None
    lon: Longitude | None
    due_ms: Instant | None
    conditions: tuple[str, ...]
    department: str
    rule: str
    desk_reason: str | None
    queue: str | None
    co_handlers: tuple[str, ...]
    priority: Whole | None
    unit: str | None = None
    called: tuple[str, ...] = ()
    """Of the co-handlers, whom the row calls together (联合处置)."""


class Case(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What `route` knows of a case. Never changed in place: a change puts a new one."""

    case_id: str
    reports: Annotated[tuple[Report, ...], msgspec.Meta(min_length=1)]
    """The lead first."""
    category: str
    family: str | None
    urgency: str
    channel: str
    place_key: str
    area: str | None
    lat: Latitude | None
    lon: Longitude | None
    department: str
    rule: str
    desk_reason: str | None
    opened_ms: Instant
    due_ms: Instant | None
    closed_ms: Instant | None = None
    queue: str | None = None
    co_handlers: tuple[str, ...] = ()
    """Who helps the department (协办)."""
    priority: Whole | None = None
    conditions: tuple[str, ...] = ()
    """What the lead report fulfils of itself that some deadline row asks for."""
    event: bytes | None = None
    """The lead report in Avro, kept while the case is open: whoever gets the case next gets it too."""
    parted: tuple[tuple[str, str], ...] = ()
    """Reports that were taken out of it (撤销并案): source and reference. They are never linked to it again."""
    reopened_ms: Instant | None = None
    """When it came back last, after it was over: its clocks run from then."""
    followed_by: str | None = None
    """The case that takes what would have been linked to this one, since this one is full."""
    versions: tuple[LeadVersion, ...] = ()
    """What the revisions of its lead say that it is, the lowest first, once there are several or it was moved by hand."""
    moves: Whole = 0
    """How often it was moved by hand, put right or brought back: tells two such moves as of one instant apart."""
    rules: str = ""
    """Version of the rules in force when it was reported: by these its clocks run. Empty: opened before that was kept."""
    unit: str | None = None
    """Who below the department has it, where the city says so."""
    clocks_ms: Instant | None = None
    """When the last of its clocks ended or is due, if that may be after its end: it is remembered from then, not from its end."""
    called: tuple[tuple[str, Instant], ...] = ()
    """Of those who help, who was called together (吹哨) and so has clocks of its own; and since when (ms)."""

    @property
    def source(self) -> str:
        """Of its lead."""
        return self.reports[0].source

    @property
    def reported_ms(self) -> int:
        """When its lead was made: before it was opened, if that was told by a back-fill."""
        clue = self.reports[0].clue
        return self.opened_ms if clue is None or clue.at_ms > self.opened_ms else clue.at_ms

    @property
    def is_full(self) -> bool:
        """Whether it takes no more reports."""
        return len(self.reports) + len(self.parted) >= MAX_REPORTS

    @property
    def lead(self) -> Report:
        return self.reports[0]

    @property
    def over(self) -> bool:
        return self.closed_ms is not None

    @property
    def live_reports(self) -> int:
        return sum(report.live for report in self.reports)


class CaseBook:
    """Implements hub.journal.Book for one partition."""

    def __init__(self, incidents: Incidents) -> None:
        self.incidents = incidents
        self.open_by_department: Counter[str] = Counter()
        self._cases: dict[str, Case] = {}
        self._case_of: dict[tuple[str, str], str] = {}
        self._parted: dict[tuple[str, str], str] = {}
        self._closings = Agenda()

    def __len__(self) -> int:
        return len(self._cases)

    def get(self, key: str) -> Case | None:
        return self._cases.get(key)

    def items(self) -> Iterable[tuple[str, Case]]:
        return self._cases.items()

    def all(self) -> list[Case]:
        """A copy, for whoever looks from another thread."""
        return list(self._cases.values())

    def of_report(self, source: str, ref: str) -> Case | None:
        """The case this reference belongs to."""
        case_id = self._case_of.get((source, ref))
        return None if case_id is None else self._cases[case_id]

    def parted_from(self, source: str, ref: str) -> str | None:
        """The case this reference was taken out of last, and must not join again."""
        return self._parted.get((source, ref))

    def put(self, key: str, value: Case | None) -> Case | None:
        before = self._cases.get(key)
        if before is not None and value is not None and _differ_in_state(before, value):
            self._cases[key] = value
            self._count(before, -1)
            self._count(value, 1)
            self._note_closing(value)
            if before.closed_ms != value.closed_ms:
                self.incidents.close(key, value.closed_ms)
            return before
        if before is not None:
            self._unindex(before, value)
        if value is None:
            self._cases.pop(key, None)
            self.incidents.remove(key)
        else:
            self._cases[key] = value
            self._index(value)
        return before

    def closed_before(self, limit_ms: int, at_most: int = 100) -> Iterator[str]:
        """Ids of cases that were over before `limit_ms`, as were their clocks, the oldest first. The caller forgets them."""
        return islice(self._closings.take(limit_ms), at_most)

    def _index(self, case: Case) -> None:
        for report in case.reports:
            self._case_of[report.source, report.ref] = case.case_id
        for parted in case.parted:
            self._parted[parted] = case.case_id
        self._count(case, 1)
        if case.closed_ms is not None:
            self._note_closing(case)
        self.incidents.update(_incident(case))

    def _unindex(self, case: Case, after: Case | None) -> None:
        if after is None or not _keeps_reports(case, after):
            for report in case.reports:
                if self._case_of.get((report.source, report.ref)) == case.case_id:  # it may be another's by now
                    del self._case_of[report.source, report.ref]
        for parted in case.parted:
            if self._parted.get(parted) == case.case_id:
                del self._parted[parted]
        self._count(case, -1)
        if case.closed_ms is not None:
            self._closings.discard(case.case_id)

    def _count(self, case: Case, by: int) -> None:
        if case.closed_ms is None:
            self.open_by_department[case.department] += by

    def _note_closing(self, case: Case) -> None:
        if case.closed_ms is None:
            self._closings.discard(case.case_id)
        else:
            self._closings.set(
                case.case_id, case.closed_ms if case.clocks_ms is None else max(case.closed_ms, case.clocks_ms)
            )


CaseJournal = Journal[CaseBook]


def _keeps_reports(before: Case, after: Case) -> bool:
    """Whether all reports of the one are the other's too, in their order: others only come behind them."""
    enough = len(after.reports) >= len(before.reports)
    return enough and all(one.key == other.key for one, other in zip(before.reports, after.reports, strict=False))


def _differ_in_state(before: Case, after: Case) -> bool:
    """Only in whether and how it is open, not in what it is about: its indexes stay."""
    return (
        before.reports is after.reports
        and before.parted is after.parted
        and before.family == after.family
        and before.lat == after.lat
        and before.lon == after.lon
        and before.opened_ms == after.opened_ms
    )


def _incident(case: Case) -> CaseClues:
    lead = case.reports[0].clue
    others = (
        tuple([report.clue for report in case.reports[1:] if report.clue is not None]) if len(case.reports) > 1 else ()
    )
    return CaseClues(
        case_id=case.case_id,
        family=case.family,
        lat=case.lat,
        lon=case.lon,
        opened_ms=case.reported_ms,
        closed_ms=case.closed_ms,
        keys=lead.keys if lead else (),
        sketch=lead.sketch if lead else b"",
        clues=others,
    )
