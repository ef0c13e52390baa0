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
