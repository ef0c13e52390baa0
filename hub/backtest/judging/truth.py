"""Reads a truth file by the `truth` section of a mapping: for each reference, what the city itself decided and when it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from hub.backtest.intake import OnProgress
from hub.declared.patterns import compile_pattern
from hub.errors import FatalError, RejectedRecordError
from hub.sdk.mapping.columns import Cell, cell_reader, text_of, text_reader, time_reader
from hub.sdk.mapping.mapping import EventSpec, FileFormat, Mapping
from hub.sdk.mapping.references import reference_reader
from hub.sdk.mapping.specs import FieldSpec
from hub.sdk.mapping.times import parse_time
from hub.sdk.mapping.truth_spec import FlagSpec, TruthSpec
from hub.sdk.sources.file.reader import open_reader
from hub.sdk.sources.file.rows import BadRow

_EVERY = 5_000
_TEXTS = ("department", "queue", "duplicate_of")


class TruthRow(msgspec.Struct, frozen=True):
    """What is known of one report. Times in ms since 1970 UTC; None where the file does not say."""

    due_ms: int | None = None
    closed_ms: int | None = None
    department: str | None = None
    queue: str | None = None
    duplicate_of: str | None = None
    duplicate: bool | None = None
    overdue: bool | None = None


@dataclass
class TruthTable:
    """A truth file's rows by reference. Of several rows with one reference the first counts."""

    rows: dict[str, TruthRow]
    tells: frozenset[str] = frozenset()
    """Names of what the mapping gives a column for: due, closed, department, ..."""
    snapshot_ms: int | None = None
    bad: list[tuple[int, str]] = field(default_factory=list)
    """Line and reason of rows that could not be read."""
    repeated: int = 0


def read_truth(path: Path, mapping: Mapping, on_progress: OnProgress | None = None) -> TruthTable:
    """Raises FatalError if the mapping has no `truth` section, the file is missing, or it lacks a column that is named."""
    spec = mapping.truth
    if spec is None:
        raise FatalError(
            f"the mapping names no columns of a truth file, so {path.name} cannot be read; add a section `truth:` to it with "
            "`ref:` and some of due, closed, department, queue, duplicate_of, duplicate, overdue"
        )
    reader = open_reader(path, _columns(spec, mapping))
    row_of = _row_reader(spec, mapping)
    names = ("due", "closed", "duplicate", "overdue", *_TEXTS)
    truth = TruthTable({}, frozenset(name for name in names if getattr(spec, name) is not None))
    truth.snapshot_ms = _snapshot(spec, mapping)
    try:
        total = reader.lines.bytes_total()
        for number, row in enumerate(reader):
            if on_progress and number % _EVERY == 0:
                on_progress(reader.lines.bytes_read(), total)
            if isinstance(row, BadRow):
                truth.bad.append((row.line, row.detail))
                continue
            faults: list[str] = []
            ref, found = row_of(row.values, faults)
            truth.bad += ((row.line, fault) for fault in faults)
            if not ref:
                truth.bad.append((row.line, "the reference is empty"))
            elif ref in truth.rows:
                truth.repeated += 1
            else:
                truth.rows[ref] = found
    finally:
        reader.lines.close()
    return truth


def _columns(spec: TruthSpec, mapping: Mapping) -> Mapping:
    """A mapping whose only purpose is that the reader finds the columns, or says which are missing."""
    named = [each for name in TruthSpec.model_fields if isinstance(each := getattr(spec, name), FieldSpec)]
    columns = {column for each in named for column in each.columns()}
    columns |= {flag.column for flag in (spec.duplicate, spec.overdue) if flag is not None}
    return Mapping(
        description="the truth's columns",
        format=mapping.format if mapping.format is FileFormat.JSONL else FileFormat.CSV,
        encoding=spec.encoding or mapping.encoding,
        delimiter=spec.delimiter or mapping.delimiter,
        personal=[name for name in mapping.personal if name not in columns],
        optional_columns=mapping.optional_columns,
        event=EventSpec(
            source_ref=FieldSpec(constant="-"),
            reported_at=FieldSpec(constant=0, formats=["epoch_ms"]),
            attributes={column: FieldSpec(column=column) for column in sorted(columns)},
        ),
    )


def _row_reader(spec: TruthSpec, mapping: Mapping) -> Callable[[dict[str, Any], list[str]], tuple[str, TruthRow]]:
    """A field that cannot be read is left out and named in the list; the row's other fields count."""
    cell = cell_reader(mapping.nulls)
    ref = reference_reader(spec.ref, mapping.reference, text_reader(spec.ref, cell))
    reads: dict[str, Callable[[dict[str, Any]], Any]] = {
        "ref": ref,
        "due_ms": time_reader(spec.due, mapping),
        "closed_ms": time_reader(spec.closed, mapping),
        "duplicate": _flag(spec.duplicate, cell),
        "overdue": _flag(spec.overdue, cell),
    }
    reads |= {name: text_reader(each, cell) for name in _TEXTS if (each := getattr(spec, name)) is not None}
    if spec.duplicate_of is not None:
        reads["duplicate_of"] = reference_reader(
            spec.duplicate_of, mapping.reference, text_reader(spec.duplicate_of, cell)
        )
    whole = set(mapping.whole_numbers)

    def row(values: dict[str, Any], faults: list[str]) -> tuple[str, TruthRow]:
        for name in whole & values.keys():
            values[name] = text_of(values[name]).removesuffix(f"{mapping.decimal}0")
        found: dict[str, Any] = {}
        for name, read in reads.items():
            try:
                value = read(values)
            except RejectedRecordError as error:
                faults.append(f"{name.removesuffix('_ms')}: {error.detail}")
                continue
            if value is not None and value != "":
                found[name] = value
        return found.pop("ref", ""), TruthRow(**found)

    return row


def _flag(flag: FlagSpec | None, cell: Cell) -> Callable[[dict[str, Any]], bool | None]:
    if flag is None:
        return lambda values: None
    pattern, column = compile_pattern(flag.matches), flag.column

    def read(values: dict[str, Any]) -> bool | None:
        text = cell(values.get(column))
        return bool(pattern.search(text)) if text else None

    return read


def _snapshot(spec: TruthSpec, mapping: Mapping) -> int | None:
    return None if spec.snapshot is None else parse_time(spec.snapshot, ["iso"], ZoneInfo(mapping.time_zone))
