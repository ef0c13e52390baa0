"""Reads updates into structs of named fields, for `track`: from columns, or one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub.core.columns import from_columns, millis, shared_values
from hub.core.tracking.consequences import UpdateRow
from hub.core.tracking.state import UpdateDetails
from hub.core.tracking.vocabulary import rank
from hub.model.update import EVENT_NAMES, UpdateStatus, UpdateStep, event_of

_MORE = ("reason", "clock", "to", "members", "score", "solved", "report", "code", "unit")


def updates_of(admitted: pa.RecordBatch, bodies: Sequence[bytes], *, arrived: bool) -> Iterator[UpdateRow]:
    """Read a batch of `cityhub.AdmittedUpdate`; `bodies` are the same records in Avro. `arrived`: with times of arrival."""
    update = admitted.column("update")
    return from_columns(
        UpdateRow,
        update_id=update.field("update_id").to_pylist(),
        department=shared_values(update.field("department")),
        case_id=update.field("case_id").to_pylist(),
        status=shared_values(events_of(update)),
        note=shared_values(update.field("note")),
        at_ms=millis(update.field("at")),
        body=bodies,
        details=_more(update),
        arrived_ms=millis(admitted.column("origin").field("ingested_at")) if arrived else [None] * len(admitted),
        row=range(len(admitted)),
        revision=update.field("revision").to_pylist(),
    )


def update_of(admitted: Mapping[str, Any], body: bytes, *, arrived: bool) -> UpdateRow:
    """Read one update that had to wait, as `updates_of` does."""
    update = admitted["update"]
    outcome = update["outcome"]
    more = UpdateDetails(
        **{name: update[name] for name in _MORE} | {"members": tuple(update["members"])},
        outcome=None if outcome is None else outcome.lower(),
        until=update["until"],
    )
    return UpdateRow(
        update_id=update["update_id"],
        department=update["department"],
        case_id=update["case_id"],
        status=event_of(update["status"], update["step"], update["code"], update["until"]),
        note=update["note"],
        at_ms=update["at"],
        body=body,
        details=None if more == UpdateDetails() else more,
        arrived_ms=admitted["origin"]["ingested_at"] if arrived else None,
        revision=update["revision"],
    )


def in_order_of_time(updates: list[UpdateRow], admitted: pa.RecordBatch) -> list[UpdateRow]:
    """The updates of a chunk, with those of each case put in the order of the instants that they name, within the
    places that they have together: so it decides nothing who writes first. Updates of one instant follow each other
    as events do."""
    case = admitted.column("update").field("case_id").dictionary_encode().indices.to_numpy()
    at_ms = admitted.column("update").field("at").cast(pa.int64()).to_numpy()
    places = np.argsort(case, kind="stable")  # by case, and there in the order of arrival
    behind = (case[places][1:] == case[places][:-1]) & (at_ms[places][1:] <= at_ms[places][:-1])
    if not behind.any():
        return updates
    places = places[np.isin(case[places], case[places][1:][behind])]
    ordered = sorted(places.tolist(), key=lambda place: (case[place], instant(updates[place])))
    found = list(updates)
    for place, at in zip(places.tolist(), ordered, strict=True):
        found[place] = updates[at]
    return found


def instant(update: UpdateRow) -> tuple[int, int, str, str, int]:
    """Sort key of an update in the life of its case."""
    return update.at_ms, rank(update.status.lower()), update.update_id, update.department, update.revision


def events_of(updates: pa.StructArray | pa.RecordBatch) -> pa.Array:
    """As hub.model.update.event_of, for `cityhub.Update`s."""
    status, step, code, until = (_field(updates, name) for name in ("status", "step", "code", "until"))
    plain = pc.equal(step, UpdateStep.AS_STATUS.value)
    if until.null_count < len(until):
        hung = pc.and_(pc.and_(plain, pc.equal(status, UpdateStatus.RESOLVED.value)), until.is_valid())
        status = pc.if_else(hung, UpdateStep.PAUSED.value, status)
    if pc.all(plain).as_py() is not False:
        return status
    found = pc.if_else(plain, status, step)
    own = pc.and_(pc.equal(step, UpdateStep.CUSTOM.value), pc.not_equal(code.fill_null(""), ""))
    if not pc.any(own).as_py():
        return found
    named = pc.utf8_upper(code)
    return pc.if_else(pc.and_(own, pc.invert(pc.is_in(named, pa.array(EVENT_NAMES)))), named, found)


def _field(updates: pa.StructArray | pa.RecordBatch, name: str) -> pa.Array:
    return updates.field(name) if isinstance(updates, pa.StructArray) else updates.column(name)


def _more(update: pa.StructArray) -> Sequence[UpdateDetails | None]:
    """The details of each update. A chunk without steps and outcomes has none, so nothing is read."""
    outcome, until, unit = outcomes_of(update), update.field("until"), update.field("unit")
    plain = pc.all(pc.equal(update.field("step"), UpdateStep.AS_STATUS.value)).as_py() is not False
    if plain and outcome.null_count + until.null_count + unit.null_count == 3 * len(update):
        return [None] * len(update)
    columns = {name: update.field(name).to_pylist() for name in _MORE}
    columns |= {"members": map(tuple, columns["members"]), "outcome": outcome.to_pylist(), "until": millis(until)}
    return list(from_columns(UpdateDetails, **columns))


def outcomes_of(updates: pa.StructArray | pa.RecordBatch) -> pa.Array:
    """The codes of the outcomes that `cityhub.Update`s name, in lower case as steps.yaml has them."""
    said = _field(updates, "outcome")
    return said if said.null_count == len(said) else pc.utf8_lower(said)
