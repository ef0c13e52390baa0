"""Tries a connector without publishing: are manifest and mappings sound, how is a file read, what would its rows become."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from hub.core.places.places import Places
from hub.model.event import CaseEvent
from hub.sdk.contract import Context, Item, Source
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import Manifest
from hub.sdk.mapping.mapping import Mapping, load_mapping
from hub.sdk.mapping.personal import personal_columns
from hub.sdk.sources.file.join import Input
from hub.sdk.sources.file.lines import Watch
from hub.sdk.sources.file.rows import BadRow
from hub.sdk.sources.file.source import FileSource, file_config

_MAX_DISTINCT = 1000
_EXAMPLE_CHARS = 48
_POINTS_AT_A_TIME = 10_000


@dataclass
class Filled:
    """How one field came out over all rows."""

    rows: int = 0
    distinct: set[str] = field(default_factory=set)
    example: str = ""

    def add(self, value: Any) -> None:
        self.rows += 1
        text = str(value)
        self.example = self.example or text.replace("\n", " ")[:_EXAMPLE_CHARS]
        if len(self.distinct) < _MAX_DISTINCT:
            self.distinct.add(text)

    @property
    def distinct_text(self) -> str:
        return f"{len(self.distinct):,}" + ("+" if len(self.distinct) >= _MAX_DISTINCT else "")


@dataclass
class CheckReport:
    """What `check` found. `reasons`: what is wrong, how often, and the first line it is on."""

    manifest: Manifest
    mappings: dict[str, str] = field(default_factory=dict)
    personal: dict[str, dict[str, str]] = field(default_factory=dict)
    """By mapping, of each column that may be personal what of a person stands there, or that it stays at the source."""
    file: str | None = None
    read_as: str = ""
    rows: int = 0
    events: int = 0
    filtered: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, tuple[int, int]] = field(default_factory=dict)
    fields: dict[str, Filled] = field(default_factory=dict)
    points: Counter[str] = field(default_factory=Counter)
    """That lie in no area of the city, by likely reason."""
    unfinished_line: int | None = None
    """The last, if it has no line end: a run leaves it for the next, unless told otherwise."""

    def as_dict(self) -> dict[str, Any]:
        return {
            "connector": self.manifest.domain,
            "mappings": self.mappings,
            "personal": self.personal,
            "file": self.file,
            "read_as": self.read_as,
            "rows": self.rows,
            "events": self.events,
            "filtered": self.filtered,
            "points_unplaced": dict(self.points),
            "unfinished_line": self.unfinished_line,
            "rejected": dict(self.rejected),
            "reasons": {said: {"rows": count, "first_line": line} for said, (count, line) in self.reasons.items()},
            "fields": {
                name: {"filled": each.rows, "distinct": each.distinct_text} for name, each in self.fields.items()
            },
        }


class _Points:
    """The points of many events, judged together."""

    def __init__(self, report: CheckReport, places: Places | None) -> None:
        self._report, self._places = report, places
        self._held: list[tuple[float, float, str | None, str, str | None, str]] = []

    def add(self, event: CaseEvent) -> None:
        place = event.place
        if self._places is not None and place.lat is not None and place.lon is not None:
            self._held.append((place.lat, place.lon, place.code, place.crs, place.grid, event.source))
            if len(self._held) >= _POINTS_AT_A_TIME:
                self.count()

    def count(self) -> None:
        if self._places is not None and self._held:
            located = self._places.locate(*zip(*self._held, strict=True))
            self._report.points.update(str(each) for each in located.faults.values())
            self._held.clear()


def check(
    manifest: Manifest,
    mapping: str | None = None,
    file: Path | None = None,
    join: Path | None = None,
    limit: int | None = None,
    places: Places | None = None,
) -> CheckReport:
    """Load everything the connector declares and, if `file` is given, map its rows; `places` judges their points.

    Raises FatalError for what is unsound.
    """
    report = _declared(manifest, mapping)
    if file is None:
        return report
    intake = MappingSet(manifest)
    config = file_config(inputs=(Input(file=file, mapping=mapping, join=join),))
    source = FileSource(config, Context(manifest.domain, intake.outcome, intake.mapping))
    report.file = file.name
    points = _Points(report, places)
    reader = source.open(0, Watch())
    try:
        for row in islice(reader, limit):
            if not row.finished:
                report.unfinished_line = row.line
                if isinstance(row, BadRow):
                    continue  # what is missing may still come
            _judge(report, intake, source.item(0, row), points)
        report.read_as = reader.read_as
    finally:
        reader.lines.close()
    points.count()
    return report


def check_source(
    manifest: Manifest,
    source: Source,
    intake: MappingSet,
    mapping: str | None,
    limit: int,
    places: Places | None = None,
) -> CheckReport:
    """Reach the source's system, and map what it gives first. Changes nothing on either side.

    Raises what the source raises: it cannot be reached (TransientError), refuses (AuthError), or is not what was declared.
    """
    report = _declared(manifest, mapping)
    report.file = source.system or manifest.domain
    report.read_as = source.check()
    points = _Points(report, places)
    for item in source.sample(limit):
        _judge(report, intake, item, points)
    points.count()
    return report


def _declared(manifest: Manifest, mapping: str | None) -> CheckReport:
    report = CheckReport(manifest)
    for name in [mapping] if mapping else manifest.mappings:
        declared = load_mapping(manifest.mapping_path(name))
        report.mappings[name] = f"{declared.format}, {len(declared.event.specs())} fields, {_statements(declared)}sound"
        report.personal[name] = personal_columns(declared)
    return report


def _statements(mapping: Mapping) -> str:
    return f"{1 + len(mapping.also)} statements a row, " if mapping.also else ""


def _judge(report: CheckReport, intake: MappingSet, item: Item, points: _Points) -> None:
    outcome = intake.outcome(item)
    rejection = outcome.rejection
    report.rows += 1
    if outcome.events:
        report.events += len(outcome.events)
        for event in outcome.events:
            _note(report, event)
            points.add(event)
    elif rejection is not None:
        report.rejected[rejection.reason] += 1
        count, line = report.reasons.get(str(rejection), (0, item.number))
        report.reasons[str(rejection)] = (count + 1, line)
    else:
        report.filtered += 1


def _note(report: CheckReport, event: CaseEvent) -> None:
    values = event.model_dump()
    place = values.pop("place")
    if place["lat"] is None:
        place.pop("crs")
    values |= {f"place.{name}": value for name, value in place.items()}
    values |= {f"attributes.{name}": value for name, value in values.pop("attributes").items()}
    for name, value in values.items():
        filled = report.fields.setdefault(name, Filled())
        if value not in (None, "", []):
            filled.add(value)
