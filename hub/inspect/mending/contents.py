"""What a dead letter's bytes say, where they say anything; and whether bytes would be taken if they were sent."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pyarrow as pa

from hub.clock import ClockKind
from hub.core.dedup.validation import ahead_of_arrival, faults_of_events, faults_of_updates
from hub.core.limits import LimitVerdict
from hub.declared.texts import parse_json
from hub.errors import Reason, RejectedRecordError
from hub.inspect.letters import Letter
from hub.model.event import CaseEvent
from hub.model.update import Update
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.topics import Topic, city_events, dept_updates, source_in

_EVENT_KEY, _UPDATE_KEY = "source_ref", "case_id"


class LetterContents(NamedTuple):
    """A record as JSON has it, times in ms; `form`: the schema it was written with, or `row` for one that never was a record."""

    form: str
    record: dict[str, Any]


class InputKind(NamedTuple):
    """What a topic of a sender's takes."""

    topic: Topic
    subject: str
    sender: str
    key: str
    """The field that a record is keyed by."""
    time: str
    faults: Callable[[pa.RecordBatch, list[str]], Iterator[LimitVerdict]]


class RecordFault(NamedTuple):
    """Why a record would not be taken; quotes nothing of it but times."""

    reason: str
    detail: str


def contents_of(letter: Letter, codec: Codec, header: str | None = None) -> LetterContents | None:
    """None for bytes that no schema of the hub's reads, and that are no row in JSON. `header`: the line of column names of the CSV
    file that a row is of."""
    value = letter.letter["value"] or b""
    try:
        schema, record = codec.decode_written(value)
    except RejectedRecordError:
        row = _row(value) if header is None else _csv_row(value, header)
        return None if row is None else LetterContents("row", row)
    return LetterContents(f"{schema.subject} v{schema.version}", record)


def _row(value: bytes) -> dict[str, Any] | None:
    try:
        found = parse_json(value)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _csv_row(value: bytes, header: str) -> dict[str, Any] | None:
    """None if there are not as many values as names."""
    text = text_in(value)
    if text is None:
        return None
    try:
        lines = [*csv.reader([header]), *csv.reader(text.splitlines())]
    except csv.Error:
        return None
    if len(lines) != 2 or len(lines[0]) != len(lines[1]):
        return None
    return dict(zip(*lines, strict=True))


def text_in(data: bytes) -> str | None:
    """UTF-8, or what files of offices are written in; None for what is neither."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def input_kind(name: str) -> InputKind:
    """Of a topic by which a sender speaks, named without the namespace."""
    source = source_in(name)
    if source is not None:
        return InputKind(city_events(source), CaseEvent.subject(), source, _EVENT_KEY, "reported_at", faults_of_events)
    department = name.split(".")[1]
    return InputKind(dept_updates(department), Update.subject(), department, _UPDATE_KEY, "at", faults_of_updates)


def faults_if_sent(
    codec: Codec, kind: InputKind, value: bytes | None, now_ms: int, ahead_ms: int | None
) -> list[RecordFault]:
    """What `deduplicate` would set these bytes aside for if they came now, by what stands in them. What hangs on other records
    (conflicts, unknown cases) shows only there. `ahead_ms`: how far ahead a time may be; None: any."""
    if value is not None and len(value) > kind.topic.max_bytes:
        return [RecordFault(Reason.TOO_LARGE, f"it has {len(value):,} bytes; at most {kind.topic.max_bytes:,}")]
    decoded = codec.decode_many(kind.subject, [value])
    found = [RecordFault(each.reason, each.detail) for each in decoded.rejects]
    if found:
        return found
    found += [RecordFault(reason, detail) for _, reason, detail in kind.faults(decoded.batch, [kind.sender])]
    if ahead_ms is not None:
        times = decoded.batch.column(kind.time)
        found += [RecordFault(why, text) for _, why, text in ahead_of_arrival(times, kind.time, [now_ms], ahead_ms)]
    return found


def most_ahead_ms(settings: Settings) -> int | None:
    """How far ahead of its arrival a record's time may be; None where history is played again: any."""
    return int(settings.ahead_seconds * 1000) if settings.clock is ClockKind.WALL else None


def case_asked_of(contents: LetterContents | None) -> tuple[str, str] | str | None:
    """Which case a record is about: a case id, or source and reference of a report."""
    record: Mapping[str, Any] = contents.record if contents else {}
    inner = (record.get("event"), record.get("update"))
    record = next((each for each in inner if isinstance(each, dict)), record)
    if isinstance(case_id := record.get("case_id"), str):
        return case_id
    source, ref = record.get("source"), record.get("source_ref")
    return (source, ref) if isinstance(source, str) and isinstance(ref, str) else None
