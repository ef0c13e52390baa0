"""Many events at once as Avro: what a mapping made by columns, held to the limits of CaseEvent. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from hub.core.limits import Limits
from hub.model.event import CaseEvent
from hub.sdk.mapping.by_columns import EventColumns
from hub.stream.avro.codec import Codec

_LIMITS = Limits(CaseEvent)
Encoded = tuple[bytes, bytes]
"""A record's key and value."""


def encoded(codec: Codec, columns: EventColumns, count: int, most_bytes: int) -> list[Encoded | None]:
    """For each of `count` rows its record, or None: it was not taken, or a CaseEvent cannot be so, or it is too long for the topic.
    What is to be said of such a row, the way by rows knows."""
    found: list[Encoded | None] = [None] * count
    if not columns.rows:
        return found
    try:
        batch = codec.batch_of(CaseEvent.subject(), columns.fields | {"place": _struct(columns.fields["place"])})
    except (ValueError, TypeError, OverflowError):
        return found  # one value of all: half a surrogate, a number that is too large
    rows, refs = columns.rows, columns.fields["source_ref"]
    if faults := {at for at, _, _ in _LIMITS.faults(batch)}:
        good = [at for at in range(len(rows)) if at not in faults]
        batch, rows, refs = (
            batch.take(pa.array(np.array(good, np.int64))),
            [rows[at] for at in good],
            [refs[at] for at in good],
        )
    for at, ref, value in zip(rows, refs, codec.encode_batch(CaseEvent.subject(), batch), strict=True):
        if len(value) <= most_bytes:
            found[at] = (ref.encode(), value)
    return found


def _struct(columns: dict[str, Sequence[Any]]) -> pa.StructArray:
    return pa.StructArray.from_arrays([pa.array(column) for column in columns.values()], list(columns))
