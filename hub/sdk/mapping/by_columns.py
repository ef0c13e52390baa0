"""Many rows at once, column by column: what a mapping makes of rows in which nothing is out of the ordinary.

The way by rows (fields.py) is the law. Here a row is only taken whose columns surely read as they would there; any other is left to
that way, which also says why a row cannot be used. Tests hold both to the same bytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from collections.abc import Mapping as Values
from functools import partial
from typing import Any, NamedTuple

from hub.errors import RejectedRecordError
from hub.model.crs import Crs, crs_of
from hub.model.event import EventKind, Urgency
from hub.sdk.mapping.columns import cell_reader, null_words, text_reader, time_reader
from hub.sdk.mapping.fields import StatementMapper, attachments_reader, row_tests, with_whole_numbers
from hub.sdk.mapping.mapping import Mapping
from hub.sdk.mapping.numbers import plain_number
from hub.sdk.mapping.place_fields import may_be_degrees
from hub.sdk.mapping.references import is_plain
from hub.sdk.mapping.specs import FieldSpec

InputRow = Values[str, Any]
_KINDS, _URGENCIES = frozenset(EventKind), frozenset(Urgency)
_DIGITS = re.compile(r"[0-9]{0,9}")


class EventColumns(NamedTuple):
    """Which of the rows were taken, and by field of a CaseEvent what they have there. `place` is a column of each of its fields; a
    field that is its default in all rows may be left out."""

    rows: list[int]
    fields: dict[str, Any]


class _Table:
    """Rows, their columns as text, and which of the rows are in doubt. A column is read once however many fields are made of it."""

    def __init__(self, rows: Sequence[InputRow], nulls: frozenset[str], cell: Callable[[Any], str]) -> None:
        self.rows, self._nulls, self._cell = rows, nulls, cell
        self._texts: dict[str, list[str]] = {}
        self.doubt: set[int] = set()

    def texts(self, column: str) -> list[str]:
        if column not in self._texts:
            self._texts[column] = self._read(column)
        return self._texts[column]

    def read_each(self, read: Callable[[InputRow], Any], instead: Any) -> list[Any]:
        """By the way of rows; what it rejects is in doubt."""
        found = []
        for at, row in enumerate(self.rows):
            try:
                found.append(read(row))
            except RejectedRecordError:
                self.doubt.add(at)
                found.append(instead)
        return found

    def doubt_all(self, rows: Sequence[int]) -> None:
        self.doubt.update(rows)

    def _read(self, column: str) -> list[str]:
        try:
            texts = [row[column].strip() for row in self.rows]
        except (KeyError, AttributeError):  # not in every row, or not text
            return [self._cell(row.get(column)) for row in self.rows]
        return texts if self._nulls.isdisjoint(texts) else ["" if each in self._nulls else each for each in texts]


class ByColumns:
    """One mapping of one source for many rows. `usable`: a mapping that makes several statements of a row goes by rows only."""

    def __init__(self, mapping: Mapping, source: str) -> None:
        event = mapping.event
        self.usable = not mapping.also
        self._mapping, self._event, self._source = mapping, event, source
        self._cell, self._nulls = cell_reader(mapping.nulls), null_words(mapping.nulls)
        self._where = row_tests(mapping.where, self._cell)
        self._by_rows = StatementMapper(event, mapping, source)
        self._times = {
            name: time_reader(getattr(event, name), mapping) for name in ("reported_at", "occurred_at", "due_at")
        }
        self._attachments = attachments_reader(event.attachments, self._cell)
        self._plain_numbers = mapping.decimal == "." and mapping.thousands is None
        self._plain = plain_number(mapping.decimal, mapping.thousands)

    def read(self, rows: Sequence[InputRow]) -> EventColumns:
        """Pure. Rows that `where` leaves out are not taken either."""
        kept = range(len(rows))
        if self._where:
            kept = [at for at in kept if all(holds(rows[at]) for holds in self._where)]  # type: ignore[assignment]
            rows = [rows[at] for at in kept]
        tidied = partial(with_whole_numbers, self._mapping)
        table = _Table([tidied(row) for row in rows] if self._mapping.whole_numbers else rows, self._nulls, self._cell)
        fields = self._fields(table)
        if not table.doubt:
            return EventColumns(list(kept), fields)
        good = [at for at in range(len(rows)) if at not in table.doubt]
        return EventColumns([kept[at] for at in good], _taken(fields, good))

    def _fields(self, table: _Table) -> dict[str, Any]:
        event, count = self._event, len(table.rows)
        fields: dict[str, Any] = {
            "source": [self._source] * count,
            "source_ref": self._references(table),
            "revision": self._revisions(table),
            "revision_counted": [self._by_rows.counted] * count,
            "kind": _among(table, self._text(event.kind, table), _KINDS),
            "reported_at": self._reported(table),
            "category": self._text(event.category, table),
            "urgency": _among(table, self._text(event.urgency, table), _URGENCIES),
            "place": self._places(table),
            "title": self._text(event.title, table),
            "text": self._text(event.text, table),
            "channel": self._text(event.channel, table),
        }
        if event.category_label is not None:
            fields["category_label"] = _or_none(self._text(event.category_label, table))
        for name in ("occurred_at", "due_at"):
            if getattr(event, name) is not None:
                fields[name] = self._time(name, table)
        return fields | self._lists(table)

    def _lists(self, table: _Table) -> dict[str, Any]:
        """Attachments and attributes, where there are any."""
        event, found = self._event, dict[str, Any]()
        attached = event.attachments and event.attachments.column
        if attached and any(row.get(attached) not in (None, "", []) for row in table.rows):
            found["attachments"] = table.read_each(self._attachments, [])
        if event.attributes:
            columns = [self._text(spec, table) for spec in event.attributes.values()]
            found["attributes"] = [
                [(name, text) for name, text in zip(event.attributes, texts, strict=True) if text]
                for texts in zip(*columns, strict=True)
            ]
        return found

    # -- one field ---------------------------------------------------------------------------------------------------------------

    def _text(self, spec: FieldSpec, table: _Table) -> list[str]:
        if spec.constant is not None and spec.map is None:
            return [str(spec.constant) or spec.default or ""] * len(table.rows)
        if spec.column is None:
            return table.read_each(text_reader(spec, self._cell), "")
        texts = table.texts(spec.column)
        if spec.map is None:
            return texts if spec.default is None else [text or spec.default for text in texts]
        found = [spec.map.get(text, spec.default) for text in texts]
        if None not in found:
            return found  # type: ignore[return-value]
        table.doubt_all([at for at, text in enumerate(found) if text is None])
        return [text or "" for text in found]

    def _references(self, table: _Table) -> list[str]:
        spec, declared = self._event.source_ref, self._mapping.reference
        if spec.column is None or spec.map is not None or spec.default is not None:
            return table.read_each(self._by_rows.reference, "")
        plain = is_plain(declared)
        read = self._by_rows.reference
        texts = table.texts(spec.column)
        if all(map(plain, texts)) and all(isinstance(row.get(spec.column), str) for row in table.rows):
            return texts
        return table.read_each(read, "")

    def _revisions(self, table: _Table) -> list[int]:
        texts = self._text(self._event.revision, table)
        if all(map(_DIGITS.fullmatch, texts)):
            return [int(text or 0) for text in texts]
        return table.read_each(self._by_rows.revision, 0)

    def _reported(self, table: _Table) -> list[int]:
        found = self._time("reported_at", table)
        if None in found:
            table.doubt_all([at for at, time in enumerate(found) if time is None])
            return [time or 0 for time in found]
        return found  # type: ignore[return-value]

    def _time(self, name: str, table: _Table) -> list[int | None]:
        spec = getattr(self._event, name)
        if spec.column is not None and spec.map is None and spec.default is None:
            texts = table.texts(spec.column)
            if (
                spec.formats == ["epoch_ms"]
                and (joined := "".join(texts)).isascii()
                and joined.isdigit()
                and all(texts)
            ):
                return list(map(int, texts))
            if not any(texts):
                return [None] * len(texts)
        return table.read_each(self._times[name], None)

    # -- the place ---------------------------------------------------------------------------------------------------------------

    def _places(self, table: _Table) -> dict[str, list[Any]]:
        spec, count = self._event.place, len(table.rows)
        lats, lons, systems = [None] * count, [None] * count, [str(Crs.WGS84)] * count
        if spec.lat is not None and spec.lon is not None:
            lats, lons = self._degrees(spec.lat, table), self._degrees(spec.lon, table)
            systems = self._systems(table, lats, lons)
        found: dict[str, list[Any]] = {"lat": lats, "lon": lons, "crs": systems}
        for name in ("code", "grid", "address"):
            each: FieldSpec | None = getattr(spec, name)
            found[name] = [None] * count if each is None else _or_none(self._text(each, table))
        return found

    def _degrees(self, spec: FieldSpec, table: _Table) -> list[Any]:
        texts = self._text(spec, table)
        if not self._plain_numbers:
            texts = [self._written(text, at, table) for at, text in enumerate(texts)]
        joined = "".join(texts)
        try:
            if joined.isascii() and "_" not in joined:
                return [float(text) if text else None for text in texts]
        except ValueError:
            pass
        return [self._degree(text, at, table) for at, text in enumerate(texts)]

    def _written(self, text: str, index: int, table: _Table) -> str:
        try:
            return self._plain(text) if text else ""
        except ValueError:
            table.doubt.add(index)
            return ""

    @staticmethod
    def _degree(text: str, index: int, table: _Table) -> float | None:
        try:
            if text and (not text.isascii() or "_" in text):
                raise ValueError
            return float(text) if text else None
        except ValueError:
            table.doubt.add(index)
            return None

    def _systems(self, table: _Table, lats: list[Any], lons: list[Any]) -> list[str]:
        """The reference systems' own names, and in `lats` and `lons` None where the point means no place."""
        spec = self._event.place
        names = self._text(spec.crs, table)
        known = {name: crs_of(name) for name in set(names)}
        nowhere = frozenset(spec.nowhere)
        systems = [str(Crs.WGS84)] * len(names)
        for at, (y, x, name) in enumerate(zip(lats, lons, names, strict=True)):
            if (y, x) in nowhere:
                lats[at] = lons[at] = None
            elif y is not None and x is not None:
                system = known[name]
                if system is None or system is Crs.WEB_MERCATOR or not (may_be_degrees(y, x) and math.isfinite(y + x)):
                    table.doubt.add(at)
                else:
                    systems[at] = str(system)
            elif y is not x:
                table.doubt.add(at)  # half a point
        return systems


def _among(table: _Table, texts: list[str], words: frozenset[str]) -> list[str]:
    if not words.issuperset(texts):
        table.doubt_all([at for at, text in enumerate(texts) if text not in words])
    return texts


def _or_none(texts: list[str]) -> list[str | None]:
    return [text or None for text in texts]


def _taken(fields: dict[str, Any], rows: list[int]) -> dict[str, Any]:
    return {
        name: _taken(column, rows) if isinstance(column, dict) else [column[at] for at in rows]
        for name, column in fields.items()
    }
