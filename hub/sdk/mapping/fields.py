"""Turns a declared mapping into a function from a row's values to a canonical event. Pure: same row, same event."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Mapping as Values
from typing import Any

from hub.errors import Reason, RejectedRecordError
from hub.model.event import CaseEvent
from hub.sdk.mapping.columns import Cell, cell_reader, optional_reader, text_of, text_reader, time_reader
from hub.sdk.mapping.mapping import AttachmentsSpec, Mapping, Revisions, Where
from hub.sdk.mapping.place_fields import place_reader
from hub.sdk.mapping.references import reference_reader

_WHOLE = re.compile(r"[0-9]{1,20}")
Keep = Callable[[Values[str, Any]], bool]


class Mapper:
    """One mapping of one source, ready to use. Holds no state between rows."""

    def __init__(self, mapping: Mapping, source: str) -> None:
        event = mapping.event
        self.mapping = mapping
        self._source = source
        self._counted = event.revisions is Revisions.COUNTED
        self._whole, self._tail = mapping.whole_numbers, f"{mapping.decimal}0"
        cell = cell_reader(mapping.nulls)
        self._where = [_condition(each, cell) for each in mapping.where]
        self._ref = reference_reader(event.source_ref, mapping.reference, text_reader(event.source_ref, cell))
        self._revision, self._kind = text_reader(event.revision, cell), text_reader(event.kind, cell)
        self._reported = time_reader(event.reported_at, mapping)
        self._occurred = time_reader(event.occurred_at, mapping)
        self._due = time_reader(event.due_at, mapping)
        self._category, self._label = text_reader(event.category, cell), optional_reader(event.category_label, cell)
        self._urgency, self._channel = text_reader(event.urgency, cell), text_reader(event.channel, cell)
        self._title, self._text = text_reader(event.title, cell), text_reader(event.text, cell)
        self._place = place_reader(event.place, cell, mapping.decimal)
        self._attachments = _attachments(event.attachments, cell)
        self._attributes = [(name, text_reader(spec, cell)) for name, spec in event.attributes.items()]

    def keeps(self, values: Values[str, Any]) -> bool:
        """Whether the row meets every `where` condition."""
        return all(condition(values) for condition in self._where)

    def fields(self, values: Values[str, Any]) -> dict[str, Any]:
        """The event's fields, not yet validated. Raises RejectedRecordError: bad_row, invalid, time_out_of_range."""
        if self._whole:
            values = {**values, **{name: text_of(values.get(name)).removesuffix(self._tail) for name in self._whole}}
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


def statement_test(mapping: Mapping) -> Callable[[Values[str, Any]], bool] | None:
    """Whether a row's values are a statement's as far as can be seen: it has a reference, and a time in a format of the mapping.

    None where the mapping takes no time from the row, so that any row with enough columns would seem one.
    """
    event = mapping.event
    if event.reported_at.column is None:
        return None
    ref, time = text_reader(event.source_ref), time_reader(event.reported_at, mapping)

    def is_statement(values: Values[str, Any]) -> bool:
        try:
            return bool(ref(values)) and time(values) is not None
        except RejectedRecordError:
            return False

    return is_statement


def _attachments(spec: AttachmentsSpec | None, cell: Cell) -> Callable[[Values[str, Any]], list[dict[str, str]]]:
    if spec is None:
        return lambda values: []
    column, split, media_type = spec.column, spec.split, spec.media_type

    def attachments(values: Values[str, Any]) -> list[dict[str, str]]:
        value = values.get(column)
        found = value if isinstance(value, list) else cell(value).split(split)
        return [{"uri": uri, "media_type": media_type} for each in found if (uri := cell(each))]

    return attachments


def _condition(where: Where, cell: Cell) -> Keep:
    column = where.column
    if where.empty is not None:
        wanted = where.empty
        return lambda values: (not cell(values.get(column))) is wanted
    if where.among is not None:
        among = frozenset(where.among)
        return lambda values: cell(values.get(column)) in among
    without = frozenset(where.not_among or ())
    return lambda values: cell(values.get(column)) not in without


def _whole(name: str, text: str) -> int:
    if not text:
        return 0
    if not _WHOLE.fullmatch(text):
        raise RejectedRecordError(
            Reason.BAD_ROW,
            f"{name} is not a whole number from 0 to 2147483647; where a spreadsheet wrote 1.0, list its column in `whole_numbers`",
        )
    return int(text)
