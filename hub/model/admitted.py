"""What becomes of a record that came in: admitted on its way to its place, a repeat, or a dead letter. Each names its origin."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from hub.bounds import LATITUDE, LONGITUDE
from hub.model.base import (
    MAX_LINE_CHARS,
    Code,
    Counter,
    HubText,
    Int,
    Long,
    Millis,
    Offset,
    Record,
    SourceMillis,
)
from hub.model.event import CaseEvent
from hub.model.personal import Personal
from hub.model.update import Update

PlaceLatitude = Annotated[float, Field(ge=LATITUDE.least, le=LATITUDE.most), Personal.PLACE]
PlaceLongitude = Annotated[float, Field(ge=LONGITUDE.least, le=LONGITUDE.most), Personal.PLACE]
PlaceKey = Annotated[str, Field(max_length=MAX_LINE_CHARS), Personal.PLACE]


class Origin(Record):
    """Where in Kafka a record came in: its identity in every account. `topic` is without the hub's namespace."""

    NAME: ClassVar[str] = "Origin"

    topic: Code
    partition: Counter
    offset: Offset
    ingested_at: Millis


class AdmittedEvent(Record):
    """A first sighting, on its way to its place."""

    NAME: ClassVar[str] = "AdmittedEvent"

    origin: Origin
    place_key: PlaceKey
    area: Code | None = None
    lat: PlaceLatitude | None = None
    lon: PlaceLongitude | None = None
    opens_at: SourceMillis | None = None
    event: CaseEvent


class AdmittedUpdate(Record):
    """A department's update, first sighting."""

    NAME: ClassVar[str] = "AdmittedUpdate"

    origin: Origin
    update: Update


class Repeat(Record):
    """A record that had been seen, and where it was seen first; or one that was moved to where its reference belongs."""

    NAME: ClassVar[str] = "Repeat"

    source: HubText
    source_ref: Annotated[str, Personal.REFERENCE]
    revision: Int
    origin: Origin
    first_topic: HubText
    first_partition: Int
    first_offset: Long
    moved_to: Int | None = None


class DeadLetter(Record):
    """A record that could not be used, and why; or a gap: records that were never read.

    It holds the record whole. Where that would not fit it is `truncated`: key and value are only how they begin, `size_bytes`
    and `sha256` are of the whole value.

    A gap is one letter for a stretch of a partition: `origin` is the place that was to be read next, `until` the offset at
    which reading went on. It stands for `until` less `origin.offset` records at most, as markers of transactions have offsets
    too; where a topic was made anew or cut, `until` is not behind `origin.offset`, and nobody knows how many were lost.
    """

    NAME: ClassVar[str] = "DeadLetter"

    stage: HubText
    reason: HubText
    detail: HubText
    at: Millis
    origin: Origin | None = None
    until: Long | None = None
    file: HubText | None = None
    line: Long | None = None
    key: Annotated[bytes | None, Personal.RECORD] = None
    value: Annotated[bytes | None, Personal.RECORD] = None
    truncated: bool = False
    size_bytes: Long | None = None
    sha256: HubText | None = None
