"""Which replies those who reported are owed for what departments say, and whether one is of the case or of a helper's part. Pure.

A helper that is done, or waits, says so of its own part: the case goes on. Its word is told as an answer (`RESPONDED`), so that
nobody reads that his matter is settled before it is.
"""

from __future__ import annotations

from hub.core.tracking.consequences import AS_RESOLVED, OwedReply
from hub.core.tracking.lives.life import Life
from hub.core.tracking.lives.lives import Lives
from hub.core.tracking.state import AppliedUpdate, TrackedCase

OF_PART: dict[str, str] = {
    "resolved": "A department that helps has done its part; the case goes on. 协办部门已完成其承担部分，案件仍在办理。",
    "paused": "A department that helps waits with its part; the case goes on. 协办部门暂停其承担部分，案件仍在办理。",
    "resumed": "A department that helps goes on with its part. 协办部门继续办理其承担部分。",
}
"""Events that say another thing of a part than of the case, with what is told of a part where the department wrote nothing."""


def of_update(case: TrackedCase, answer: AppliedUpdate, at_ms: int, life: Life | None = None) -> list[OwedReply]:
    """The replies to all reports of a case about an update that counts from this instant. `life`: of the case, if others than its
    only holder may have said it."""
    of_part = life is not None and _of_part(life, answer)
    return [
        OwedReply(case, source, ref, answer, max(at_ms, since_ms), of_part) for (source, ref), since_ms in case.reported
    ]


def of_link(lives: Lives, case: TrackedCase, source: str, ref: str, at_ms: int) -> list[OwedReply]:
    """The replies to a report that is linked now, made at this instant, about all that was said before."""
    told = [answer for answer in case.answers if answer.event in lives.vocabulary.answered]
    life = lives.tell(case) if case.special and any(answer.event in OF_PART for answer in told) else None
    return [
        OwedReply(case, source, ref, answer, max(answer.at_ms, at_ms), life is not None and _of_part(life, answer))
        for answer in told
    ]


def of_what_came_late(lives: Lives, before: TrackedCase, case: TrackedCase, life: Life) -> list[OwedReply]:
    """The replies that take the place of others: what was told as a helper's part has settled the case, by what is known now."""
    said = [answer for answer in before.answers if answer.status == AS_RESOLVED]
    if not said or before.over_ms is not None or life.over_ms is None:
        return []
    was = lives.tell(before)
    return [
        OwedReply(case, source, ref, answer, max(life.over_ms, since_ms), corrects=True)
        for answer in said
        if was.helped(answer) and not _of_part(life, answer) and life.instant(answer) == life.over_ms
        for (source, ref), since_ms in case.reported
    ]


def _of_part(life: Life, answer: AppliedUpdate) -> bool:
    return answer.event in OF_PART and life.helped(answer)
