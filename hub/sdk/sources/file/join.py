"""A second file's columns, looked up by a column that both files have. Held in memory: only the columns asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from hub.errors import FatalError, Reason, RejectedRecordError
from hub.sdk.access.paths import LocalPath
from hub.sdk.mapping.columns import text_of
from hub.sdk.mapping.mapping import EventSpec, FileFormat, Join, Mapping
from hub.sdk.mapping.specs import FieldSpec
from hub.sdk.sources.file.reader import open_reader
from hub.sdk.sources.file.rows import Row


class Joined:
    """Adds `join.<column>` to a row's values. Where the join is not required, rows without a partner get empty columns."""

    def __init__(self, join: Join | None, path: Path | None, mapping: Mapping) -> None:
        if join is None and path is not None:
            raise FatalError(f"the mapping takes no second file; leave out --join {path.name}")
        if join is not None and join.required and path is None:
            raise FatalError(
                f"the mapping takes {', '.join(join.columns)} from a second file; name it with --join FILE"
            )
        self._join = join
        self._names = [f"join.{name}" for name in join.columns] if join else []
        self._rows = _load(join, path, mapping) if join and path else {}

    def add(self, values: dict[str, Any]) -> None:
        """Raises RejectedRecordError(bad_row) if a required partner is missing."""
        if self._join is None:
            return
        found = self._rows.get(text_of(values.get(self._join.by)))
        if found is None and self._join.required:
            raise RejectedRecordError(Reason.BAD_ROW, f"{self._join.by} is not in the second file, or is empty")
        values.update(zip(self._names, found or [""] * len(self._names), strict=True))


def _load(join: Join, path: Path, mapping: Mapping) -> dict[str, tuple[str, ...]]:
    key = join.other or join.by
    columns = Mapping(
        description="the columns to join",
        format=FileFormat.CSV,
        encoding=mapping.encoding,
        event=EventSpec(
            source_ref=FieldSpec(column=key),
            reported_at=FieldSpec(constant=0, formats=["epoch_ms"]),
            attributes={name: FieldSpec(column=name) for name in join.columns},
        ),
    )
    reader = open_reader(path, columns)
    shared: dict[str, str] = {}  # channels and the like repeat: one string for all
    try:
        return {
            text_of(row.values[key]): tuple(shared.setdefault(v := text_of(row.values[c]), v) for c in join.columns)
            for row in reader
            if isinstance(row, Row)
        }
    finally:
        reader.lines.close()


class Input(BaseModel):
    """One file to read: with which mapping (None: the connector's default), and a second file to join, if the mapping takes one."""

    model_config = {"frozen": True}

    file: LocalPath
    mapping: str | None = None
    join: LocalPath | None = None
