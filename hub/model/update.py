"""What departments say of the cases they were sent."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from hub.model.base import Int, Record, SourceMillis


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


NEAREST: dict[UpdateStep, UpdateStatus] = {
    UpdateStep.TRANSFERRED: UpdateStatus.REFUSED,
    **dict.fromkeys(
        (UpdateStep.VERIFIED, UpdateStep.SATISFIED, UpdateStep.UNSATISFIED, UpdateStep.SCORED), UpdateStatus.RESOLVED
    ),
}
"""The status to send with a step, for readers that do not know steps; ACCEPTED with all others."""


class Update(Record):
    """A department's statement about one case. `update_id` is the department's own reference of this update."""

    NAME: ClassVar[str] = "Update"

    update_id: str = Field(min_length=1, max_length=200)
    revision: Int = 0
    department: str = Field(min_length=1)
    case_id: str = Field(min_length=1)
    status: UpdateStatus
    at: SourceMillis
    note: str = Field("", max_length=200_000)
    step: UpdateStep = UpdateStep.AS_STATUS
    reason: str | None = None
    clock: str | None = None
    to: str | None = None
    members: list[str] = Field(default_factory=list)
    score: Int | None = None
    solved: bool | None = None
    report: str | None = None
