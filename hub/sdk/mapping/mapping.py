"""A declared mapping: which of a file's columns is which field of the canonical event. YAML into strict models; no code, no I/O.

hub/sdk/mapping/fields.py turns it into a function; docs for authors are the descriptions below.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from hub.declared.document import load_yaml
from hub.model.crs import KNOWN_CRS, crs_of
from hub.sdk.mapping.extending import extended
from hub.sdk.mapping.references import ReferenceSpec
from hub.sdk.mapping.specs import Encoding, FieldSpec, MappingPart, Spec, known_zone
from hub.sdk.mapping.truth_spec import TruthSpec
from hub.sdk.mapping.updates import UpdateSpec, as_event


class PlaceSpec(MappingPart):
    """Where it is. `nowhere` lists points that the system writes when it does not know."""

    code: Spec | None = None
    grid: Spec | None = None
    lat: Spec | None = None
    lon: Spec | None = None
    crs: Spec = FieldSpec(constant="EPSG:4326")
    address: Spec | None = None
    nowhere: list[tuple[float, float]] = Field([], description="[lat, lon] pairs that mean: no place")

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.lat is None) != (self.lon is None):
            raise ValueError("give lat and lon, or neither")
        return self


class AttachmentsSpec(MappingPart):
    column: str = Field(description="addresses: a JSON list, or text split at `split`")
    split: str = "|"
    media_type: str = "image/jpeg"


class RevisionKind(StrEnum):
    COUNTED = "counted"
    NONE = "none"


class EventSpec(MappingPart):
    """The canonical event's fields."""

    source_ref: Spec
    revision: Spec = FieldSpec(constant=0)
    revisions: RevisionKind = Field(
        RevisionKind.COUNTED,
        description="none: the source counts no revisions. A row that comes again with other content is then an amendment, by "
        "when it came; elsewhere it is a conflict, and set aside",
    )
    kind: Spec = FieldSpec(constant="OPENED")
    occurred_at: Spec | None = None
    reported_at: Spec
    category: Spec = FieldSpec(constant="")
    category_label: Spec | None = None
    urgency: Spec = FieldSpec(constant="ROUTINE")
    place: PlaceSpec = PlaceSpec()
    title: Spec = FieldSpec(constant="")
    text: Spec = FieldSpec(constant="")
    channel: Spec = FieldSpec(constant="")
    attachments: AttachmentsSpec | None = None
    due_at: Spec | None = None
    attributes: dict[str, Spec] = Field({}, description="what else to keep: a list of columns, or name to column")

    @field_validator("attributes", mode="before")
    @classmethod
    def _list_of_columns(cls, value: Any) -> Any:
        return {name: name for name in value} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _counted_or_not(self) -> Self:
        if self.revisions is RevisionKind.NONE and "revision" in self.model_fields_set:
            raise ValueError("revisions: none, and a revision is declared; leave one of them out")
        return self

    def specs(self) -> dict[str, FieldSpec]:
        """Every declared field by its dotted name, attachments left out."""
        found = {name: spec for name in type(self).model_fields if isinstance(spec := getattr(self, name), FieldSpec)}
        place = {
            name: spec for name in PlaceSpec.model_fields if isinstance(spec := getattr(self.place, name), FieldSpec)
        }
        return (
            found
            | {f"place.{name}": spec for name, spec in place.items()}
            | {f"attributes.{name}": spec for name, spec in self.attributes.items()}
        )


class Where(MappingPart):
    """A row is read only if every condition holds; others are counted as filtered."""

    column: str
    among: list[str] | None = Field(None, min_length=1)
    not_among: list[str] | None = Field(None, min_length=1)
    empty: bool | None = Field(None, description="true: must be empty; false: must not be")

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        if sum(each is not None for each in (self.among, self.not_among, self.empty)) != 1:
            raise ValueError("give exactly one of among, not_among, empty")
        return self


class AlsoSpec(MappingPart):
    """A further statement that a row makes, or one for each entry of a list in it. If one of a row's statements cannot be used, the
    row as a whole is set aside."""

    where: list[Where] = Field([], description="the row makes it only if it meets all of these")
    each: str | None = Field(
        None,
        description="a column with a list, or with text split at `split`: one statement for each entry. Within `event` the entry "
        "is the column itself, its fields are `<column>.<field>`, and `<column>.#` is its place, from 1",
    )
    split: str = Field("|", min_length=1)
    event: EventSpec = Field(description="what is not said here is as in the mapping's `event`")

    def columns(self) -> set[str]:
        """The columns of the file that it reads."""
        used = {column for spec in self.event.specs().values() for column in spec.columns()}
        if self.event.attachments:
            used.add(self.event.attachments.column)
        if self.each is not None:
            used = {name for name in used if name != self.each and not name.startswith(f"{self.each}.")} | {self.each}
        return used | {each.column for each in self.where}


class Join(MappingPart):
    """Columns taken from a second CSV file (`--join FILE`), by a column that both have. They read as `join.<column>`."""

    by: str = Field(description="the column in this file")
    other: str | None = Field(None, description="its name in the second file, if it differs")
    columns: list[str] = Field(min_length=1)
    required: bool = Field(True, description="false: without --join the columns are empty")


