"""A tracked case as the statements of its sources have it: versions with the clocks each asks for, ends, openings. Pure."""

from __future__ import annotations

import msgspec

from hub.core.deadlines.rules import DeadlineRules
from hub.core.tracking.amendments import amended, versions_of
from hub.core.tracking.clockwork import SOURCE_POLICY, first_clocks
from hub.core.tracking.consequences import Change
from hub.core.tracking.state import History, Stated, TrackedCase, Version


def by_history(rules: DeadlineRules, case: TrackedCase, change: Change) -> TrackedCase:
    """The case with the history that a change tells, in the place of what was known of it by statements. A change that only says
    that the case opened at another instant tells one of one version."""
    history = change.history or History((_stated(change, change.opened_ms, case.ledger[0].department),), case.marks)
    told = msgspec.structs.replace(
        case,
        opened_ms=change.opened_ms,
        category=change.category,
        urgency=change.urgency,
        area=change.area,
        conditions=tuple(change.conditions),
        over_ms=None,  # the telling finds when it was over, if it was
        special=True,
    )
    linked = (mark for mark in case.marks if mark.report is not None and mark.event == "reopened")
    known = versions_of(case) if case.opened_ms == change.opened_ms else ()
    ended = _stated(
        change, change.opened_ms, change.department
    )  # its sources did nothing but end it: no clock ever ran
    return msgspec.structs.replace(
        told,
        versions=tuple(_version(rules, told, each, known) for each in history.versions)
        or (Version(ended.at_ms, *ended[1:4], ended.department, ended.co_handlers),),
        marks=history.marks if history.marks is case.marks else (*history.marks, *linked),
    )


def with_amendment(rules: DeadlineRules, case: TrackedCase, change: Change) -> TrackedCase:
    """The case with what a change makes of it from its instant on; the very same if that is what it was."""
    last = versions_of(case)[-1]
    said = _stated(change, max(change.at_ms, case.opened_ms), change.department)
    version = _version(rules, case, said, ())
    same = msgspec.structs.replace(version, at_ms=last.at_ms, co_handlers=last.co_handlers) == last
    if same and change.change != "REROUTED":
        return case
    case = amended(case, version)
    return msgspec.structs.replace(case, category=said.category, urgency=said.urgency, area=said.area)


def _stated(change: Change, at_ms: int, department: str) -> Stated:
    return Stated(
        at_ms, change.category, change.urgency, change.area, change.due_ms, department, tuple(change.co_handlers)
    )


def _version(rules: DeadlineRules, case: TrackedCase, said: Stated, known: tuple[Version, ...]) -> Version:
    """Its clocks are those it was given when it was first heard of, if it was: rows may have changed since."""
    what = (said.category, said.urgency, said.area)
    starts = None
    if said.due_ms is None:
        alike = (each.starts for each in known if (each.category, each.urgency, each.area) == what)
        starts = next((each for each in alike if all(row != SOURCE_POLICY for _, row, _ in each)), None)
    if starts is None:
        dues = rules.due_one(said.category, case.source, said.urgency, said.area, case.opened_ms, case.conditions)
        clocks = first_clocks(dues, case.opened_ms, said.due_ms)
        starts = tuple((clock.clock, clock.policy, clock.due_ms) for clock in clocks)
    return Version(said.at_ms, *what, said.department, said.co_handlers, starts)
