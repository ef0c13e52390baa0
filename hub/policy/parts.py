"""The files of one policy folder, each valid by itself, before they are checked against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.declared.document import Location
from hub.policy.divisions import Divisions
from hub.policy.models import (
    MAIN_LAYER,
    CalendarSpec,
    Category,
    CityFile,
    ClockSpec,
    ConditionSpec,
    DeadlineRule,
    Department,
    Example,
    Exit,
    LinkRule,
    OrganisationFile,
    OutcomeSpec,
    Owners,
    PrivacyFile,
    Route,
    StepSpec,
)


@dataclass(frozen=True)
class Parts:
    """What was read. `areas` are the codes of the main layer, `layers` those of the others by name."""

    city: CityFile
    categories: tuple[Category, ...]
    departments: tuple[Department, ...]
    areas: frozenset[str]
    routes: tuple[Route, ...]
    deadlines: tuple[DeadlineRule, ...]
    calendars: Mapping[str, CalendarSpec]
    linking: tuple[LinkRule, ...]
    examples: tuple[Example, ...]
    layers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    exits: tuple[Exit, ...] = ()
    fallback: tuple[Route, ...] = ()
    owners: Owners | None = None
    clocks: Mapping[str, ClockSpec] = field(default_factory=dict)
    area_classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    conditions: Mapping[str, ConditionSpec] = field(default_factory=dict)
    steps: Mapping[str, StepSpec] = field(default_factory=dict)
    outcomes: Mapping[str, OutcomeSpec] = field(default_factory=dict)
    templates: tuple[str, ...] = ()
    """Templates of deadlines that are in force."""
    privacy: PrivacyFile = field(default_factory=PrivacyFile)
    divisions: Divisions | None = None
    organisation: OrganisationFile | None = None

    @property
    def department_ids(self) -> frozenset[str]:
        return frozenset(department.id for department in self.departments)

    @property
    def main_layer(self) -> str:
        return self.city.areas.layer if self.city.areas else MAIN_LAYER

    def ladder(self) -> list[tuple[Location, Route | Exit]]:
        """The rows of routes.yaml as they are tried, with their places in the file."""
        return [
            *((("exits", index), row) for index, row in enumerate(self.exits)),
            *((("routes", index), row) for index, row in enumerate(self.routes)),
            *((("fallback", index), row) for index, row in enumerate(self.fallback)),
        ]