class FileFormat(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"


class Mapping(MappingPart):
    """One file format of one system, in the canonical event's terms."""

    description: str = Field(min_length=1)
    format: FileFormat
    encoding: Encoding = Field(
        Encoding.UTF8, description="a byte order mark counts before it, and is dropped, mangled or not"
    )
    delimiter: str = Field(
        ",",
        min_length=1,
        max_length=1,
        description="if it is not given, the one of , ; tab | with which the header has the columns",
    )
    sheet: str | None = Field(None, description="of a workbook; without it the only one that has rows")
    time_zone: str = Field("UTC", description="of times that do not say")
    sorted: bool = Field(True, description="false: rows are sorted by report time in memory first; read once only")
    personal: list[str] = Field(
        [], description="columns with personal data: dropped on reading, also from dead letters"
    )
    optional_columns: list[str] = Field([], description="columns that some of these files lack; they read as empty")
    unread: list[str] = Field(
        [],
        description="columns that the system has and nothing here is read from; any other that comes is said as drift",
    )
    whole_numbers: list[str] = Field(
        [], description='columns of whole numbers that a spreadsheet wrote as "53.0"; they read as "53"'
    )
    decimal: Literal[".", ","] = Field(".", description="the decimal sign of numbers")
    thousands: Literal[",", ".", " ", "'"] | None = Field(
        None,
        description="what sets thousands of numbers apart; without it nothing does, and a number that has it is a bad row",
    )
    nulls: list[str] = Field(
        [], description="what the system writes where it has no value, e.g. N/A, NULL: read as empty"
    )
    reference: ReferenceSpec = ReferenceSpec()
    where: list[Where] = Field([], description="only rows that meet all of these are read")
    join: Join | None = None
    source: Spec | None = Field(
        None, description="where one file holds several systems' reports: whose a row is. For backtest and learn only"
    )
    event: EventSpec
    update: UpdateSpec | None = Field(
        None,
        description="in place of `event`: rows are what a department says of its cases (an edge with `department`)",
    )
    also: list[AlsoSpec] = Field([], description="further statements of the same row, sent behind it in this order")
    truth: TruthSpec | None = Field(None, description="the columns of a file that says what became of the reports")

    @model_validator(mode="before")
    @classmethod
    def _updates_are_read_as_events(cls, content: Any) -> Any:
        if not isinstance(content, dict) or not isinstance(content.get("update"), dict):
            return content
        if "event" in content or "also" in content:
            raise ValueError("rows are events or updates: leave one of `event` and `update` out")
        return content | {"event": as_event(content["update"])}

    @model_validator(mode="before")
    @classmethod
    def _rest_as_in_event(cls, content: Any) -> Any:
        if not isinstance(content, dict) or not isinstance(content.get("also"), list | tuple):
            return content
        event = content.get("event")
        return content | {"also": [_with_rest(each, event) for each in content["also"]]}

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        return known_zone(value)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.thousands == self.decimal:
            raise ValueError(f"thousands and decimal are both {self.decimal!r}; say which of them it is")
        for where, event in (
            ("event", self.event),
            *((f"also.{at}.event", each.event) for at, each in enumerate(self.also)),
        ):
            _require_sound(where, event)
        if used := sorted(set(self.personal) & self._used):
            raise ValueError(f"columns declared personal are used: {', '.join(used)}")
        if self.join is None and (joined := sorted(name for name in self._used if name.startswith("join."))):
            raise ValueError(f"{', '.join(joined)}: there is no `join`")
        if self.join and (missing := {n[5:] for n in self._used if n.startswith("join.")} - set(self.join.columns)):
            raise ValueError(f"join.columns lacks {', '.join(sorted(missing))}")
        return self

    @cached_property
    def _used(self) -> set[str]:
        used = {column for spec in self.event.specs().values() for column in spec.columns()}
        used |= {each.column for each in self.where}
        used |= set(self.source.columns()) if self.source else set()
        if self.event.attachments:
            used.add(self.event.attachments.column)
        used |= {column for each in self.also for column in each.columns()}
        return used | ({self.join.by} if self.join else set())

    def columns(self) -> set[str]:
        """All that are expected to be there, whether anything is read from them or not."""
        joined = {f"join.{each}" for each in self.join.columns} if self.join else set()
        truth = set(self.truth.columns()) if self.truth else set()
        return self._used | joined | truth | {*self.personal, *self.optional_columns, *self.whole_numbers, *self.unread}

    def readers(self, column: str) -> list[str]:
        """The fields that are read from a column, by their dotted names."""
        found = [name for name, spec in self.event.specs().items() if column in spec.columns()]
        found += ["where"] if any(each.column == column for each in self.where) else []
        found += [f"also.{at}" for at, each in enumerate(self.also) if column in each.columns()]
        attachments = self.event.attachments
        return found + (["attachments"] if attachments and attachments.column == column else [])

    def file_columns(self) -> set[str]:
        """The columns the file itself must have."""
        return {name for name in self._used if not (self.join and name.startswith("join."))} - set(
            self.optional_columns
        )


def _with_rest(also: Any, event: Any) -> Any:
    """A further statement, filled up from the first."""
    if not isinstance(also, dict) or not isinstance(event, dict) or not isinstance(also.get("event", {}), dict):
        return also
    return also | {"event": event | also.get("event", {})}


def _require_sound(where: str, event: EventSpec) -> None:
    fixed = event.place.crs.constant
    if fixed is not None and crs_of(str(fixed)) is None:
        raise ValueError(f"{where}.place.crs: {fixed} is not known; known are {KNOWN_CRS} and Web Mercator (EPSG:3857)")
    for name in ("occurred_at", "reported_at", "due_at"):
        spec = getattr(event, name)
        if spec is not None and spec.formats is None:
            raise ValueError(f"{where}.{name} needs `formats`")


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file, with what it extends. Raises FatalError, naming file and line."""
    return load_yaml(path, Mapping, extended)
