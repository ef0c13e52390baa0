"""Which well-formed events the hub still cannot use, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hub.clock import iso
from hub.core.limits import Limits, LimitVerdict
from hub.errors import Reason
from hub.model.admitted import AdmittedEvent, AdmittedUpdate
from hub.model.event import CaseEvent
from hub.model.outputs import CaseChange, Closure, Erasure, Home
from hub.model.update import Update

_EVENTS, _UPDATES = Limits(CaseEvent), Limits(Update)
_ADMITTED_EVENTS, _ADMITTED_UPDATES = Limits(AdmittedEvent), Limits(AdmittedUpdate)
_CHANGES, _CLOSURES, _ERASURES, _HOMES = Limits(CaseChange), Limits(Closure), Limits(Erasure), Limits(Home)


def faults_of_events(batch: pa.RecordBatch, senders: Sequence[str]) -> Iterator[LimitVerdict]:
    """Row, reason and detail of each `cityhub.CaseEvent` that must be set aside. `senders` are the topics' sources."""
    yield from _wrong_sender(batch.column("source"), senders, "event", "city")
    yield from _EVENTS.faults(batch, without=("source",))


def faults_of_updates(batch: pa.RecordBatch, senders: Sequence[str]) -> Iterator[LimitVerdict]:
    """The same for `cityhub.Update`; `senders` are the topics' departments."""
    yield from _wrong_sender(batch.column("department"), senders, "update", "dept")
    yield from _UPDATES.faults(batch, without=("department",))


def faults_of_admitted_events(batch: pa.RecordBatch) -> Iterator[LimitVerdict]:
    """The same for `cityhub.AdmittedEvent`, which the hub writes itself: nobody is kept from writing there too."""
    yield from _ADMITTED_EVENTS.faults(batch)
    yield from _half_points(batch)


def faults_of_admitted_updates(batch: pa.RecordBatch) -> Iterator[LimitVerdict]:
    """The same for `cityhub.AdmittedUpdate`."""
    yield from _ADMITTED_UPDATES.faults(batch)


def not_of_departments(batch: pa.RecordBatch, knows: Callable[[str], bool]) -> Iterator[LimitVerdict]:
    """The same for `cityhub.AdmittedUpdate`s that did not come by the topic of the department they name, or name none that is."""
    topic, named = batch.column("origin").field("topic"), batch.column("update").field("department")
    own = pc.equal(topic, pc.binary_join_element_wise("dept", named, "updates", "."))
    known = [each for each in pc.unique(named).to_pylist() if knows(each)]
    sound = pc.and_(own, pc.is_in(named, pa.array(known, pa.string())))
    for row in _rows(pc.invert(sound)):
        yield row, Reason.SENDER_MISMATCH, "it did not come by the topic of a department of this city that it names"


def faults_of_changes(batch: pa.RecordBatch) -> Iterator[LimitVerdict]:
    """The same for `cityhub.CaseChange`."""
    yield from _CHANGES.faults(batch)


def faults_of_closures(batch: pa.RecordBatch) -> Iterator[LimitVerdict]:
    """The same for `cityhub.Closure`."""
    yield from _CLOSURES.faults(batch)


def faults_of_erasures(batch: pa.RecordBatch) -> Iterator[LimitVerdict]:
    """The same for `cityhub.Erasure`."""
    yield from _ERASURES.faults(batch)


def faults_of_homes(batch: pa.RecordBatch) -> Iterator[LimitVerdict]:
    """The same for `cityhub.Home`."""
    yield from _HOMES.faults(batch)


def _half_points(batch: pa.RecordBatch) -> Iterator[LimitVerdict]:
    for row in _rows(pc.xor(batch.column("lat").is_null(), batch.column("lon").is_null())):
        yield row, Reason.INVALID, "a coordinate lacks its other half"


def ahead_of_arrival(times: pa.Array, name: str, arrived_ms: npt.ArrayLike, limit_ms: int) -> Iterator[LimitVerdict]:
    """The same for each time that lies more than `limit_ms` ahead of the record's own arrival, which nobody can mean.

    `arrived_ms`: when the broker took each record in; a record without such a time (0 or less) is not judged.
    """
    millis, arrived = times.cast(pa.int64()), pa.array(np.asarray(arrived_ms, dtype=np.int64))
    ahead = pc.greater(pc.subtract(millis, arrived), limit_ms)
    for row in _rows(pc.and_(ahead, pc.greater(arrived, 0))):
        yield (
            row,
            Reason.TIME_OUT_OF_RANGE,
            f"{name} is {iso(millis[row].as_py())}, but the record arrived at {iso(arrived[row].as_py())}; mend the date or the "
            "clock at the source, or allow more with CITYHUB_AHEAD_SECONDS",
        )


def _wrong_sender(column: pa.Array, senders: Sequence[str], what: str, prefix: str) -> Iterator[LimitVerdict]:
    for row in _rows(pc.not_equal(column, pa.array(senders, pa.string()))):
        yield (
            row,
            Reason.SENDER_MISMATCH,
            f"the {what} came by {prefix}.{senders[row]} and names another sender; publish it on its own topic",
        )


def _rows(mask: pa.Array) -> list[int]:
    found: list[int] = np.flatnonzero(mask.fill_null(False).to_numpy(zero_copy_only=False)).tolist()
    return found
