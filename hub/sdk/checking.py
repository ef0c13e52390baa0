"""Tries a connector without publishing: are manifest and mappings sound, what would a file's rows become."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from hub.model.event import CaseEvent
from hub.sdk.join import Input
from hub.sdk.manifest import Manifest
from hub.sdk.mapping import load_mapping
from hub.sdk.source import load_source, rows_of

_MAX_DISTINCT = 1000
_EXAMPLE_CHARS = 48


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
class Report:
    """What `check` found. `reasons`: what is wrong, how often, and the first line it is on."""

    manifest: Manifest
    mappings: dict[str, str] = field(default_factory=dict)
    file: str | None = None
    rows: int = 0
    events: int = 0
    filtered: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, tuple[int, int]] = field(default_factory=dict)
    fields: dict[str, Filled] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {
            "connector": self.manifest.domain,
            "mappings": self.mappings,
            "file": self.file,
            "rows": self.rows,
            "events": self.events,
            "filtered": self.filtered,
            "rejected": dict(self.rejected),
            "reasons": {said: {"rows": count, "first_line": line} for said, (count, line) in self.reasons.items()},
            "fields": {
                name: {"filled": each.rows, "distinct": each.distinct_text} for name, each in self.fields.items()
            },
        }


def check(
    manifest: Manifest,
    mapping: str | None = None,
    file: Path | None = None,
    join: Path | None = None,
    limit: int | None = None,
) -> Report:
    """Load everything the connector declares and, if `file` is given, map its rows. Raises FatalError for what is unsound."""
    report = Report(manifest)
    source_type = load_source(manifest)
    for name in [mapping] if mapping else manifest.mappings:
        declared = load_mapping(manifest.mapping_path(name))
        report.mappings[name] = f"{declared.format}, {len(declared.event.specs())} fields, sound"
    if file is None:
        return report
    source = source_type(manifest, source_type.Config(inputs=(Input(file=file, mapping=mapping, join=join),)))
    report.file = file.name
    for row, event, rejection in islice(rows_of(source), limit):
        report.rows += 1
        if event is not None:
            report.events += 1
            _note(report, event)
        elif rejection is not None:
            report.rejected[rejection.reason] += 1
            count, line = report.reasons.get(str(rejection), (0, row.line))
            report.reasons[str(rejection)] = (count + 1, line)
        else:
            report.filtered += 1
    return report


def _note(report: Report, event: CaseEvent) -> None:
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
