"""Reads the files of a history: reports as canonical events, and what could not be read, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from hub.backtest.mappings import ChosenMapping
from hub.errors import RejectedRecordError
from hub.model.event import CaseEvent
from hub.sdk.mapping.columns import text_of, text_reader
from hub.sdk.mapping.fields import Mapper
from hub.sdk.sources.file.join import Joined
from hub.sdk.sources.file.reader import open_reader
from hub.sdk.sources.file.rows import BadRow

OnProgress = Callable[[int, int], None]
_EVERY = 2_000


@dataclass(frozen=True)
class RejectedRow:
    """A row that made no decision, and why. `ref` is empty where the row could not be understood so far."""

    file: str
    line: int
    ref: str
    reason: str
    detail: str


@dataclass
class HistoryIntake:
    """What the files held: every row is an event, a reject, or left out by the mapping's `where`."""

    events: list[CaseEvent] = field(default_factory=list)
    lines: list[tuple[str, int]] = field(default_factory=list)
    """File and line of each event."""
    rejects: list[RejectedRow] = field(default_factory=list)
    rows: int = 0
    left_out: int = 0


@dataclass(frozen=True)
class EventFile:
    """A file of reports, the mapping that reads it, and a second file if the mapping joins one."""

    path: Path
    chosen: ChosenMapping
    join: Path | None = None


def read_events(files: Iterable[EventFile], on_progress: OnProgress | None = None) -> HistoryIntake:
    """All rows of all files, in the order they stand. Raises FatalError if a file is missing or lacks columns of its mapping."""
    intake = HistoryIntake()
    for each in files:
        _read(each, intake, on_progress)
    return intake


def _read(file: EventFile, intake: HistoryIntake, on_progress: OnProgress | None) -> None:
    mapping, name = file.chosen.mapping, file.path.name
    mapper = Mapper(mapping, file.chosen.source)
    joined = Joined(mapping.join, file.join, mapping)
    ref_of = text_reader(mapping.event.source_ref)
    source_of = text_reader(mapping.source) if mapping.source else None
    reader = open_reader(file.path, mapping)
    try:
        total = reader.lines.bytes_total()
        for number, row in enumerate(reader):
            if on_progress and number % _EVERY == 0:
                on_progress(reader.lines.bytes_read(), total)
            intake.rows += 1
            if isinstance(row, BadRow):
                intake.rejects.append(RejectedRow(name, row.line, "", "bad_row", row.detail))
                continue
            try:
                joined.add(row.values)
                if not mapper.keeps(row.values):
                    intake.left_out += 1
                    continue
                source = {} if source_of is None else {"source": source_of(row.values)}
                events = [CaseEvent.checked(fields | source) for fields in mapper.statements(row.values)]
                intake.events += events
                intake.lines += [(name, row.line)] * len(events)
            except RejectedRecordError as error:
                ref = text_of(ref_of(row.values))
                intake.rejects.append(RejectedRow(name, row.line, ref, str(error.reason), error.detail))
    finally:
        reader.lines.close()
