"""What linked reports said themselves, kept by `route` beside their cases: taken out again, a report needs its own words.

Each statement is a record of state by itself: a case of thousands of reports must not write all their words with each change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from hub.core.cases.cases import Case, CaseBook
from hub.core.cases.steps import SUPERSEDED, Step
from hub.core.linking import Incidents, is_sketch
from hub.core.report import Sighting
from hub.core.stored import Instant, Latitude, Longitude
from hub.journal import Journal

_MARK = "~"
"""Begins the key of a statement; no case id does."""
_ERASED = "!"
"""Begins the key of a report whose words were erased."""
RENEWED = "=homes"
"""Key of the instant until which reports' places were said again (hub/core/cases/homes.py)."""
_MARKS = (_MARK, _ERASED)


@dataclass(frozen=True, slots=True)
class LinkedStatement:
    """One revision of a linked report, with where it belongs. In the state while its case is open, and no longer.

    XXX: a dataclass, encoded as a map, because cases are arrays without a tag: what is in changelogs stays readable.
    """

    place_key: str
    area: str | None
    lat: Latitude | None
    lon: Longitude | None
    event: bytes
    """The CaseEvent in Avro."""
    opens_ms: Instant | None = None
    """Of a back-fill: when the hub took it."""


RouteRecord = Case | LinkedStatement | Instant
"""An instant: what a report said until then was erased, wherever it is met; or until when places were said again."""
_Report = tuple[str, str]


class RouteBook:
    """One partition's cases, and the statements of their linked reports. Implements hub.journal.Book."""

    def __init__(self, incidents: Incidents) -> None:
        self.cases = CaseBook(incidents)
        self._said: dict[_Report, dict[int, LinkedStatement]] = {}
        self._count = 0
        self.erased: dict[_Report, int] = {}
        """Reports whose words were erased, and until when (ms) they said what was."""
        self.renewed_ms = 0
        """Until when reports' places were said again, which may be any time ago."""

    def __len__(self) -> int:
        return len(self.cases) + self._count + len(self.erased)

    def get(self, key: str) -> RouteRecord | None:
        if key == RENEWED:
            return self.renewed_ms or None
        if not key.startswith(_MARKS):
            return self.cases.get(key)
        if key.startswith(_ERASED):
            return self.erased.get(_erased_report(key))
        report, revision = report_of(key)
        return self._said.get(report, {}).get(revision)

    def put(self, key: str, value: RouteRecord | None) -> RouteRecord | None:
        if key == RENEWED:
            assert value is None or isinstance(value, int)
            before_ms, self.renewed_ms = self.renewed_ms, value or 0
            return before_ms or None
        if not key.startswith(_MARKS):
            assert value is None or isinstance(value, Case)
            return self.cases.put(key, value)
        if key.startswith(_ERASED):
            assert value is None or isinstance(value, int)
            return self._put_erased(_erased_report(key), value)
        report, revision = report_of(key)
        said = self._said.setdefault(report, {})
        before = said.get(revision)
        self._count += (value is not None) - (before is not None)
        if isinstance(value, LinkedStatement):
            said[revision] = value
        else:
            said.pop(revision, None)
        if not said:
            del self._said[report]
        return before

    def _put_erased(self, report: _Report, until_ms: int | None) -> int | None:
        before = self.erased.pop(report, None)
        if until_ms is not None:
            self.erased[report] = until_ms
        return before

    def items(self) -> Iterable[tuple[str, RouteRecord]]:
        kept = (
            (statement_key(report, revision), one)
            for report, said in self._said.items()
            for revision, one in said.items()
        )
        erased = ((erased_key(report), until_ms) for report, until_ms in self.erased.items())
        renewed = ((RENEWED, self.renewed_ms),) if self.renewed_ms else ()
        return chain(self.cases.items(), kept, erased, renewed)

    def revisions(self, report: _Report) -> list[int]:
        """Of which something is kept."""
        return list(self._said.get(report, ()))

    def statements_of(self, report: _Report) -> list[LinkedStatement]:
        """What is kept of a report, the oldest revision first; nothing if it leads its case or that is over."""
        return [one for _, one in sorted(self._said.get(report, {}).items())]


RouteJournal = Journal[RouteBook]


def drop(journal: RouteJournal, report: _Report) -> None:
    """Keep nothing that a report has said any longer."""
    for revision in journal.book.revisions(report):
        journal.put(statement_key(report, revision), None)


def keep(journal: RouteJournal, steps: Sequence[Step], seen: Sequence[Sighting]) -> None:
    """Keep what a linked report of an open case says, and nothing of a case that is over. `seen`: by the steps' rows."""
    for step in steps:
        case, report = step.case, step.report
        if len(case.reports) == 1:
            continue
        if case.over:
            for linked in case.reports[1:]:
                drop(journal, linked.key)
        elif step.row is not None and report.key != case.lead.key and step.change != SUPERSEDED:
            one = seen[step.row]
            said = LinkedStatement(one.place_key, one.area, one.lat, one.lon, one.body, one.opens_ms)
            journal.put(statement_key(report.key, one.revision), said)


def route_misfit(key: str, record: RouteRecord | None) -> str | None:
    """Reason why this record cannot belong to this key, or None. A `hub.stream.changelog.state.Misfit`."""
    if key == RENEWED:
        return None if record is None or isinstance(record, int) else "a case or statement under the key of an instant"
    if key.startswith(_ERASED):
        return None if record is None or isinstance(record, int) else "a case or statement under the key of an erasure"
    if isinstance(record, int):
        return "an erasure under the key of something else"
    if not key.startswith(_MARK):
        if isinstance(record, LinkedStatement):
            return "a statement under the key of a case"
        return None if record is None or _whole(key, record) else "a case under another's key, or with half a point"
    if isinstance(record, Case):
        return "a case under the key of a statement"
    try:
        report_of(key)
    except ValueError:
        return "its key names no revision"
    return None


def _whole(key: str, case: Case) -> bool:
    clues = [report.clue for report in case.reports if report.clue is not None]
    points = [(case.lat, case.lon), *((clue.lat, clue.lon) for clue in clues)]
    halves = any((lat is None) != (lon is None) for lat, lon in points)
    return key == case.case_id and not halves and all(clue.sketch == b"" or is_sketch(clue.sketch) for clue in clues)


def strays(cases: dict[str, Case], keys: Iterable[str]) -> Iterator[str]:
    """Keys of statements that are of no linked report of an open case."""
    wanted = {report.key for case in cases.values() if not case.over for report in case.reports[1:]}
    return (key for key in keys if report_of(key)[0] not in wanted)


def report_of(key: str) -> tuple[_Report, int]:
    """Whose statement it is, and of which revision. A source's name has no colon, a reference may."""
    head, _, revision = key.removeprefix(_MARK).rpartition(":")
    source, _, ref = head.partition(":")
    return (source, ref), int(revision)


def erased_key(report: _Report) -> str:
    """Under which it is kept that a report's words were erased."""
    return f"{_ERASED}{report[0]}:{report[1]}"


def _erased_report(key: str) -> _Report:
    source, _, ref = key.removeprefix(_ERASED).partition(":")
    return source, ref


def statement_key(report: _Report, revision: int) -> str:
    return f"{_MARK}{report[0]}:{report[1]}:{revision}"
