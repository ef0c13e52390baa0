"""What agents read of records is the same by columns and one by one, for every example of every version there is."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from hub.core.cases.cases import CaseBook
from hub.core.cases.changes.closures import ClosureRow, closures_of
from hub.core.cases.changes.moves import Moves
from hub.core.columns import millis
from hub.core.linking import Incidents
from hub.core.report import sighting_of, sightings_of
from hub.core.tracking.columns.updates import update_of, updates_of
from hub.core.tracking.state import UpdateDetails
from hub.journal import Journal
from hub.model.event import CaseEvent
from hub.model.outputs import ClosureStep, Outcome
from hub.model.update import NEAREST, Update, UpdateStatus, UpdateStep, event_of, status_and_step
from hub.policy import load_city
from hub.settings import ROOT
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry

CODEC = Codec(FileRegistry())
CITY = load_city(ROOT / "ops" / "cities" / "demo")
EVENTS = [word for word in (*UpdateStatus, *UpdateStep) if word != UpdateStep.AS_STATUS]


def examples(name: str) -> list[dict[str, Any]]:
    """All, of the newest version; older ones are read as it."""
    newest = max((ROOT / "schemas" / name).glob("v*.examples.json"), key=lambda path: int(path.stem[1:].split(".")[0]))
    found: list[dict[str, Any]] = json.loads(newest.read_text("utf-8"))
    return found


def bodies_of(batch: pa.RecordBatch, bodies: pa.BinaryArray) -> list[bytes]:
    assert len(batch)
    found: list[bytes] = bodies.to_pylist()
    return found


def test_events() -> None:
    decoded = CODEC.decode_many(
        "cityhub.AdmittedEvent", CODEC.encode_many("cityhub.AdmittedEvent", examples("AdmittedEvent"))
    )
    batch = decoded.batch
    bodies = CODEC.nested_bodies("cityhub.AdmittedEvent", decoded)
    found = sightings_of(batch, bodies, words=True)
    opened = millis(batch.column("opens_at"))
    for row, (seen, body) in enumerate(zip(found, bodies, strict=True)):
        event = CaseEvent.checked(CODEC.decode_body("cityhub.CaseEvent", body))
        place = {name: batch.column(name)[row].as_py() for name in ("place_key", "area", "lat", "lon")}
        assert msgspec.structs.replace(seen, case_id="") == sighting_of(
            event, row=row, body=body, opens_ms=opened[row], **place
        )
    without = sightings_of(batch, bodies, words=False)
    assert [each.text for each in without] == [""] * len(found)
    assert [(each.ref, each.at_ms, each.case_id) for each in without] == [
        (each.ref, each.at_ms, each.case_id) for each in found
    ]


@pytest.mark.parametrize("arrived", [True, False])
def test_updates(arrived: bool) -> None:
    values = CODEC.encode_many("cityhub.AdmittedUpdate", examples("AdmittedUpdate"))
    decoded = CODEC.decode_many("cityhub.AdmittedUpdate", values)
    bodies = bodies_of(decoded.batch, decoded.bodies)
    for row, update in enumerate(updates_of(decoded.batch, bodies, arrived=arrived)):
        alone = update_of(CODEC.decode_body("cityhub.AdmittedUpdate", bodies[row]), bodies[row], arrived=arrived)
        assert (alone.arrived_ms is not None) is arrived
        assert alone.row is None
        assert update.row == row
        assert msgspec.structs.replace(
            update, row=None, details=update.details or UpdateDetails()
        ) == msgspec.structs.replace(alone, details=alone.details or UpdateDetails())


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_is_said_by_status_and_step_and_read_from_them(event: str) -> None:
    status, step = status_and_step(event)
    assert event_of(status, step, None) == event
    assert status == NEAREST.get(step, UpdateStatus.ACCEPTED) or step is UpdateStep.AS_STATUS
    Update(update_id="1", department="roads", case_id="C-1", status=status, at=1_700_000_000_000, step=step)


def test_what_no_update_can_say_is_refused() -> None:
    for word in ("AS_STATUS", "AS_STATUS_", "closed", ""):
        with pytest.raises(ValueError, match="no update can say"):
            status_and_step(word)


def test_closures() -> None:
    told = examples("Closure")
    batch = CODEC.decode_many("cityhub.Closure", CODEC.encode_many("cityhub.Closure", told)).batch
    found = closures_of(batch)
    assert len(found) == len(told)
    for closure, said in zip(found, told, strict=True):
        names = ("case_id", "outcome", "department", "step", "to", "members", "reason", "report", "by_hand")
        assert {name: getattr(closure, name) for name in names} == {name: said[name] for name in names}
        assert (closure.at_ms, closure.until_ms) == (said["at"], said["until"])
        assert [(one.department, one.from_ms, one.returned_by) for one in closure.ledger] == [
            (one["department"], one["since"], one["returned_by"]) for one in said["held"]
        ]


@pytest.mark.parametrize("step", ClosureStep)
@pytest.mark.parametrize("outcome", Outcome)
def test_every_step_of_a_closure_is_acted_on(step: ClosureStep, outcome: Outcome) -> None:
    """None falls through to what another step means; of a case that is not known, nothing comes."""
    moves, book = Moves(CITY), CaseBook(Incidents(CITY))
    closure = ClosureRow("C-UNKNOWN", outcome, "roads", 1_700_000_000_000, step)
    if step is ClosureStep.UNLINKED:
        with pytest.raises(ValueError, match="unlinking"):
            moves.take(Journal(book), closure)
    else:
        assert moves.take(Journal(book), closure) == []
