"""Reads what became of reports from a second file: source_ref, at, status, and optionally source, department and note."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

from hub.backtest.intake import OnProgress, RejectedRow
from hub.clock import EARLIEST_MS, LATEST_MS
from hub.errors import FatalError, Reason, RejectedRecordError
from hub.sdk.mapping.columns import text_of
from hub.sdk.mapping.mapping import EventSpec, FileFormat, Mapping
from hub.sdk.mapping.references import ReferenceSpec, undressing
from hub.sdk.mapping.specs import Encoding, FieldSpec
from hub.sdk.mapping.times import parse_time
from hub.sdk.sources.file.reader import open_reader
from hub.sdk.sources.file.rows import BadRow


class PastStatus(StrEnum):
    """What became of a report, as a history says it."""

    CLOSED = "CLOSED"
    WITHDRAWN = "WITHDRAWN"
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    RESPONDED = "RESPONDED"
    OPEN = "OPEN"


STATUS_WORDS: dict[str, tuple[str, ...]] = {
    PastStatus.CLOSED: (
        "closed", "close", "resolved", "completed", "complete", "done", "finished",
        "办结", "已办结", "结案", "已结案", "关闭", "已关闭", "完成", "已完成",
    ),
    PastStatus.WITHDRAWN: ("withdrawn", "cancelled", "canceled", "撤回", "撤销", "取消"),
    PastStatus.ACCEPTED: ("accepted", "acknowledged", "assigned", "签收", "已签收", "受理", "已受理"),
    PastStatus.REFUSED: ("refused", "rejected", "returned", "退回", "退单", "拒收"),
    PastStatus.RESPONDED: ("responded", "in progress", "replied", "contacted", "回复", "已回复", "已联系"),
    PastStatus.OPEN: ("open", "opened", "new", "pending", "待办", "在办"),
}  # fmt: skip
"""What a status may be called; compared without regard to case. OPEN changes nothing. A department's word that it is resolved
ends the report as its own closing does."""
_STATUS_OF = {word: status for status, words in STATUS_WORDS.items() for word in words}
_FORMATS = ["iso", "ymd"]
_EVERY = 5_000


@dataclass(frozen=True, slots=True)
class HistoryUpdate:
    """At `at_ms` the report `ref` came to `status`, one of the keys of STATUS_WORDS. `source` None: whosever has that reference."""

    ref: str
    at_ms: int
    status: str
    source: str | None = None
    department: str | None = None
    file: str = ""
    line: int = 0


@dataclass
class Updates:
    updates: list[HistoryUpdate] = field(default_factory=list)
    rejects: list[RejectedRow] = field(default_factory=list)
    rows: int = 0


def read_updates(
    path: Path,
    time_zone: str,
    on_progress: OnProgress | None = None,
    *,
    encoding: Encoding = Encoding.UTF8,
    reference: ReferenceSpec | None = None,
) -> Updates:
    """Times without an offset are local to `time_zone`, the city's. `encoding`: the reports', if this file is not UTF-8;
    `reference`: how the reports' references are brought to one form, so that these meet them.

    Raises FatalError if the file or a column is missing.
    """
    columns = ("source_ref", "at", "status")
    mapping = Mapping(
        description="updates",
        format=FileFormat.CSV,
        encoding=Encoding.UTF8 if _is_utf8(path) else encoding,
        optional_columns=["source", "department"],
        event=EventSpec(
            source_ref=FieldSpec(column="source_ref"),
            reported_at=FieldSpec(column="at", formats=_FORMATS),
            attributes={name: FieldSpec(column=name) for name in (*columns, "source", "department")},
        ),
    )
    zone, found, undress = ZoneInfo(time_zone), Updates(), undressing(reference or ReferenceSpec())
    try:
        reader = open_reader(path, mapping)
    except FatalError as error:
        if not path.is_file():
            raise
        raise FatalError(f"{path.name} is no file of updates; it needs the columns {', '.join(columns)}") from error
    try:
        total = reader.lines.bytes_total()
        for number, row in enumerate(reader):
            if on_progress and number % _EVERY == 0:
                on_progress(reader.lines.bytes_read(), total)
            found.rows += 1
            if isinstance(row, BadRow):
                found.rejects.append(RejectedRow(path.name, row.line, "", "bad_row", row.detail))
                continue
            values = {name: text_of(value) for name, value in row.values.items()}
            values["source_ref"] = undress(values["source_ref"])
            try:
                found.updates.append(_update(values, zone, path.name, row.line))
            except (RejectedRecordError, ValueError) as error:
                detail = getattr(error, "detail", None) or str(error)
                reason = str(getattr(error, "reason", Reason.BAD_ROW))
                found.rejects.append(RejectedRow(path.name, row.line, values["source_ref"], reason, detail))
    finally:
        reader.lines.close()
    return found


def _is_utf8(path: Path) -> bool:
    """As far as its beginning tells."""
    if not path.is_file():
        return True  # reading it says so
    with path.open("rb") as file:
        head = file.read(1 << 20)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def closings(closed: Iterable[tuple[str, int | None]]) -> list[HistoryUpdate]:
    """Closings as updates: reference and instant, None where it is still open."""
    return [HistoryUpdate(ref, at_ms, PastStatus.CLOSED) for ref, at_ms in closed if at_ms is not None]


def _update(values: dict[str, str], zone: ZoneInfo, file: str, line: int) -> HistoryUpdate:
    said = " ".join(values["status"].casefold().replace("_", " ").split())
    status = _STATUS_OF.get(said) or _STATUS_OF.get(said.partition(" - ")[0])  # "Completed - Dup" is completed
    if status is None:
        known = ", ".join(words[0] for words in STATUS_WORDS.values())
        raise ValueError(f"status is none of {known} (or words for these, see the README)")
    if not values["source_ref"]:
        raise ValueError("source_ref is empty; every update needs its report")
    if not values["at"]:
        raise ValueError("at is empty; every update needs its time")
    at_ms = parse_time(values["at"], _FORMATS, zone)
    if not EARLIEST_MS <= at_ms <= LATEST_MS:
        raise RejectedRecordError(Reason.TIME_OUT_OF_RANGE, "at is outside 1990-2100; correct the date in the file")
    return HistoryUpdate(
        values["source_ref"], at_ms, status, values.get("source") or None, values.get("department") or None, file, line
    )
