"""Updates as `track` reads them, from columns or one by one, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from hub.core.columns import from_columns, millis, shared_values
from hub.core.tracking.consequences import UpdateRow
from hub.core.tracking.state import UpdateDetails
from hub.model.update import UpdateStep, event_of

_MORE = ("reason", "clock", "to", "members", "score", "solved", "report")


def updates_of(admitted: pa.RecordBatch, bodies: Sequence[bytes], *, arrived: bool) -> Iterator[UpdateRow]:
    """Read a batch of `cityhub.AdmittedUpdate`; `bodies` are the same records in Avro. `arrived`: with times of arrival."""
    update = admitted.column("update")
    return from_columns(
        UpdateRow,
        update_id=update.field("update_id").to_pylist(),
        department=shared_values(update.field("department")),
        case_id=update.field("case_id").to_pylist(),
        status=shared_values(events_of(update.field("status"), update.field("step"))),
        note=shared_values(update.field("note")),
        at_ms=millis(update.field("at")),
        body=bodies,
        details=_more(update),
        arrived_ms=millis(admitted.column("origin").field("ingested_at")) if arrived else [None] * len(admitted),
        row=range(len(admitted)),
    )


def update_of(admitted: Mapping[str, Any], body: bytes, *, arrived: bool) -> UpdateRow:
    """Read one update that had to wait, as `updates_of` does."""
    update = admitted["update"]
    more = UpdateDetails(**{name: update[name] for name in _MORE} | {"members": tuple(update["members"])})
    return UpdateRow(
        update_id=update["update_id"],
        department=update["department"],
        case_id=update["case_id"],
        status=event_of(update["status"], update["step"]),
        note=update["note"],
        at_ms=update["at"],
        body=body,
        details=None if more == UpdateDetails() else more,
        arrived_ms=admitted["origin"]["ingested_at"] if arrived else None,
    )


def events_of(status: pa.Array, step: pa.Array) -> pa.Array:
    """As hub.model.update.event_of, for columns."""
    plain = pc.equal(step, UpdateStep.AS_STATUS.value)
    return status if pc.all(plain).as_py() is not False else pc.if_else(plain, status, step)


def _more(update: pa.StructArray) -> Sequence[UpdateDetails | None]:
    """The details of each update. A chunk without steps has none, so nothing is read."""
    if pc.all(pc.equal(update.field("step"), UpdateStep.AS_STATUS.value)).as_py() is not False:
        return [None] * len(update)
    columns = {name: update.field(name).to_pylist() for name in _MORE}
    return list(from_columns(UpdateDetails, **columns | {"members": map(tuple, columns["members"])}))
