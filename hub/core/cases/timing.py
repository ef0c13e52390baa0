"""What a case was over time, as far as its clocks depend on it. Pure."""

from __future__ import annotations

from hub.core.cases.cases import Case
from hub.core.cases.steps import PASSED_ON, SENT_BACK
from hub.core.cases.versions import course
from hub.core.deadlines.decision import Stage


def course_of(case: Case) -> list[Stage]:
    """Its versions in order of time. Where departments have moved a case themselves, no amendment dispatches it anew."""
    stages = course(case)
    by_hand = case.rule in (SENT_BACK, PASSED_ON)
    return [each._replace(department=case.department) for each in stages] if by_hand else stages
