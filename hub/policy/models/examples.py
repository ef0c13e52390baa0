"""examples.yaml: decisions that must hold, whatever else is changed in the folder."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from hub.policy.models.base import Id, ShortText, Strict, UrgencyName
from hub.policy.models.deadlines import ClockName
from hub.policy.models.routes import ExitKind
from hub.policy.models.steps import StateName


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time without its offset is ambiguous; write it like 2026-03-02T09:00:00+08:00")
    return value


AwareInstant = Annotated[datetime, AfterValidator(_aware)]


class ExampleEvent(Strict):
    """The report of an example."""

    source: Id
    category: ShortText
    urgency: UrgencyName = "ROUTINE"
    opened: AwareInstant
    lat: float | None = None
    lon: float | None = None
    crs: str = "EPSG:4326"
    code: str | None = None
    grid: str | None = None
    channel: str = ""
    title: str = ""
    text: str = ""
    address: str | None = None
    attributes: dict[ShortText, str] = Field(default_factory=dict)


class ExampleOutcome(Strict):
    """What must come out. What is not given is not checked; `area: null` says it must be none, and so for queue, unit and exit."""

    department: Id
    area: str | None = None
    rule: str | None = None
    queue: str | None = None
    unit: str | None = None
    co_handlers: tuple[Id, ...] | None = None
    joint: bool | None = None
    exit: ExitKind | None = None
    due: dict[ClockName, AwareInstant] = Field(default_factory=dict)


class ExampleResult(Strict):
    """What must come of a word. What is not given is not checked; `reporters_told: null` says that they are told nothing,
    `unit: null` that no unit has it. `refused`: it may not be said. A department's own clocks are called CLOCK/DEPARTMENT."""

    refused: bool = False
    state: StateName | None = None
    department: Id | None = None
    unit: Id | None = None
    ended: tuple[ShortText, ...] | None = None
    """All clocks that have ended by then."""
    hung_up: tuple[ShortText, ...] | None = None
    """All clocks that stand still then 挂账、中止."""
    due: dict[ShortText, AwareInstant] = Field(default_factory=dict)
    reporters_told: ShortText | None = None
    """A part of it."""


class ExampleWord(Strict):
    """What is said of an example's case: a step, as clocks name it (`resolved`, `paused`, a code of steps.yaml), with its outcome.

    `by`: the department that says so; left out, who holds the case then.
    """

    event: Id
    said_at: AwareInstant
    by: Id | None = None
    unit: Id | None = None
    outcome: Id | None = None
    until: AwareInstant | None = None
    reason: ShortText | None = None
    clock: ClockName | None = None
    to: Id | None = None
    members: tuple[Id, ...] = ()
    note: str = ""
    expect: ExampleResult = ExampleResult()

    @model_validator(mode="before")
    @classmethod
    def _named_by_its_outcome(cls, given: Any) -> Any:
        """An outcome says its step: what has a date hangs the case up."""
        if isinstance(given, dict) and "event" not in given and "outcome" in given:
            return {**given, "event": "paused" if "until" in given else "resolved"}
        return given


class Example(Strict):
    """A decision that must hold, whatever else is changed in the folder; and, in `then`, what is said of the case, one after the
    other, and what comes of it."""

    name: ShortText
    event: ExampleEvent
    expect: ExampleOutcome
    then: tuple[ExampleWord, ...] = ()


class ExamplesFile(Strict):
    """examples.yaml"""

    examples: tuple[Example, ...] = ()
