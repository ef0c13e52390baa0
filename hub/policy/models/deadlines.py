"""deadlines.yaml: how long each clock may run."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from hub.policy.models.base import Id, RuleId, Strict, Text
from hub.policy.models.routes import When

Clock = Literal["accept", "respond", "resolve"]
Unit = Literal["minute", "hour", "urgent_work_hour", "work_hour", "work_day", "natural_day"]

CLOCKS: tuple[Clock, ...] = ("accept", "respond", "resolve")
CONTINUOUS_UNITS: frozenset[Unit] = frozenset({"minute", "hour", "urgent_work_hour"})
"""Units whose clock never stands still; an urgent work hour (紧急工作时) runs at night and on holidays too."""
OFFICE_UNITS: frozenset[Unit] = frozenset({"work_hour", "work_day"})
"""Units that count only while the office is open, and so need a calendar."""


class DeadlineRule(Strict):
    """How long one clock may run. For each clock the first row that matches applies."""

    id: RuleId
    clock: Clock
    when: When = When()
    duration: float = Field(gt=0, le=10_000)
    unit: Unit
    calendar: Id | None = None
    warn_share: float = Field(0.8, gt=0, lt=1)
    roll_forward: bool = False
    legal_basis: Text | None = None

    @model_validator(mode="after")
    def _unit_and_calendar_agree(self) -> Self:
        if self.unit in OFFICE_UNITS and self.calendar is None:
            raise ValueError(f"unit {self.unit} needs a calendar; name one of calendars.yaml")
        if self.unit in ("work_day", "natural_day") and self.duration != int(self.duration):
            raise ValueError(f"a duration in {self.unit} is a whole number; write hours for parts of a day")
        if self.roll_forward and (self.unit != "natural_day" or self.calendar is None):
            raise ValueError("roll_forward needs unit natural_day and a calendar that says which days are holidays")
        return self


class DeadlinesFile(Strict):
    """deadlines.yaml"""

    deadlines: tuple[DeadlineRule, ...] = ()
