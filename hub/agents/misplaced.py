"""Has every record decided where its reference belongs: what lies in another partition of its topic is moved there first.

What is said under one reference must meet in one memory. A topic to which an administrator has added partitions, or a sender with
another partitioner or without keys, would spread it over several; repeats would not be recognised there, and a follow-up without a
place would not find its report's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub import topics
from hub.agents.context import Hub
from hub.agents.intake import Refused, UsableRecords
from hub.errors import Reason
from hub.stream.chunk import Chunk
from hub.stream.outlet import Transaction
from hub.stream.writing.partitioning import partitions_of
from hub.topics import Topic


class PlaceFields(NamedTuple):
    """The names of the fields that say where a record belongs and what it is."""

    belongs_by: str
    sender: str
    prefix: str
    """Before the sender, where it is told apart from others by it."""
    ref: str
    topic: Topic
    """Any of their topics, they are declared alike."""


EVENT = PlaceFields("source_ref", "source", "", "source_ref", topics.city_events("any"))
UPDATE = PlaceFields("case_id", "department", "dept.", "update_id", topics.dept_updates("any"))


def at_home(hub: Hub, chunk: Chunk, tx: Transaction, intake: UsableRecords, kind: PlaceFields) -> UsableRecords:
    """What is to be decided here; the rest is on its way to its own partition, and accounted for there. What cannot be moved is set
    aside: its key and headers, which nobody reads, may be larger than any producer takes."""
    right = partitions_of(intake.decoded.batch.column(kind.belongs_by), hub.settings.partitions)
    here = chunk.lies_in[intake.rows] if len(intake.rows) < len(chunk) else chunk.lies_in
    astray = np.flatnonzero(right != here)
    if not astray.size:
        return intake
    too_large = [at for at in astray.tolist() if chunk.size(intake.rows[at]) > kind.topic.max_bytes]
    refused = [_refused(chunk, tx, intake, kind, at) for at in too_large]
    astray = np.setdiff1d(astray, too_large)
    rows, targets = [intake.rows[at] for at in astray.tolist()], right[astray].tolist()
    tx.move(rows, targets)
    _trace(hub, chunk, tx, intake.decoded.batch.take(pa.array(astray)), kind, rows, targets)
    keep = np.flatnonzero(right == here)
    return UsableRecords(intake.decoded.take(keep), [intake.rows[at] for at in keep.tolist()], intake.refused + refused)


def _refused(chunk: Chunk, tx: Transaction, intake: UsableRecords, kind: PlaceFields, index: int) -> Refused:
    row = intake.rows[index]
    detail = (
        f"key, value and headers have {chunk.size(row):,} bytes; {kind.topic.max_bytes:,} at most can be moved to the partition of "
        f"its {kind.belongs_by}; send it with that as its key, and without large headers"
    )
    tx.reject(row, Reason.TOO_LARGE, detail)
    return Refused(row, Reason.TOO_LARGE, detail, intake.decoded.batch.slice(index, 1))


def _trace(
    hub: Hub,
    chunk: Chunk,
    tx: Transaction,
    batch: pa.RecordBatch,
    kind: PlaceFields,
    rows: Sequence[int],
    to: Sequence[int],
) -> None:
    columns = {
        "source": pc.binary_join_element_wise(kind.prefix, batch.column(kind.sender), ""),
        "source_ref": batch.column(kind.ref),
        "revision": batch.column("revision"),
        "origin": chunk.origins(rows),
        "first_topic": [chunk.topics[row] for row in rows],
        "first_partition": [chunk.partitions[row] for row in rows],
        "first_offset": [chunk.offsets[row] for row in rows],
        "moved_to": to,
    }
    refs = columns["source_ref"].to_pylist()
    tx.publish(topics.REPEATS, hub.codec.encode_columns("cityhub.Repeat", columns), refs, rows)
