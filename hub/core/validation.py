"""Which well-formed events the hub still cannot use, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub.clock import EARLIEST_MS, LATEST_MS, iso
from hub.errors import Reason

MAX_TEXT_CHARACTERS = 200_000
MAX_TITLE_CHARACTERS = 1_000
MAX_REF_CHARACTERS = 200

Verdict = tuple[int, Reason, str]


def faults_of_events(batch: pa.RecordBatch, senders: Sequence[str]) -> Iterator[Verdict]:
    """Row, reason and detail of each `cityhub.CaseEvent` that must be set aside. `senders` are the topics' sources."""
    yield from _wrong_sender(batch.column("source"), senders, "event", "city")
    yield from _wrong_reference(batch.column("source_ref"), "source_ref")
    yield from _too_long(batch.column("text"), MAX_TEXT_CHARACTERS, "text")
    yield from _too_long(batch.column("title"), MAX_TITLE_CHARACTERS, "title")
    for name in ("reported_at", "occurred_at", "due_at"):
        yield from _out_of_range(batch.column(name), name)


def faults_of_updates(batch: pa.RecordBatch, senders: Sequence[str]) -> Iterator[Verdict]:
    """The same for `cityhub.Update`; `senders` are the topics' departments."""
    yield from _wrong_sender(batch.column("department"), senders, "update", "dept")
    yield from _wrong_reference(batch.column("update_id"), "update_id")
    yield from _wrong_reference(batch.column("case_id"), "case_id")
    yield from _out_of_range(batch.column("at"), "at")


def ahead_of_arrival(times: pa.Array, name: str, arrived_ms: Sequence[int], limit_ms: int) -> Iterator[Verdict]:
    """The same for each time that lies more than `limit_ms` ahead of the record's own arrival, which nobody can mean.

    `arrived_ms`: when the broker took each record in; a record without such a time (0 or less) is not judged.
    """
    millis, arrived = times.cast(pa.int64()), pa.array(arrived_ms, pa.int64())
    ahead = pc.greater(pc.subtract(millis, arrived), limit_ms)
    for row in _rows(pc.and_(ahead, pc.greater(arrived, 0))):
        yield (
            row,
            Reason.TIME_OUT_OF_RANGE,
            f"{name} is {iso(millis[row].as_py())}, but the record arrived at {iso(arrived_ms[row])}; mend the date or the "
            "clock at the source, or allow more with CITYHUB_AHEAD_SECONDS",
        )


def _wrong_sender(column: pa.Array, senders: Sequence[str], what: str, prefix: str) -> Iterator[Verdict]:
    for row in _rows(pc.not_equal(column, pa.array(senders, pa.string()))):
        claimed, sender = column[row].as_py(), senders[row]
        yield (
            row,
            Reason.SENDER_MISMATCH,
            f"the {what} says {claimed!r} but came by {prefix}.{sender}; publish it on its own topic",
        )


def _wrong_reference(column: pa.Array, name: str) -> Iterator[Verdict]:
    lengths = pc.utf8_length(column)
    for row in _rows(pc.or_(pc.equal(lengths, 0), pc.greater(lengths, MAX_REF_CHARACTERS))):
        yield row, Reason.INVALID, f"{name} has {lengths[row]} characters; it needs 1 to {MAX_REF_CHARACTERS}"


def _too_long(column: pa.Array, limit: int, name: str) -> Iterator[Verdict]:
    lengths = pc.utf8_length(column)
    for row in _rows(pc.greater(lengths, limit)):
        yield (
            row,
            Reason.TOO_LARGE,
            f"{name} has {lengths[row]} characters, {limit:,} at most; send long matter as an attachment",
        )


def _out_of_range(column: pa.Array, name: str) -> Iterator[Verdict]:
    millis = column.cast(pa.int64())
    for row in _rows(pc.or_(pc.less(millis, EARLIEST_MS), pc.greater(millis, LATEST_MS))):
        when = iso(millis[row].as_py())
        yield (
            row,
            Reason.TIME_OUT_OF_RANGE,
            f"{name} is {when}, outside {iso(EARLIEST_MS)} to {iso(LATEST_MS)}; mend it at the source",
        )


def _rows(mask: pa.Array) -> list[int]:
    found: list[int] = np.flatnonzero(mask.fill_null(False).to_numpy(zero_copy_only=False)).tolist()
    return found
