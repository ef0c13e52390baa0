"""examples.yaml: decisions that must hold, whatever else is changed in the folder."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from hub.policy.models.base import Id, ShortText, Strict, UrgencyName
from hub.policy.models.deadlines import ClockName
from hub.policy.models.routes import ExitKind


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


class Example(Strict):
    """A decision that must hold, whatever else is changed in the folder."""

    name: ShortText
    event: ExampleEvent
    expect: ExampleOutcome


class ExamplesFile(Strict):
    """examples.yaml"""

    examples: tuple[Example, ...] = ()
