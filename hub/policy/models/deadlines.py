"""deadlines.yaml: which clocks there are, and how long each may run."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from hub.policy.models.base import Id, Name, RuleId, ShortText, Strict
from hub.policy.models.calendars import YearPart
from hub.policy.models.routes import RouteWhen, When
from hub.units import UNITS, Manner, unit_of
from hub.units.unit import NAMED_ENDS, parse_time_of_day


def _unit(name: str) -> str:
    if name not in UNITS:
        raise ValueError(f"there is no unit {name!r}; write one of {', '.join(UNITS)}")
    return name


ClockName = Id
"""Which clock: accept, respond, resolve, or one that the city names (contact, arrive, verify, review, ...)."""
UnitName = Annotated[str, AfterValidator(_unit)]
"""A unit of durations by its name, one of hub/units."""
AreaClass = Annotated[str, Field(pattern=r"^([A-Z]|[a-z][a-z0-9_]{0,39})$")]
"""Of an area: A, B, C as limits of city management have it (核心区 A), or a word: urban, rural."""
By = Literal["holder", "helper", "any"]
"""Whose word starts and stops a clock of the case: who holds it 主办, who helps 协办 or was called 吹哨, or any of them."""

CLOCKS: tuple[ClockName, ...] = ("accept", "respond", "resolve")
"""The clocks every city has, whether deadlines.yaml describes them or not."""


def _ends(text: str) -> str:
    if text not in NAMED_ENDS:
        parse_time_of_day(text)
    return text


Ends = Annotated[str, AfterValidator(_ends)]
Share = Annotated[float, Field(gt=0, lt=1)]


def _whole(duration: float, unit: str) -> None:
    if unit_of(unit).whole and duration != int(duration):
        raise ValueError(f"a duration in {unit} is a whole number; write hours for parts of a day")


class ClockSpec(Strict):
    """A clock by name: which events start and which stop it. The first of each that happens counts.

    `by`: whose word counts for the clock of the case. A department's own, which runs from when it was called, goes by its own.
    """

    name: Name
    start: tuple[Id, ...] = Field(("opened",), min_length=1)
    stop: tuple[Id, ...] = Field(min_length=1)
    by: By = "holder"


DEFAULT_CLOCKS: dict[ClockName, ClockSpec] = {
    "accept": ClockSpec(name=Name(en="accept", zh="受理"), stop=("accepted", "refused", "responded", "resolved")),
    "respond": ClockSpec(name=Name(en="respond", zh="答复"), stop=("responded", "resolved")),
    "resolve": ClockSpec(name=Name(en="resolve", zh="办结"), stop=("resolved",)),
}
"""Who has resolved has accepted and responded."""


class Extension(Strict):
    """How often and how long a clock may be extended (延期), and who approves: a fixed duration or a share of the original."""

    times: int = Field(1, ge=1, le=20)
    duration: float | None = Field(None, gt=0, le=10_000)
    unit: UnitName | None = None
    share: float | None = Field(None, gt=0, le=10)
    approved_by: ShortText
    notify_reporter: bool = False

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        if (self.duration is None) == (self.share is None) or (self.duration is None) != (self.unit is None):
            raise ValueError(
                "an extension has a duration with its unit, or a share of the original; give one of the two"
            )
        if self.duration is not None and self.unit is not None:
            _whole(self.duration, self.unit)
        return self


class Pause(Strict):
    """For what a clock may stand still (中止, 挂账), how often, and for how long at most."""

    reasons: tuple[ShortText, ...] = Field(min_length=1)
    times: int | None = Field(None, ge=1)
    duration: float | None = Field(None, gt=0, le=10_000)
    unit: UnitName | None = None

    @model_validator(mode="after")
    def _duration_has_its_unit(self) -> Self:
        if (self.duration is None) != (self.unit is None):
            raise ValueError("the longest pause is a duration with its unit; give both or none")
        return self


class ConditionSpec(RouteWhen):
    """What a report fulfils if all that is given here holds of it, as in routes.yaml; and beside that `area_class`, the class that
    deadlines.yaml gives its area, and `season`, a part of every year, by the city's local day of the report."""

    area_class: tuple[AreaClass, ...] | None = Field(None, min_length=1)
    season: YearPart | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if all(getattr(self, name) is None for name in type(self).model_fields):
            raise ValueError("a condition that asks nothing holds of every report; say what it asks, or remove it")
        if self.owner is not None:
            raise ValueError("`owner` says whose a facility is, for routes; ask for its attribute instead")
        return self


class DeadlineWhen(When):
    """Conditions of deadlines; all that are given must hold, each by one of its values.

    `area_class`: the class (A, B, C; urban, rural) that deadlines.yaml gives the area. `condition` (立案条件): what holds of this
    one report beyond its category: one that `conditions` declares, or `channel=...` and `attribute.<name>=...`, which hold by
    themselves.
    """

    area_class: tuple[AreaClass, ...] | None = Field(None, min_length=1)
    condition: tuple[ShortText, ...] | None = Field(None, min_length=1)


