"""The statements of one report by their revisions, whatever order they come in: what they end, and what opens it again. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from hub.core.cases import Case, Report
from hub.core.sightings import Sighting
from hub.core.stored import MAX_STATEMENTS

OPENED = "OPENED"
_ENDINGS = ("WITHDRAWN", "CLOSED")
Said = tuple[int, str, int]
"""Revision, kind and time (ms) of a statement."""


def with_statement(report: Report, case: Case, seen: Sighting) -> tuple[Said, ...]:
    """All statements of a report by revision, with one more; of very many, those that still say something."""
    said = tuple(sorted((*_said(report, case), (seen.revision, seen.kind, seen.at_ms))))
    return said if len(said) <= MAX_STATEMENTS else _thinned(said)


def _thinned(said: tuple[Said, ...]) -> tuple[Said, ...]:
    """Without what neither ends nor opens anything, but for the first; then without the oldest."""
    first = next((each for each in said if each[1] not in _ENDINGS), said[0])
    turns = [each for each in said if each is not first and (each[1] == OPENED or each[1] in _ENDINGS)]
    return tuple(sorted((first, *turns[1 - MAX_STATEMENTS :])))


def end_of(seen: Sighting) -> tuple[str, int] | None:
    """What a first statement ends, if it does."""
    return (seen.kind, seen.at_ms) if seen.kind in _ENDINGS else None


def first_said(seen: Sighting) -> tuple[Said, ...]:
    """What must be remembered of a first statement; of an opening or an end it is known anyway."""
    return () if seen.kind == OPENED or seen.kind in _ENDINGS else ((seen.revision, seen.kind, seen.at_ms),)


def begins_with_end(report: Report, case: Case) -> bool:
    """True if all that is known of a report is that its source ended it."""
    return all(kind in _ENDINGS for _, kind, _ in _said(report, case))


def standing(said: Sequence[Said]) -> tuple[bool, tuple[str, int] | None]:
    """Whether a report is live after all its statements, and what ended it first if it is not."""
    end: tuple[str, int] | None = None
    for _, kind, at_ms in said:
        if kind in _ENDINGS:
            end = end or (kind, at_ms)
        elif kind == OPENED:
            end = None
    return end is None, end


def openings(said: Sequence[Said]) -> list[int]:
    """When a report was opened again by its own source after that had ended it; not before the end that it undoes."""
    found: list[int] = []
    ended_ms: int | None = None
    for _, kind, at_ms in said:
        if kind in _ENDINGS:
            ended_ms = at_ms if ended_ms is None else max(at_ms, ended_ms)
        elif kind == OPENED and ended_ms is not None:
            found.append(max(at_ms, ended_ms))
            ended_ms = None
    return found


def _said(report: Report, case: Case) -> tuple[Said, ...]:
    if report.said:
        return report.said
    kind, at_ms = report.end or (OPENED, case.opened_ms)
    return ((report.revision, kind, at_ms),)
