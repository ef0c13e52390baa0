"""A case over time, as its lead's source describes it: its versions, and what a new one does to the clocks that run.
Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from hub.core.tracking.lives.life import Life, Term
from hub.core.tracking.state import TrackedCase, Version

NewTerm = Callable[[str, str, int], Term]
"""Makes a clock that runs from the opening: with this name, by this row, due at this instant."""


def case_versions(case: TrackedCase) -> tuple[Version, ...]:
    """The versions of a case, oldest first. If its history was never replayed: its present version, once for
    each department that `route` gave it to."""
    return case.versions or tuple(_as_given(case))


def _as_given(case: TrackedCase) -> Iterator[Version]:
    starts = tuple(
        (clock.clock, clock.policy, clock.due_ms if clock.moved is None else clock.moved.base_ms)
        for clock in case.clocks
        if not clock.by_event and not frozen_before(case, clock.cancelled, clock.ended_ms)
    )
    for hold in case.ledger:
        yield Version(
            at_ms=hold.from_ms,
            category=case.category,
            urgency=case.urgency,
            area=case.area,
            department=hold.department,
            co_handlers=tuple(case.members),
            called=tuple(case.called),
            unit=case.unit if hold is case.ledger[0] else None,
            starts=starts,
        )


def frozen_before(case: TrackedCase, cancelled: bool, ended_ms: int | None) -> bool:
    """True if an amendment cancelled this clock at a time when states kept no versions yet."""
    withdrawn = {max(mark.at_ms, case.opened_ms) for mark in case.marks if mark.event == "withdrawn"}
    return not case.versions and cancelled and ended_ms not in withdrawn


def amended(case: TrackedCase, version: Version) -> TrackedCase:
    """The case with one more version, which replaces any other version of the same instant."""
    others = tuple(each for each in case_versions(case) if each.at_ms != version.at_ms)
    versions = tuple(sorted((*others, version), key=lambda each: each.at_ms))
    return msgspec.structs.replace(case, versions=versions, special=True)


def amend(life: Life, version: Version, at_ms: int, new: NewTerm, reckon: Callable[[Term, int], None]) -> None:
    """Let the clocks that run since the opening be those of a new version. Clocks that had ended or run out by then
    stay as they are, and so do clocks that another event started."""
    life.version = version
    if life.over_ms is not None:
        return
    fresh = {clock: (policy, due_ms) for clock, policy, due_ms in version.starts}
    for term in life.terms:
        if term.by_event:
            continue
        row = fresh.pop(term.clock, None)
        if term.frozen or not term.running_at(at_ms) or row == (term.policy, term.base_ms):
            continue
        if row is None:
            term.frozen, term.ended_ms, term.cancelled = True, at_ms, True
        else:
            _follow(term, new(term.clock, *row), at_ms, reckon)
    if life.reopened_ms is None:  # what runs from the opening ended when the case was over
        life.terms += [_as_known(life, new(clock, *row), at_ms) for clock, row in fresh.items()]


def _follow(term: Term, other: Term, at_ms: int, reckon: Callable[[Term, int], None]) -> None:
    """Continue the clock under another row of the policy."""
    term.policy, term.rule, term.stops, term.rules = other.policy, other.rule, other.stops, other.rules
    term.base_ms = term.due_ms = other.base_ms
    term.changed_ms = at_ms
    rule = term.rule
    if rule is None or rule.pause is None:
        term.pauses = []
    if rule is None or rule.extension is None:
        term.extensions = []
    if term.pauses or term.extensions:
        reckon(term, at_ms)


def _as_known(life: Life, term: Term, at_ms: int) -> Term:
    """End a clock that no version before had asked for, if what stops it has happened already."""
    term.changed_ms = at_ms
    counts = {helper: life.rules.counts(term.policy, helper=helper) for helper in (False, True)}
    stopped = (one for one in life.effective if one.event in term.stops and counts[one.helper])
    first = next(stopped, None)
    if first is not None:
        term.ended_ms = first.at_ms
        term.said_ms = None if first.said_ms in (0, first.at_ms) else first.said_ms
    return term
