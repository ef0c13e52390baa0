"""A report as the rules of linking and routing see it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Sighting(msgspec.Struct, frozen=True, gc=False):
    """An admitted event: ms, WGS84 degrees, `body` in Avro. What is last and has a default is read only if a rule asks for it."""

    row: int | None
    """The record of the chunk that it is; None: what was said before, looked at again."""
    source: str
    ref: str
    revision: int
    kind: str
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
    title: str = ""
    text: str = ""
    address: str | None = None
    label: str | None = None
    """The source's own words for the category."""
    attributes: Mapping[str, str] = msgspec.field(default_factory=dict)
