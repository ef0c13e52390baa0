"""What `route` does about erasures: its state has the words no longer, nor what comes in later of what was said before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import msgspec
import numpy as np
import numpy.typing as npt

from hub import topics
from hub.agents.context import Hub
from hub.agents.intake import take_in_own
from hub.core.cases.changes.erasing import erase, erased_rows
from hub.core.cases.statements import RouteBook
from hub.core.cases.steps import Step
from hub.core.dedup.validation import faults_of_erasures
from hub.core.report import Sighting
from hub.core.withholding import erased_events
from hub.model.event import CaseEvent
from hub.stream.avro.codec import Codec
from hub.stream.changelog.state import JournaledState
from hub.stream.chunk import Chunk
from hub.stream.outlet import Transaction


def take_erasures(hub: Hub, chunk: Chunk, tx: Transaction, state: JournaledState[RouteBook]) -> list[Step]:
    """Erase what the chunk asks for, before its reports are looked at."""
    if topics.ERASURES.name not in chunk.topics:
        return []
    intake = take_in_own(hub, chunk, tx, topics.ERASURES, faults_of_erasures)
    reports = zip(*(intake.decoded.batch.column(name).to_pylist() for name in ("source", "source_ref")), strict=True)
    steps: list[Step] = []
    for row, report in zip(intake.rows, reports, strict=True):
        journal = state.journal(chunk.partitions[row])
        steps += erase(journal, report, chunk.arrived_ms[row], partial(_bare, hub.codec))
    tx.account("erased", len(intake.rows))
    return steps


def without_erased(
    hub: Hub, state: JournaledState[RouteBook], partitions: Sequence[int], sightings: list[Sighting],
    arrived_ms: npt.NDArray[np.int64],
) -> list[Sighting]:  # fmt: skip
    """The reports, those without words that were erased while they waited to be read."""
    last_ms = max(_instants(state), default=None)
    if last_ms is None or not len(arrived_ms) or arrived_ms.min() > last_ms:
        return sightings
    books = [state[partition] for partition in partitions]
    rows = erased_rows(books, sightings, arrived_ms.tolist())
    if not rows:
        return sightings
    bodies = hub.codec.bodies_changed(CaseEvent.subject(), [sightings[row].body for row in rows], erased_events)
    for row, body in zip(rows, bodies, strict=True):
        sightings[row] = msgspec.structs.replace(
            sightings[row], body=body, title="", text="", address=None, label=None, attributes={}
        )
    return sightings


def _instants(state: JournaledState[RouteBook]) -> Iterator[int]:
    for book in state.books():
        yield from book.erased.values()


def _bare(codec: Codec, body: bytes) -> bytes:
    (bare,) = codec.bodies_changed(CaseEvent.subject(), [body], erased_events)
    return bare
