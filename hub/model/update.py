"""What departments say of the cases they were sent."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from hub.bounds import MAX_SYSTEM_ID_CHARS
from hub.model.base import (
    MAX_ITEMS,
    MAX_REF_CHARS,
    NO_CONTROLS,
    CaseId,
    Code,
    Counter,
    Int,
    LineText,
    Record,
    Reference,
    SourceMillis,
    SystemId,
    Text,
)
from hub.model.personal import Personal

MAX_REPORT_CHARS = MAX_SYSTEM_ID_CHARS + 1 + MAX_REF_CHARS
"""SOURCE:REF."""


class UpdateStatus(StrEnum):
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    RESPONDED = "RESPONDED"
    RESOLVED = "RESOLVED"


class UpdateStep(StrEnum):
    """What `status` has no word for. A new symbol is read as AS_STATUS by who does not know it."""

    AS_STATUS = "AS_STATUS"
    ARRIVED = "ARRIVED"
    TRANSFERRED = "TRANSFERRED"
    DESIGNATED = "DESIGNATED"
    EXTENSION_ASKED = "EXTENSION_ASKED"
    EXTENSION_GRANTED = "EXTENSION_GRANTED"
    EXTENSION_DENIED = "EXTENSION_DENIED"
    PAUSED = "PAUSED"
    RESUMED = "RESUMED"
    WHISTLED = "WHISTLED"
    VERIFIED = "VERIFIED"
    SATISFIED = "SATISFIED"
    UNSATISFIED = "UNSATISFIED"
    SCORED = "SCORED"
    REOPENED = "REOPENED"
    REMINDED = "REMINDED"
    SUPERVISED = "SUPERVISED"
    NOTIFIED = "NOTIFIED"
    UNLINKED = "UNLINKED"
    CUSTOM = "CUSTOM"


NEAREST: dict[UpdateStep, UpdateStatus] = {
    UpdateStep.TRANSFERRED: UpdateStatus.REFUSED,
    **dict.fromkeys(
        (UpdateStep.VERIFIED, UpdateStep.SATISFIED, UpdateStep.UNSATISFIED, UpdateStep.SCORED), UpdateStatus.RESOLVED
    ),
}
"""The status to send with a step, for readers that do not know steps; ACCEPTED with all others."""


EVENT_NAMES: tuple[str, ...] = (*UpdateStatus, *(step for step in UpdateStep if step != UpdateStep.AS_STATUS))
"""All that an update can say happened; CUSTOM stands for the steps of the city's own."""
_NAMED = frozenset(EVENT_NAMES)


def event_of(status: str, step: str, code: str | None, until: object = None) -> str:
    """What an update says happened: its step, where it has one, and else its status. Of a step of the city's own its code in upper
    case, unless that is the name of another. A resolution that holds `until` a date (挂账) is a pause."""
    if until is not None and status == UpdateStatus.RESOLVED and step == UpdateStep.AS_STATUS:
        return UpdateStep.PAUSED.value
    if step == UpdateStep.CUSTOM and code and code.upper() not in _NAMED:
        return code.upper()
    return status if step == UpdateStep.AS_STATUS else step


def status_and_step(event: str) -> tuple[UpdateStatus, UpdateStep]:
    """How an update says that an event happened. Raises ValueError for one that no update can say."""
    if event not in EVENT_NAMES:
        raise ValueError(f"no update can say {event!r}")
    if event in set(UpdateStatus):
        return UpdateStatus(event), UpdateStep.AS_STATUS
    step = UpdateStep(event)
    return NEAREST.get(step, UpdateStatus.ACCEPTED), step


class Update(Record):
    """A department's statement about one case. `update_id` is the department's own reference of this update."""

    NAME: ClassVar[str] = "Update"

    update_id: Reference
    revision: Counter = 0
    department: SystemId
    case_id: CaseId
    status: UpdateStatus
    at: SourceMillis
    note: Annotated[Text, Personal.WORDS] = ""
    step: UpdateStep = UpdateStep.AS_STATUS
    reason: Annotated[LineText | None, Personal.WORDS] = None
    clock: Code | None = None
    to: Code | None = None
    members: list[Code] = Field(default_factory=list, max_length=MAX_ITEMS)
    score: Int | None = None
    solved: bool | None = None
    report: Annotated[str, Field(max_length=MAX_REPORT_CHARS), NO_CONTROLS, Personal.REFERENCE] | None = None
    code: Code | None = None
    outcome: Code | None = None
    until: SourceMillis | None = None
    unit: Code | None = None
