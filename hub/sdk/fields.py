"""Turns a declared mapping into a function from a row's values to a canonical event. Pure: same row, same event."""

from __future__ import annotations

import hashlib
import json
import string
from collections.abc import Callable
from collections.abc import Mapping as Values
from typing import Any
from zoneinfo import ZoneInfo

from hub.errors import Reason, RejectedRecordError
from hub.model.event import CaseEvent
from hub.sdk.mapping import AttachmentsSpec, Mapping, PlaceSpec, Revisions, Where
from hub.sdk.specs import FieldSpec
from hub.sdk.times import parse_time

Read = Callable[[Values[str, Any]], str]
Keep = Callable[[Values[str, Any]], bool]


class Mapper:
    """One mapping of one source, ready to use. Holds no state between rows."""

    def __init__(self, mapping: Mapping, source: str) -> None:
        event = mapping.event
        self.mapping = mapping
        self._source = source
        self._counted = event.revisions is Revisions.COUNTED
        self._whole = mapping.whole_numbers
        self._where = [_condition(each) for each in mapping.where]
        self._ref, self._revision, self._kind = (
            text_reader(event.source_ref),
            text_reader(event.revision),
            text_reader(event.kind),
        )
        self._reported = time_reader(event.reported_at, mapping)
        self._occurred = time_reader(event.occurred_at, mapping)
        self._due = time_reader(event.due_at, mapping)
        self._category, self._label = text_reader(event.category), _optional(event.category_label)
        self._urgency, self._channel = text_reader(event.urgency), text_reader(event.channel)
        self._title, self._text = text_reader(event.title), text_reader(event.text)
        self._place = _place(event.place)
        self._attachments = _attachments(event.attachments)
        self._attributes = [(name, text_reader(spec)) for name, spec in event.attributes.items()]

    def keeps(self, values: Values[str, Any]) -> bool:
        """Whether the row meets every `where` condition."""
        return all(condition(values) for condition in self._where)

    def fields(self, values: Values[str, Any]) -> dict[str, Any]:
        """The event's fields, not yet validated. Raises RejectedRecordError: bad_row, time_out_of_range."""
        if self._whole:
            values = {**values, **{name: text_of(values.get(name)).removesuffix(".0") for name in self._whole}}
        reported = self._reported(values)
        if reported is None:
            raise RejectedRecordError(Reason.BAD_ROW, "reported_at is empty; every row needs its time")
        return {
            "source": self._source,
            "source_ref": self._ref(values),
            "revision": _whole("revision", self._revision(values)),
            "revision_counted": self._counted,
            "kind": self._kind(values),
            "occurred_at": self._occurred(values),
            "reported_at": reported,
            "category": self._category(values),
            "category_label": self._label(values),
            "urgency": self._urgency(values),
            "place": self._place(values),
            "title": self._title(values),
            "text": self._text(values),
            "channel": self._channel(values),
            "attachments": self._attachments(values),
            "due_at": self._due(values),
            "attributes": {name: value for name, read in self._attributes if (value := read(values))},
        }

    def event(self, values: Values[str, Any]) -> CaseEvent | None:
        """The row's event, or None if `where` leaves the row out. Raises RejectedRecordError."""
        return CaseEvent.checked(self.fields(values)) if self.keeps(values) else None


def text_of(value: Any) -> str:
    """A column's value as text: null is empty, numbers as JSON writes them."""
    if isinstance(value, str):
        return value.strip()
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False)


def _origin(spec: FieldSpec) -> Read:
    if spec.column is not None:
        column = spec.column
        return lambda values: text_of(values.get(column))
    if spec.template is not None:
        parts = [(before, name) for before, name, _, _ in string.Formatter().parse(spec.template)]
        return lambda values: " ".join(
            "".join(before + (text_of(values.get(name)) if name else "") for before, name in parts).split()
        )
    if spec.concat is not None:
        columns, between = spec.concat, spec.separator
        return lambda values: between.join(filter(None, (text_of(values.get(name)) for name in columns)))
    if spec.digest is not None:
        digested = spec.digest
        return lambda values: hashlib.sha256(
            json.dumps([text_of(values.get(name)) for name in digested], ensure_ascii=False).encode()
        ).hexdigest()[:24]
    constant = str(spec.constant)
    return lambda values: constant


def text_reader(spec: FieldSpec) -> Read:
    """A field's text from a row's values. It raises RejectedRecordError(bad_row) where a `map` does not know the value."""
    origin, table, default = _origin(spec), spec.map, spec.default
    if table is None:
        return origin if default is None else lambda values: origin(values) or default
    said = spec.column or "a mapped value"

    def mapped(values: Values[str, Any]) -> str:
        found = table.get(origin(values), default)
        if found is None:
            raise RejectedRecordError(
                Reason.BAD_ROW, f"{said} holds a value that the mapping does not know; it knows {', '.join(table)}"
            )
        return found

    return mapped


def _optional(spec: FieldSpec | None) -> Callable[[Values[str, Any]], str | None]:
    if spec is None:
        return lambda values: None
    read = text_reader(spec)
    return lambda values: read(values) or None


def time_reader(spec: FieldSpec | None, mapping: Mapping) -> Callable[[Values[str, Any]], int | None]:
    """A field's time in ms, None where it is empty. It raises RejectedRecordError: bad_row, time_out_of_range."""
    if spec is None:
        return lambda values: None
    read, formats = text_reader(spec), spec.formats or []
    zone = ZoneInfo(spec.time_zone or mapping.time_zone)

    def time(values: Values[str, Any]) -> int | None:
        text = read(values)
        return parse_time(text, formats, zone) if text else None

    return time


def _place(spec: PlaceSpec) -> Callable[[Values[str, Any]], dict[str, Any]]:
    code, grid, address, crs = (
        _optional(spec.code),
        _optional(spec.grid),
        _optional(spec.address),
        text_reader(spec.crs),
    )
    lat, lon = _optional(spec.lat), _optional(spec.lon)
    nowhere = frozenset(spec.nowhere)

    def place(values: Values[str, Any]) -> dict[str, Any]:
        y, x = _degrees("lat", lat(values)), _degrees("lon", lon(values))
        if (y, x) in nowhere:
            y = x = None
        return {
            "code": code(values), "grid": grid(values), "lat": y, "lon": x, "crs": crs(values), "address": address(values),
        }  # fmt: skip

    return place


def _attachments(spec: AttachmentsSpec | None) -> Callable[[Values[str, Any]], list[dict[str, str]]]:
    if spec is None:
        return lambda values: []
    column, split, media_type = spec.column, spec.split, spec.media_type

    def attachments(values: Values[str, Any]) -> list[dict[str, str]]:
        value = values.get(column)
        found = value if isinstance(value, list) else text_of(value).split(split)
        return [{"uri": uri, "media_type": media_type} for each in found if (uri := text_of(each))]

    return attachments


def _condition(where: Where) -> Keep:
    column = where.column
    if where.empty is not None:
        wanted = where.empty
        return lambda values: (not text_of(values.get(column))) is wanted
    if where.among is not None:
        among = frozenset(where.among)
        return lambda values: text_of(values.get(column)) in among
    without = frozenset(where.not_among or ())
    return lambda values: text_of(values.get(column)) not in without


def _degrees(name: str, text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise RejectedRecordError(Reason.BAD_ROW, f"{name} is not a number of degrees") from None


def _whole(name: str, text: str) -> int:
    try:
        return int(text or 0)
    except ValueError:
        raise RejectedRecordError(Reason.BAD_ROW, f"{name} is not a whole number") from None
