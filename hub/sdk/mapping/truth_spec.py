"""The part of a mapping that names a truth file's columns: what became of the reports."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import Field, field_validator, model_validator

from hub.declared.patterns import compile_pattern
from hub.sdk.mapping.specs import Encoding, MappingPart, Spec


class FlagSpec(MappingPart):
    """Yes or no: whether a column's value has what the regular expression looks for, upper and lower case alike."""

    column: str
    matches: str = Field(min_length=1, description='e.g. "^true$"; an empty value says nothing')

    @field_validator("matches")
    @classmethod
    def _compiles(cls, value: str) -> str:
        compile_pattern(value)
        return value


class TruthSpec(MappingPart):
    """What a second file says became of the reports: read by `backtest --truth` and `learn --truth`, never by a connector.

    Values are compared as the city writes them. Columns that only some rows fill are left empty in the others."""

    ref: Spec = Field(description="the report's reference: equal to the event's source_ref")
    due: Spec | None = Field(None, description="the city's own due time")
    closed: Spec | None = Field(None, description="when it was closed; empty: still open")
    department: Spec | None = None
    queue: Spec | None = None
    duplicate_of: Spec | None = Field(None, description="the reference of the other report, where it is known")
    duplicate: FlagSpec | None = Field(None, description="whether it was a duplicate of another report, known or not")
    overdue: FlagSpec | None = Field(None, description="the city's own word on whether it was late")
    snapshot: str | None = Field(None, description="ISO time at which the file was written: what is open was open then")
    encoding: Encoding | None = Field(None, description="if it differs from the events'")
    delimiter: str | None = Field(None, min_length=1, max_length=1)

    def columns(self) -> set[str]:
        """All that are read."""
        specs = [self.ref, *filter(None, (self.due, self.closed, self.department, self.queue, self.duplicate_of))]
        flags = {each.column for each in (self.duplicate, self.overdue) if each is not None}
        return flags | {column for spec in specs for column in spec.columns()}

    @model_validator(mode="after")
    def _sound(self) -> Self:
        for name in ("due", "closed"):
            spec = getattr(self, name)
            if spec is not None and spec.formats is None:
                raise ValueError(f"truth.{name} needs `formats`")
        if self.snapshot is not None:
            try:
                datetime.fromisoformat(self.snapshot)
            except ValueError:
                raise ValueError(f"snapshot {self.snapshot!r} is not an ISO time such as 2026-01-31T00:00:00") from None
        return self
