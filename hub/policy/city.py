"""One city's rules, loaded and checked: what the core decides by."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from hub.declared.patterns import Pattern, compile_pattern
from hub.millis import midnight_ms
from hub.model.personal import Personal
from hub.policy.areas import Area
from hub.policy.divisions import CodesWithin, Divisions
from hub.policy.models import (
    DEFAULT_CLOCKS,
    EVERYTHING,
    MAIN_LAYER,
    STANDARD_LADDER,
    CalendarSpec,
    Category,
    CityFile,
    ClockSpec,
    ConditionSpec,
    DeadlineRule,
    DefaultPoint,
    Department,
    Example,
    Exit,
    LinkRule,
    Name,
    OutcomeSpec,
    Owners,
    PrivacyFile,
    Route,
    RungSpec,
    StepSpec,
)
from hub.policy.organisation import Organisation, served_by
from hub.topics import Topic, kept

_LABEL_CHARACTERS = 300
_REMEMBERED_LABELS = 20_000


def fold(text: str) -> str:
    """A text as it is compared: full-width folded to half-width, case and runs of blanks ignored."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def label_key(text: str) -> str:
    """A label as it is compared: its first 300 characters, folded."""
    return fold(text[:_LABEL_CHARACTERS])


@dataclass(frozen=True, eq=False)
class City:
    """Immutable but for a memory of labels; may be shared by all partitions of a process."""

    folder: Path
    file: CityFile
    categories: dict[str, Category]
    departments: dict[str, Department]
    areas: tuple[Area, ...]
    routes: tuple[Route, ...]
    deadlines: tuple[DeadlineRule, ...]
    calendars: dict[str, CalendarSpec]
    linking: tuple[LinkRule, ...]
    examples: tuple[Example, ...]
    fingerprint: str
    """Hash of the folder's content: two hubs with the same one decide the same."""
    layers: Mapping[str, tuple[Area, ...]] = field(default_factory=dict)
    """Further layers of areas by name, beside the main one in `areas`."""
    exits: tuple[Exit, ...] = ()
    fallback: tuple[Route, ...] = ()
    owners: Owners | None = None
    clocks: Mapping[str, ClockSpec] = field(default_factory=lambda: DEFAULT_CLOCKS)
    area_classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Codes of the main layer by class of area."""
    privacy: PrivacyFile = field(default_factory=PrivacyFile)
    conditions: Mapping[str, ConditionSpec] = field(default_factory=dict)
    steps: Mapping[str, StepSpec] = field(default_factory=dict)
    """Steps of the city's own by code."""
    divisions: Divisions | None = None
    """Areas as a tree of codes, where the city has divisions.yaml."""
    outcomes: Mapping[str, OutcomeSpec] = field(default_factory=dict)
    """What resolutions may come to (办理结果), by code."""
    organisation: Organisation | None = None
    """Who stands above whom, where the city has organisation.yaml."""
    included: tuple[str, ...] = ()
    """The packs 流程包 that the folder includes, by name."""
    replaced: tuple[str, ...] = ()
    """Rows of the city's own that took the place of a pack's, in words."""
    _exact: dict[str, Category] = field(init=False, repr=False, default_factory=dict)
    _patterns: list[tuple[Pattern, Category]] = field(init=False, repr=False, default_factory=list)
    _remembered: dict[str, Category | None] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        for category in self.categories.values():
            for alias in category.aliases:
                self._exact[label_key(alias)] = category
            self._patterns.extend((compile_pattern(text), category) for text in category.patterns)
        for category in self.categories.values():
            self._exact[label_key(category.code)] = category

    @cached_property
    def withheld(self) -> Mapping[str, frozenset[Personal]]:
        """What of a report each department is not told, as its purpose does not need it; who needs everything is not named."""
        purposes = {
            each.id: self.privacy.purposes.get(each.purpose or EVERYTHING) for each in self.departments.values()
        }
        return {id_: purpose.withheld for id_, purpose in purposes.items() if purpose and purpose.withheld}

    @cached_property
    def withheld_from_sources(self) -> Mapping[str, frozenset[Personal]]:
        """The same of sources, of what they are answered."""
        purposes = {source: self.privacy.purposes.get(purpose) for source, purpose in self.privacy.sources.items()}
        return {source: purpose.withheld for source, purpose in purposes.items() if purpose and purpose.withheld}

    def kept(self, topics: Iterable[Topic]) -> list[Topic]:
        """The topics with how long each keeps its records, where the rules say so."""
        return kept(topics, self.privacy.retention)

    @property
    def id(self) -> str:
        return self.file.id

    @cached_property
    def version(self) -> str:
        """What people call this state of the rules: the city, the day from which it holds, its fingerprint."""
        return f"{self.id}@{self.file.effective_from.isoformat()}+{self.fingerprint[:8]}"

    @property
    def effective_ms(self) -> int:
        """The local start of the day from which the folder holds, in UTC ms."""
        return midnight_ms(self.file.effective_from, self.time_zone)

    @property
    def main_layer(self) -> str:
        """The name of the layer in `areas`, whose codes make place keys."""
        return self.file.areas.layer if self.file.areas else MAIN_LAYER

    @property
    def name(self) -> Name:
        return self.file.name

    @property
    def time_zone(self) -> str:
        return self.file.time_zone

    @property
    def dispatch_desk(self) -> str:
        return self.file.dispatch_desk

    @property
    def grid_degrees(self) -> float:
        return self.file.grid_degrees

    @property
    def default_points(self) -> tuple[DefaultPoint, ...]:
        return self.file.default_points

    @cached_property
    def _class_of(self) -> Mapping[str, str]:
        return {code: name for name, codes in self.area_classes.items() for code in codes}

    def area_class(self, area: str | None) -> str | None:
        """The class of an area, or of the nearest above it that has one."""
        if area is None or self.divisions is None:
            return None if area is None else self._class_of.get(area)
        code = self.divisions.nearest(area, self._class_of)
        return None if code is None else self._class_of[code]

    @property
    def ladder(self) -> tuple[RungSpec, ...]:
        """The rungs of supervision, from below to above."""
        return STANDARD_LADDER if self.organisation is None else self.organisation.spec.ladder

    def unit_for(self, department: str, area: str | None) -> str | None:
        """The unit of a department that serves an area, if any."""
        return None if self.organisation is None else self.organisation.unit_for(department, area)

    def served_by(self, kind: str) -> tuple[str, ...]:
        """The areas that departments of a kind serve."""
        return served_by(None if self.organisation is None else self.organisation.spec, kind)

    def department_of(self, who: str) -> str | None:
        """The department that is called so, or that a unit of this name belongs to; None if there is neither."""
        known = who if self.organisation is None else self.organisation.department_of(who)
        return known if known in self.departments else None

    def desk_for(self, area: str | None) -> str:
        """The dispatch desk 派单台 for an area: that of its level, or else the city's."""
        return (self.organisation.desk_for(area) if self.organisation else None) or self.dispatch_desk

    def areas_of(self, codes: Iterable[str]) -> frozenset[str]:
        """These areas of the main layer, to be asked whether they have an area: with all that lies in them, where areas are a
        tree."""
        return frozenset(codes) if self.divisions is None else CodesWithin.of(self.divisions, codes)

    def category_of(self, label_or_code: str) -> Category | None:
        """The category of a code, a source's exact label or, failing these, the first pattern that is found in it."""
        try:
            return self._remembered[label_or_code]
        except KeyError:
            pass
        key = label_key(label_or_code)
        found = self._exact.get(key)
        if found is None and key:
            found = next((category for pattern, category in self._patterns if pattern.search(key)), None)
        if len(self._remembered) >= _REMEMBERED_LABELS:
            self._remembered.clear()
        if len(label_or_code) <= _LABEL_CHARACTERS:
            self._remembered[label_or_code] = found
        return found

    def link_rule(self, family: str) -> LinkRule | None:
        """The first linking row for `family`, or None: its reports are never linked to each other. See also rows `between`."""
        own = (rule for rule in self.linking if rule.between is None)
        return next((rule for rule in own if rule.family is None or family in rule.family), None)
