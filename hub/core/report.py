"""A report as the rules of linking and routing see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from hub.core.columns import any_said, from_columns, millis, shared_values
from hub.model.event import CaseEvent, EventKind
from hub.model.ids import case_ids


class Sighting(msgspec.Struct, frozen=True, gc=False):
    """An admitted event: ms, WGS84 degrees, `body` in Avro. What is last and has a default is read only if a rule asks for it."""

    row: int | None
    """The record of the chunk that it is; None: what was said before, looked at again."""
    source: str
    ref: str
    revision: int
    kind: EventKind
    at_ms: int
    category: str
    urgency: str
    channel: str
    due_ms: int | None
    place_key: str
    area: str | None
    lat: float | None
    lon: float | None
    body: bytes
    case_id: str = ""
    """Of the case it would lead, if that is reckoned already."""
    opens_ms: int | None = None
    """Of a back-fill: when the hub took it."""
    title: str = ""
    text: str = ""
    address: str | None = None
    label: str | None = None
    """The source's own words for the category."""
    attributes: Mapping[str, str] = msgspec.field(default_factory=dict)

    @property
    def opening_ms(self) -> int:
        """From when counts what it opens: what was said is not back-dated by being told late, unless it was said live."""
        return self.at_ms if self.opens_ms is None else self.opens_ms


def sightings_of(admitted: pa.RecordBatch, bodies: Sequence[bytes], *, words: bool) -> list[Sighting]:
    """`cityhub.AdmittedEvent`s, whose events `bodies` are in Avro. `words`: whether a rule asks for what they say."""
    event = admitted.column("event")
    source, ref = shared_values(event.field("source")), event.field("source_ref").to_pylist()
    found = from_columns(
        Sighting,
        row=range(len(admitted)),
        source=source,
        ref=ref,
        revision=event.field("revision").to_pylist(),
        kind=shared_values(event.field("kind"), EventKind),
        at_ms=millis(event.field("reported_at")),
        category=shared_values(event.field("category")),
        urgency=shared_values(event.field("urgency")),
        channel=shared_values(event.field("channel")),
        due_ms=millis(event.field("due_at")),
        place_key=shared_values(admitted.column("place_key")),
        area=shared_values(admitted.column("area")),
        lat=admitted.column("lat").to_pylist(),
        lon=admitted.column("lon").to_pylist(),
        body=bodies,
        case_id=case_ids(zip(source, ref, strict=True)),
        **(_words(event) if words else {}),
        **any_said(opens_ms=millis(admitted.column("opens_at"))),
    )
    return list(found)


def sighting_of(
    event: CaseEvent,
    *,
    place_key: str,
    area: str | None,
    lat: float | None,
    lon: float | None,
    row: int | None = None,
    body: bytes = b"",
    opens_ms: int | None = None,
) -> Sighting:
    """As `sightings_of`, of one event with the place where it belongs; always with what it says."""
    return Sighting(
        row=row,
        source=event.source,
        ref=event.source_ref,
        revision=event.revision,
        kind=event.kind,
        at_ms=event.reported_at,
        category=event.category,
        urgency=event.urgency.value,
        channel=event.channel,
        due_ms=event.due_at,
        place_key=place_key,
        area=area,
        lat=lat,
        lon=lon,
        body=body,
        title=event.title,
        text=event.text,
        address=event.place.address,
        label=event.category_label,
        attributes=event.attributes,
        opens_ms=opens_ms,
    )


def _words(event: pa.StructArray) -> dict[str, Any]:
    return {
        "title": event.field("title").to_pylist(),
        "text": event.field("text").to_pylist(),
        "address": event.field("place").field("address").to_pylist(),
        "label": event.field("category_label").to_pylist(),
        "attributes": map(dict, event.field("attributes").to_pylist()),
    }