class DeadlineRule(Strict):
    """How long one clock may run. For each clock the first row that matches, and is in force when the clock starts, applies.

    `ends`: when in its last day a clock in days runs out: `same_time` (work_day's own way), `day_end` (that of natural_day and
    month), `close` of the office, or a time of day; for work_hour, `opening` lets what ends at a close wait for the next
    opening. `runs: false` says that no such clock runs here, and has no duration. `start`, `stop`, `by`: others than the
    clock's. `climbs`: when this clock runs out, the case climbs to that rung of the ladder (organisation.yaml) by itself,
    and the order that says so names it; for
    some time after another clock ran out, give a clock that `<clock>_overdue` starts. `legal`: a limit that a law sets (法定时限).
    `yields`: where such a limit of the same clock matches too and is longer, that one applies (法定时限更长的从其规定).
    `template`: not the law of this place; the row is off until `templates` in this file names it.
    """

    id: RuleId
    clock: ClockName
    when: DeadlineWhen = DeadlineWhen()
    runs: bool = True
    duration: float = Field(1, gt=0, le=100_000)
    unit: UnitName = "hour"
    calendar: Id | None = None
    ends: Ends | None = None
    first_day_counts: bool = False
    roll_forward: bool = False
    warn_share: Share = 0.8
    warn_shares: tuple[Share, ...] = ()
    start: tuple[Id, ...] = ()
    stop: tuple[Id, ...] = ()
    by: By | None = None
    legal: bool = False
    yields: bool = False
    climbs: Id | None = None
    extension: Extension | None = None
    pause: Pause | None = None
    effective_from: date | None = None
    effective_until: date | None = None
    """The first day on which the row no longer holds."""
    template: Id | None = None
    legal_basis: ShortText | None = None
    note: ShortText | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not self.runs:
            if {"duration", "unit", "calendar", "ends", "climbs", "extension", "pause"} & self.model_fields_set:
                raise ValueError(
                    "a row that says `runs: false` has no duration; remove duration, unit and what goes with them"
                )
            if self.legal or self.yields:
                raise ValueError(
                    "a row that says `runs: false` has no limit to be longer or shorter; remove legal, yields"
                )
            return self
        if self.legal and self.yields:
            raise ValueError("a limit that a law sets gives way to none; keep one of legal and yields")
        if not {"duration", "unit"} <= self.model_fields_set:
            raise ValueError("a row gives its duration and its unit; a unit is never guessed (or write `runs: false`)")
        self._unit_and_calendar_agree()
        if any(later <= earlier for earlier, later in pairwise(self.warn_shares)):
            raise ValueError("warn_shares are out of order; sort them, each once")
        if self.warn_shares and "warn_share" in self.model_fields_set:
            raise ValueError("warn_share and warn_shares are both given; keep one")
        if self.effective_from and self.effective_until and self.effective_from >= self.effective_until:
            raise ValueError("effective_until is not after effective_from, so the row never holds; mend the dates")
        return self

    def _unit_and_calendar_agree(self) -> None:
        unit = unit_of(self.unit)
        if unit.needs_office and self.calendar is None:
            raise ValueError(f"unit {self.unit} needs a calendar; name one of calendars.yaml")
        _whole(self.duration, self.unit)
        if self.roll_forward and (not unit.rolls or self.calendar is None):
            raise ValueError("roll_forward needs unit natural_day and a calendar that says which days are holidays")
        if self.ends is not None and not unit.takes(self.ends):
            where = "work_hour" if self.ends == "opening" else "days"
            raise ValueError(f"`ends: {self.ends}` is for clocks in {where}, not in {self.unit}; remove it")
        if self.ends == "close" and self.calendar is None:
            raise ValueError("`ends: close` needs a calendar that says when the office closes; name one")
        if self.first_day_counts and not unit.first_day_may_count(self.ends):
            raise ValueError("first_day_counts is for clocks in days that end with the day; remove it")

    @property
    def manner(self) -> Manner:
        """How the row wants its unit counted."""
        return Manner(self.ends, self.roll_forward, self.first_day_counts)

    @property
    def shares(self) -> tuple[float, ...]:
        """At which shares of its time the clock warns, in order."""
        return self.warn_shares or (self.warn_share,)


class DeadlinesFile(Strict):
    """deadlines.yaml. `area_classes`: codes of the main layer, or of
    divisions.yaml, by class; what lies in an area is of its class, unless it has one of its own. `conditions`: when each holds of a
    report. `templates`: which named templates are in force."""

    clocks: dict[ClockName, ClockSpec] = Field(default_factory=dict)
    conditions: dict[ShortText, ConditionSpec] = Field(default_factory=dict)
    area_classes: dict[AreaClass, tuple[ShortText, ...]] = Field(default_factory=dict)
    templates: tuple[Id, ...] = ()
    deadlines: tuple[DeadlineRule, ...] = ()

    @property
    def in_force(self) -> tuple[DeadlineRule, ...]:
        """Rows that are not a template's, and those of the templates that are chosen."""
        return tuple(rule for rule in self.deadlines if rule.template is None or rule.template in self.templates)
