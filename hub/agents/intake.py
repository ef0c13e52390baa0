"""The way in to every agent: of a chunk's records of one kind those that can be used, the others set aside with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from hub.agents.context import Hub
from hub.core.limits import LimitVerdict
from hub.errors import Reason
from hub.stream.avro.codec import Decoded
from hub.stream.chunk import Chunk
from hub.stream.kafka.client import SessionLostError
from hub.stream.outlet import Transaction
from hub.topics import Topic, is_own

Faults = Callable[[pa.RecordBatch, list[int]], Iterable[LimitVerdict]]
"""Of a batch, and which row of the chunk each of its rows is."""
_NEWER = "schemas"


class Refused(NamedTuple):
    """A record that was set aside: its row in the chunk, and why."""

    row: int
    reason: Reason
    detail: str
    record: pa.RecordBatch | None
    """It as a batch of one, if it could be decoded."""


@dataclass(frozen=True)
class UsableRecords:
    """The usable records of one kind: decoded, and which rows of the chunk they are; and those that were set aside."""

    decoded: Decoded
    rows: list[int]
    refused: list[Refused]


def take_in(
    hub: Hub, chunk: Chunk, tx: Transaction, chosen: Callable[[str], bool], like: Topic, faults: Faults
) -> UsableRecords:
    """Decode what came by the topics chosen, and set aside what is no record of their subject, is too large or is at fault.

    `like`: any of them, they are declared alike.
    """
    rows = chunk.rows(chosen)
    decoded = hub.codec.decode_many(like.subject or "", [chunk.values[row] for row in rows], at_most=like.max_bytes)
    if not rows:  # a tick, or a chunk of other kinds alone
        return UsableRecords(decoded, [], [])
    if hub.gate.heard_of_newer and is_own(like.name):
        _leave_to_newer(
            hub, chunk, [rows[each.index] for each in decoded.rejects if each.reason is Reason.UNKNOWN_SCHEMA]
        )
    refused = [Refused(rows[each.index], each.reason, each.detail, None) for each in decoded.rejects]
    if refused:
        rows = [rows[index] for index in decoded.rows.tolist()]
    verdicts: dict[int, LimitVerdict] = {}
    for verdict in faults(decoded.batch, rows):
        verdicts.setdefault(verdict[0], verdict)
    refused += [Refused(rows[at], why, detail, decoded.batch.slice(at, 1)) for at, why, detail in verdicts.values()]
    for row, reason, detail, _ in refused:
        tx.reject(row, reason, detail)
    if not verdicts:
        return UsableRecords(decoded, rows, refused)
    keep = [at for at in range(len(rows)) if at not in verdicts]
    return UsableRecords(decoded.take(np.array(keep, dtype=np.int64)), [rows[at] for at in keep], refused)


def take_in_own(
    hub: Hub, chunk: Chunk, tx: Transaction, topic: Topic, faults: Callable[[pa.RecordBatch], Iterable[LimitVerdict]]
) -> UsableRecords:
    """The same of a topic that the hub writes itself; others may write there too, and are believed no more.

    Raises SessionLostError, with the gate closed, at a record of a newer program: that is left to workers that can read it.
    """
    return take_in(hub, chunk, tx, topic.name.__eq__, topic, lambda batch, _: faults(batch))


def _leave_to_newer(hub: Hub, chunk: Chunk, unknown: Iterable[int]) -> None:
    """Have this worker stand back if one of these rows is what a newer program's agents wrote. Set aside, it would be lost. Where
    nobody has heard of a newer one it is rubbish, which stops no worker."""
    row = next((row for row in unknown if hub.codec.may_be_newer(chunk.values[row])), None)
    if row is None:
        return
    reason = (
        f"{chunk.topics[row]}[{chunk.partitions[row]}]@{chunk.offsets[row]} was written by a newer program than this one, which "
        "leaves it to workers that can read it; bring this worker to the newer release and start it again "
        "(docs/operations/upgrade.md)"
    )
    hub.gate.close(_NEWER, reason)
    raise SessionLostError(reason)
