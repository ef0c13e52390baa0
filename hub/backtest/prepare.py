"""From canonical events to what the cases are made of, by the core's own steps: checked, placed, first sightings only, in order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import pyarrow as pa

from hub.backtest.intake import HistoryIntake, RejectedRow
from hub.core.dedup.admission import Arrivals, Seen, admit
from hub.core.dedup.digests import contents, told_apart_by
from hub.core.places.places import Places
from hub.core.report import Sighting, sighting_of
from hub.errors import Reason
from hub.model.event import CaseEvent
from hub.policy.city import City

_CHUNK = 20_000
_FOREVER_MS = 1 << 60
REPEATED = "repeat"


@dataclass
class Prepared:
    """Sightings in the order of their report times; those of one instant in the order of the files."""

    sightings: list[Sighting] = field(default_factory=list)
    rejects: list[RejectedRow] = field(default_factory=list)
    repeats: int = 0


def prepare(city: City, intake: HistoryIntake) -> Prepared:
    """Everything that can be said of reports before any case is. `Sighting.row` is the event's number in `intake`."""
    found, places, memory = Prepared(), Places(city), Seen(_FOREVER_MS)
    for start in range(0, len(intake.events), _CHUNK):
        _chunk(intake, range(start, min(start + _CHUNK, len(intake.events))), places, memory, found)
    found.sightings.sort(key=lambda each: (each.at_ms, each.row))
    return found


def _chunk(intake: HistoryIntake, rows: range, places: Places, memory: Seen, prepared: Prepared) -> None:
    events = [intake.events[row] for row in rows]
    located = places.locate(
        [math.nan if event.place.lat is None else event.place.lat for event in events],
        [math.nan if event.place.lon is None else event.place.lon for event in events],
        [event.place.code for event in events],
        [event.place.crs for event in events],
        [event.place.grid for event in events],
        [event.source for event in events],
    )
    admission = admit(_arrivals(events, list(rows), located.place_key), memory, 0)
    memory.add(admission.fresh.items())
    for reason, what in (
        (REPEATED, "the hub lets it through once"),
        (Reason.CONFLICT, "its content is another; the first counts"),
    ):
        again = admission.repeats if reason == REPEATED else admission.conflicts
        for at, earlier in zip(again.row.tolist(), again.offset.tolist(), strict=True):
            file, line = intake.lines[earlier]
            detail = f"the same source, reference and revision as line {line} of {file}: {what}"
            prepared.rejects.append(_reject(intake, rows[at], reason, detail))
    prepared.repeats += len(admission.repeats.row)
    degrees = zip(located.lat.tolist(), located.lon.tolist(), strict=True)
    points = [(None, None) if math.isnan(lat) else (lat, lon) for lat, lon in degrees]
    for at, key in zip(admission.first.tolist(), admission.place_key.to_pylist(), strict=True):
        (lat, lon), area = points[at], located.area[at]
        seen = sighting_of(events[at], place_key=key, area=area, lat=lat, lon=lon, row=rows[at])
        if not events[at].revision_counted:
            seen = msgspec.structs.replace(seen, revision=rows[at] + 1)
        prepared.sightings.append(seen)


def _arrivals(events: list[CaseEvent], rows: list[int], place: Sequence[str | None]) -> Arrivals:
    """All by one topic and partition; the offset is the event's number."""
    content = contents([event.model_dump_json().encode() for event in events])
    counted = np.array([event.revision_counted for event in events], dtype=np.bool_)
    revision = np.array([event.revision for event in events], dtype=np.int64)
    return Arrivals(
        topics=["files"],
        topic=np.zeros(len(events), dtype=np.int64),
        partition=np.zeros(len(events), dtype=np.int64),
        offset=np.array(rows, dtype=np.int64),
        source=pa.array(_sources(events), pa.string()),
        ref=pa.array([event.source_ref for event in events], pa.string()),
        revision=told_apart_by(revision, counted, content),
        content=content,
        place=pa.array(place, pa.string()),
    )


def _sources(events: list[CaseEvent]) -> list[str]:
    return [event.source for event in events]


def _reject(intake: HistoryIntake, row: int, reason: str, detail: str) -> RejectedRow:
    file, line = intake.lines[row]
    return RejectedRow(file, line, intake.events[row].source_ref, reason, detail)
