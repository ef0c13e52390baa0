"""Turns a declared mapping into a function from a row's values to a canonical event. Pure: same row, same event."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as Values
from typing import Any

from hub.errors import Reason, RejectedRecordError
from hub.model.event import CaseEvent
from hub.sdk.contract import json_values
from hub.sdk.mapping.columns import Cell, cell_reader, optional_reader, text_of, text_reader, time_reader
from hub.sdk.mapping.mapping import AlsoSpec, AttachmentsSpec, EventSpec, Mapping, RevisionKind, Where
from hub.sdk.mapping.numbers import Plain, plain_number
from hub.sdk.mapping.place_fields import place_reader
from hub.sdk.mapping.references import reference_reader

_WHOLE = re.compile(r"[0-9]{1,20}")
Keep = Callable[[Values[str, Any]], bool]


class StatementMapper:
    """One statement that rows make: its fields from a row's values."""

    def __init__(self, event: EventSpec, mapping: Mapping, source: str) -> None:
        self._source = source
        self.counted = event.revisions is RevisionKind.COUNTED
        self._plain = plain_number(mapping.decimal, mapping.thousands)
        cell = cell_reader(mapping.nulls)
        self.reference = reference_reader(event.source_ref, mapping.reference, text_reader(event.source_ref, cell))
        self._number, self._kind = text_reader(event.revision, cell), text_reader(event.kind, cell)
        self._reported = time_reader(event.reported_at, mapping)
        self._occurred = time_reader(event.occurred_at, mapping)
        self._due = time_reader(event.due_at, mapping)
        self._category, self._label = text_reader(event.category, cell), optional_reader(event.category_label, cell)
        self._urgency, self._channel = text_reader(event.urgency, cell), text_reader(event.channel, cell)
        self._title, self._text = text_reader(event.title, cell), text_reader(event.text, cell)
        self._place = place_reader(event.place, cell, self._plain)
        self._attachments = attachments_reader(event.attachments, cell)
        self._attributes = [(name, text_reader(spec, cell)) for name, spec in event.attributes.items()]

    def fields(self, values: Values[str, Any]) -> dict[str, Any]:
        """The event's fields, not yet validated. Raises RejectedRecordError: bad_row, invalid, time_out_of_range."""
        reported = self._reported(values)
        if reported is None:
            raise RejectedRecordError(Reason.BAD_ROW, "reported_at is empty; every row needs its time")
        return {
            "source": self._source,
            "source_ref": self.reference(values),
            "revision": self.revision(values),
            "revision_counted": self.counted,
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

    def revision(self, values: Values[str, Any]) -> int:
        return _whole("revision", self._number(values), self._plain)


class Mapper:
    """One mapping of one source, ready to use. Holds no state between rows."""

    def __init__(self, mapping: Mapping, source: str) -> None:
        self.mapping = mapping
        self._where = row_tests(mapping.where, cell_reader(mapping.nulls))
        self._first = StatementMapper(mapping.event, mapping, source)
        self._also = [Also(each, mapping, source) for each in mapping.also]

    def keeps(self, values: Values[str, Any]) -> bool:
        """Whether the row meets every `where` condition."""
        return all(condition(values) for condition in self._where)

    def statements(self, values: Values[str, Any]) -> Iterator[dict[str, Any]]:
        """The fields of each statement that the row makes, not yet validated, whatever `where` says. Raises RejectedRecordError:
        bad_row, invalid, time_out_of_range."""
        values = with_whole_numbers(self.mapping, values)
        yield self._first.fields(values)
        for also in self._also:
            yield from also.fields(values)

    def events(self, values: Values[str, Any]) -> list[CaseEvent]:
        """What the row says, none if `where` leaves it out. Raises RejectedRecordError if one of its statements cannot be used."""
        return [CaseEvent.checked(fields) for fields in self.statements(values)] if self.keeps(values) else []

    def event(self, values: Values[str, Any]) -> CaseEvent | None:
        """The first of `events`."""
        return next(iter(self.events(values)), None)


def with_whole_numbers(mapping: Mapping, values: Values[str, Any]) -> Values[str, Any]:
    """A row's values, those of `whole_numbers` without the fraction that a spreadsheet gave them."""
    if not mapping.whole_numbers:
        return values
    tail = f"{mapping.decimal}0"
    return {**values, **{name: text_of(values.get(name)).removesuffix(tail) for name in mapping.whole_numbers}}


class Also:
    """A further statement of rows, or one for each entry of a list in them."""

    def __init__(self, spec: AlsoSpec, mapping: Mapping, source: str) -> None:
        self._cell = cell_reader(mapping.nulls)
        self._where = row_tests(spec.where, self._cell)
        self._each, self._split = spec.each, spec.split
        self._statement = StatementMapper(spec.event, mapping, source)

    def fields(self, values: Values[str, Any]) -> Iterator[dict[str, Any]]:
        """As `StatementMapper.fields`, for each."""
        if not all(condition(values) for condition in self._where):
            return
        if self._each is None:
            yield self._statement.fields(values)
            return
        for number, entry in enumerate(entries(values.get(self._each), self._split, self._cell), 1):
            yield self._statement.fields({**values, **_columns_of(self._each, entry), f"{self._each}.#": str(number)})


def entries(value: Any, split: str, cell: Cell) -> list[Any]:
    """What stands in a column that holds several: a list as JSON has it, or text that is split. Empty ones are none."""
    found = value if isinstance(value, list) else cell(value).split(split)
    return [each for each in found if isinstance(each, dict) or cell(each)]


def _columns_of(column: str, entry: Any) -> dict[str, Any]:
    if isinstance(entry, dict):
        return {f"{column}.{name}": value for name, value in json_values(entry).items()}
    return {column: entry}


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


def attachments_reader(spec: AttachmentsSpec | None, cell: Cell) -> Callable[[Values[str, Any]], list[dict[str, str]]]:
    if spec is None:
        return lambda values: []
    column, split, media_type = spec.column, spec.split, spec.media_type

    def attachments(values: Values[str, Any]) -> list[dict[str, str]]:
        found = entries(values.get(column), split, cell)
        return [{"uri": cell(each), "media_type": media_type} for each in found]

    return attachments


def row_tests(where: Iterable[Where], cell: Cell) -> list[Keep]:
    """A test of a row's values for each."""
    return [_condition(each, cell) for each in where]


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


def _whole(name: str, text: str, plain: Plain) -> int:
    if not text:
        return 0
    if not _WHOLE.fullmatch(text):
        text = _plain_or_empty(text, plain)
    if not _WHOLE.fullmatch(text):
        raise RejectedRecordError(
            Reason.BAD_ROW,
            f"{name} is not a whole number from 0 to 2147483647; where a spreadsheet wrote 1.0, list its column in `whole_numbers`",
        )
    return int(text)


def _plain_or_empty(text: str, plain: Plain) -> str:
    try:
        return plain(text)
    except ValueError:
        return ""
