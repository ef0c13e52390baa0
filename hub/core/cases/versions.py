"""What the lead's source says that a case is, by revision, and where the rules put each: from that follows what it was when. Pure.

The highest revision holds from its own time on, whatever was said later under a lower one. An empty category or a missing place
mean: as in the revision before, also when that comes later.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hub.core.cases.cases import Case, LeadVersion
from hub.core.cases.sequence import ENDINGS, begins_with_end, case_marks, said_of
from hub.core.deadlines.decision import Stage
from hub.core.tracking.state import HubEvent, Stated, StatedHistory

AT_MOST = 50
"""Of one case: of a source that goes on for ever the newest are kept."""


def versions_of(case: Case) -> tuple[LeadVersion, ...]:
    """By revision. Of a case that was never amended, what it is."""
    return case.versions or (_only(case),)


def _only(case: Case) -> LeadVersion:
    said = said_of(case.lead, case)
    revision = next((revision for revision, kind, _ in said if kind not in ENDINGS), case.lead.revision)
    return LeadVersion(
        revision=revision,
        at_ms=case.opened_ms,
        category=case.category,
        urgency=case.urgency,
        area=case.area,
        lat=case.lat,
        lon=case.lon,
        due_ms=case.due_ms,
        conditions=case.conditions,
        department=case.department,
        rule=case.rule,
        desk_reason=case.desk_reason,
        queue=case.queue,
        co_handlers=case.co_handlers,
        unit=case.unit,
        priority=case.priority,
        called=tuple(who for who, _ in case.called),
    )


def with_version(versions: Sequence[LeadVersion], new: LeadVersion) -> tuple[LeadVersion, ...]:
    """The versions with one more."""
    found = sorted((*versions, new), key=lambda each: each.revision)
    return (*complete(found)[-AT_MOST : -AT_MOST + 1], *found[-AT_MOST + 1 :]) if len(found) > AT_MOST else tuple(found)


def complete(versions: Sequence[LeadVersion]) -> list[LeadVersion]:
    """Each with what it leaves out, as in the revision before it."""
    found: list[LeadVersion] = []
    for version in versions:
        found.append(_after(found[-1], version) if found else version)
    return found


def _after(before: LeadVersion, version: LeadVersion) -> LeadVersion:
    placed = version.lat is not None
    if version.category and placed and version.due_ms is not None:
        return version
    return msgspec.structs.replace(
        version,
        category=version.category or before.category,
        area=version.area if placed or version.area else before.area,
        lat=version.lat if placed else before.lat,
        lon=version.lon if placed else before.lon,
        due_ms=before.due_ms if version.due_ms is None else version.due_ms,
    )


def in_force(versions: Sequence[LeadVersion]) -> list[LeadVersion]:
    """What the case was, in order of time: without those that a higher revision of an earlier or equal time takes the place of."""
    found: list[LeadVersion] = []
    for version in reversed(complete(versions)):
        if not found or version.at_ms < found[-1].at_ms:
            found.append(version)
    return found[::-1]


def course(case: Case) -> list[Stage]:
    """What clocks and holders depend on, in order of time: only where it changes."""
    found: list[Stage] = []
    for each in in_force(versions_of(case)):
        stage = _stage(each)
        if not found or found[-1][1:] != stage[1:]:
            found.append(stage)
    return found


def history_of(case: Case) -> StatedHistory:
    """All that the statements of a case say of its life. Without a version: nothing but that its sources ended it."""
    marks = tuple(HubEvent(kind.lower(), at_ms) for kind, at_ms in case_marks(case))
    if begins_with_end(case.lead, case):
        return StatedHistory((), marks)
    # what says nothing new is no version: in its order it comes without a history, and nobody is told of it
    return StatedHistory(tuple(Stated(**stage._asdict()) for stage in course(case)), marks)


def _stage(version: LeadVersion) -> Stage:
    return Stage(
        at_ms=version.at_ms,
        category=version.category,
        urgency=version.urgency,
        area=version.area,
        due_ms=version.due_ms,
        department=version.department,
        co_handlers=version.co_handlers,
        called=version.called,
        unit=version.unit,
    )
