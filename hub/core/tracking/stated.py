"""A tracked case as the statements of its sources have it: versions with the clocks each asks for, ends, openings. Pure."""

from __future__ import annotations

import msgspec

from hub.core.deadlines.decision import SOURCE_POLICY, CaseKind, opening_clocks
from hub.core.deadlines.versions import RuleVersions
from hub.core.tracking.consequences import Change
from hub.core.tracking.lives.amendments import amended, case_versions
from hub.core.tracking.state import Stated, StatedHistory, TrackedCase, Version
from hub.model.outputs import ChangeKind

Starts = tuple[tuple[str, str, int], ...]
"""Clocks that run from the opening: name, row, due time (ms)."""


def by_history(rules: RuleVersions, case: TrackedCase, change: Change) -> TrackedCase:
    """The case with the history that a change tells, in the place of what was known of it by statements. A change that only says
    that the case opened at another instant tells one of one version."""
    same = case.opened_ms == change.opened_ms
    history = change.history or StatedHistory(
        (_stated(change, change.opened_ms, case.ledger[0].department),), case.marks
    )
    told = msgspec.structs.replace(
        case,
        opened_ms=change.opened_ms,
        category=change.category,
        urgency=change.urgency,
        area=change.area,
        conditions=tuple(change.conditions),
        over_ms=None,  # the telling finds when it was over, if it was
        special=True,
        rules=case.rules if same else change.rules,
    )
    linked = (mark for mark in case.marks if mark.report is not None and mark.event == "reopened")
    known = case_versions(case) if same else ()
    ended = _stated(
        change, change.opened_ms, change.department
    )  # its sources did nothing but end it: no clock ever ran
    return msgspec.structs.replace(
        told,
        versions=tuple(_version(rules, told, each, known, change.rules) for each in history.versions)
        or (_as_stated(ended, ()),),
        marks=history.marks if history.marks is case.marks else (*history.marks, *linked),
    )


def with_amendment(rules: RuleVersions, case: TrackedCase, change: Change) -> TrackedCase:
    """The case with what a change makes of it from its instant on; the very same if that is what it was."""
    last = case_versions(case)[-1]
    said = _stated(change, max(change.at_ms, case.opened_ms), change.department)
    version = _version(rules, case, said, (), change.rules)
    same = (
        msgspec.structs.replace(
            version, at_ms=last.at_ms, co_handlers=last.co_handlers, called=last.called, unit=last.unit
        )
        == last
    )
    if same and change.change != ChangeKind.REROUTED:
        return case
    case = amended(case, version)
    return msgspec.structs.replace(case, category=said.category, urgency=said.urgency, area=said.area)


def _stated(change: Change, at_ms: int, department: str) -> Stated:
    return Stated(
        at_ms=at_ms,
        category=change.category,
        urgency=change.urgency,
        area=change.area,
        due_ms=change.due_ms,
        department=department,
        co_handlers=tuple(change.co_handlers),
        called=tuple(change.called),
        unit=change.unit,
    )


def _version(rules: RuleVersions, case: TrackedCase, stated: Stated, versions: tuple[Version, ...], by: str) -> Version:
    """With the clocks that `route` decided on by these rules. Where they are not those of the case, which it knows no longer, a
    version that was heard of before keeps the clocks that it has."""
    ours = bool(by) and by == case.rules
    starts, reckoned_by = (
        (stated.starts, None) if ours else _known_starts(versions, stated) or (stated.starts, by or None)
    )
    if starts is None:
        kind = CaseKind(stated.category, case.source, stated.urgency, stated.area, case.conditions)
        dues = opening_clocks(rules.of(case.rules, case.opened_ms), kind, case.opened_ms, stated.due_ms)
        starts, reckoned_by = tuple((due.clock, due.policy, due.due_ms) for due in dues), None
    return _as_stated(stated, starts, reckoned_by)


def _as_stated(stated: Stated, starts: Starts, reckoned_by: str | None = None) -> Version:
    return Version(
        at_ms=stated.at_ms,
        category=stated.category,
        urgency=stated.urgency,
        area=stated.area,
        department=stated.department,
        co_handlers=stated.co_handlers,
        called=stated.called,
        unit=stated.unit,
        starts=starts,
        rules=reckoned_by,
    )


def _known_starts(versions: tuple[Version, ...], stated: Stated) -> tuple[Starts, str | None] | None:
    """The clocks that such a version was given when it was first heard of, and by which rules."""
    if stated.due_ms is not None:
        return None
    what = (stated.category, stated.urgency, stated.area)
    alike = (each for each in versions if (each.category, each.urgency, each.area) == what)
    own = (each for each in alike if all(row != SOURCE_POLICY for _, row, _ in each.starts))
    return next(((each.starts, each.rules) for each in own), None)
