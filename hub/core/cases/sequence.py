"""The statements of one report by their revisions, whatever order they come in: what they end, and what opens it again. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hub.core.cases.cases import Case, Report
from hub.core.report import Sighting
from hub.core.stored import MAX_STATEMENTS
from hub.millis import NEVER_MS
from hub.model.event import EventKind
from hub.model.outputs import MarkKind

_OPENED, _, _WITHDRAWN, _CLOSED = EventKind
_REOPENED = MarkKind.REOPENED
ENDINGS = (_WITHDRAWN, _CLOSED)
RememberedStatement = tuple[int, str, int]
"""Revision, kind and time (ms) of a statement."""
RevisionMark = tuple[str, int]
"""An ending or REOPENED, and when (ms)."""


def with_statement(report: Report, case: Case, seen: Sighting) -> tuple[RememberedStatement, ...]:
    """All statements of a report by revision, with one more; of very many, those that still say something."""
    said = tuple(sorted((*said_of(report, case), (seen.revision, seen.kind, _at_ms(seen)))))
    return said if len(said) <= MAX_STATEMENTS else _thinned(said)


def _thinned(statements: tuple[RememberedStatement, ...]) -> tuple[RememberedStatement, ...]:
    """Without what neither ends nor opens anything, but for the first; then without the oldest."""
    first = next((each for each in statements if each[1] not in ENDINGS), statements[0])
    turns = [each for each in statements if each is not first and (each[1] == _OPENED or each[1] in ENDINGS)]
    return tuple(sorted((first, *turns[1 - MAX_STATEMENTS :])))


def end_of(seen: Sighting) -> tuple[str, int] | None:
    """What a first statement ends, if it does."""
    return (seen.kind, seen.at_ms) if seen.kind in ENDINGS else None


def first_said(seen: Sighting) -> tuple[RememberedStatement, ...]:
    """What must be remembered of a first statement; of an opening or an end it is known anyway."""
    return () if seen.kind == _OPENED or seen.kind in ENDINGS else ((seen.revision, seen.kind, _at_ms(seen)),)


def _at_ms(seen: Sighting) -> int:
    return seen.at_ms if seen.kind in ENDINGS else seen.opening_ms


def begins_with_end(report: Report, case: Case) -> bool:
    """True if all that is known of a report is that its source ended it."""
    return all(kind in ENDINGS for _, kind, _ in said_of(report, case))


def standing(statements: Sequence[RememberedStatement]) -> tuple[bool, tuple[str, int] | None]:
    """Whether a report is live after all its statements, and what ended it first if it is not."""
    end: tuple[str, int] | None = None
    for _, kind, at_ms in statements:
        if kind in ENDINGS:
            end = end or (kind, at_ms)
        elif kind == _OPENED:
            end = None
    return end is None, end


def marks_of(statements: Sequence[RememberedStatement]) -> list[RevisionMark]:
    """When its source ended a report, and opened it again: an opening is not before the ends that it undoes, nor an end before
    the opening that comes before it by revision. What was undone at the instant at which it began never was."""
    found: list[RevisionMark] = []
    since_ms, ended_ms = -NEVER_MS, None
    for _, kind, at_ms in statements:
        if kind in ENDINGS:
            at_ms = max(at_ms, since_ms)
            if ended_ms is None and found and found[-1] == (_REOPENED, at_ms):
                found.pop()
            found.append((kind, at_ms))
            ended_ms = at_ms if ended_ms is None else max(at_ms, ended_ms)
        elif kind == _OPENED and ended_ms is not None:
            since_ms, ended_ms = max(at_ms, ended_ms), None
            found.append((_REOPENED, since_ms))
    return found


def openings(statements: Sequence[RememberedStatement]) -> list[int]:
    """When a report was opened again by its own source after that had ended it."""
    return [at_ms for kind, at_ms in marks_of(statements) if kind == _REOPENED]


def case_marks(case: Case) -> list[RevisionMark]:
    """When the sources of a case ended it and opened it again: it ends when its lead is closed, or none of its reports lives any
    more. What a linked report that came after the end says of itself changes nothing, unless it brought the case back."""
    found = marks_of(said_of(case.lead, case)) if len(case.reports) == 1 else _marks_of_all(case)
    # what was undone by the opening never was
    undone = [index for index, (kind, at_ms) in enumerate(found) if kind == _REOPENED and at_ms <= case.opened_ms]
    return found[undone[-1] + 1 :] if undone else found


def _marks_of_all(case: Case) -> list[RevisionMark]:
    found: list[RevisionMark] = []
    living: set[tuple[str, str]] = set()
    over = False
    for at_ms, _, kind, report in sorted(_told(case), key=lambda each: each[:2]):
        if kind == _OPENED:
            over = over and report.over_before_ms is None
            living |= set() if over else {report.key}
        elif kind == _REOPENED:
            living.add(report.key)
            if over:
                over = False
                found.append((_REOPENED, at_ms))
        else:
            living.discard(report.key)
            if not living or (kind == _CLOSED and report is case.lead):
                over = True
                found.append((kind, at_ms))
    return found


_ORDER: dict[str, int] = {_OPENED: 0, _CLOSED: 1, _WITHDRAWN: 1, _REOPENED: 2}


def _told(case: Case) -> Iterator[tuple[int, tuple[int, str, str, str], str, Report]]:
    """What happened to each report: when, its place among what is of one instant, what, and to which."""
    for report in case.reports:
        said = said_of(report, case)
        made_ms = min((at_ms for _, kind, at_ms in said if kind not in ENDINGS), default=said[0][2])
        if report is not case.lead and report.over_before_ms is not None:
            made_ms = max(made_ms, report.over_before_ms)
        for kind, at_ms in [(_OPENED, made_ms), *marks_of(said)]:
            yield max(at_ms, made_ms), (_ORDER[kind], kind, *report.key), kind, report


def said_of(report: Report, case: Case) -> tuple[RememberedStatement, ...]:
    """Its statements by revision."""
    if report.statements:
        return report.statements
    made_ms = report.clue.at_ms if report.clue is not None and report is not case.lead else case.opened_ms
    kind, at_ms = report.end or (_OPENED, made_ms)
    return ((report.revision, kind, at_ms),)
