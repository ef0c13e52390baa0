"""Rows of JSON Lines, one object a line, or of one array of objects; nested objects read as dotted columns (`place.lat`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from hub.declared.texts import parse_json, parse_row
from hub.errors import FatalError
from hub.sdk.contract import json_values
from hub.sdk.mapping.mapping import Mapping
from hub.sdk.mapping.personal import without
from hub.sdk.sources.file.formats.csv_rows import huge
from hub.sdk.sources.file.formats.json_array import Elements
from hub.sdk.sources.file.lines import Line, Lines
from hub.sdk.sources.file.rows import BadRow, Row

_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"
_MAX_DEPTH = 64
_LINE_ENDS = re.compile(rb"[^\r\n]+[\r\n]*|[\r\n]+")


class JsonReader:
    """Objects, wherever they stand. Numbers with a point or exponent are given out as the file writes them, as text."""

    header: Sequence[str] = ()
    headless = False

    def __init__(self, lines: Lines, mapping: Mapping) -> None:
        self.lines = lines
        self._mapping = mapping
        self._codec = lines.content.encoding
        self._first_line = 1

    @property
    def read_as(self) -> str:
        return f"{self.lines.content.read_as}, {self._codec}, {'JSON array' if self._is_array else 'JSON Lines'}"

    def begin(self) -> None:
        self.lines.peek()
        self._codec = self.lines.content.encoding

    def resume(self, offset: int, line: int) -> bool:
        self._first_line = line
        self.begin()
        return not offset or self.lines.skip(offset)

    def __iter__(self) -> Iterator[Row | BadRow]:
        self.begin()
        if self._is_array:
            yield from self._elements()
            return
        for number, line in enumerate(self.lines, self._first_line):
            if line.sha256:
                yield self._kept(huge(number, line))
            elif line.data.strip():
                yield from self._rows(number, line)

    def parse(self, raw: bytes, line: int, start: int) -> Row | BadRow:
        row = self._parsed(raw, line, start)
        return row if isinstance(row, Row) else self._kept(row)

    def _parsed(self, raw: bytes, line: int, start: int) -> Row | BadRow:
        end = start + len(raw)
        try:
            content = parse_row(raw.removeprefix(_BOM).decode(self._codec))
            _require_shallow(content, _MAX_DEPTH)
        except UnicodeDecodeError:
            return BadRow(f"the line is not {self._codec}", line, start, end, raw)
        except ValueError as error:
            return BadRow(f"the line is not JSON: {_said(error)}", line, start, end, raw)
        if not isinstance(content, dict):
            kind = "an array, where each line is to be an object" if isinstance(content, list) else "not a JSON object"
            return BadRow(f"the line is {kind}", line, start, end, raw)
        values = json_values(content)
        if (bare := without(values, self._mapping.personal)) != values:
            values = bare
            raw = json.dumps(values, ensure_ascii=False).encode(self._codec, "backslashreplace") + b"\n"
        return Row(values, line, start, end, raw)

    def _kept(self, row: BadRow) -> BadRow:
        return row.withheld() if self._mapping.personal else row

    def _rows(self, number: int, line: Line) -> Iterator[Row | BadRow]:
        """A line's row. One that is none, and holds line ends of another kind, is divided at them."""
        row = self.parse(line.data, number, line.start)
        if isinstance(row, Row):
            yield row  # an object that closes is whole, whether its line end is there or not
        elif b"\r" in line.data.strip(b"\r\n") or b"\n" in line.data.strip(b"\r\n"):
            at = line.start
            for part in _LINE_ENDS.findall(line.data):
                if part.strip(_BLANK):
                    yield self._marked(self.parse(part, number, at), line.finished or at + len(part) < line.end)
                at += len(part)
        else:
            yield self._marked(row, line.finished)

    @staticmethod
    def _marked(row: Row | BadRow, finished: bool) -> Row | BadRow:
        return row if finished or isinstance(row, Row) else row._replace(finished=False)

    def _elements(self) -> Iterator[Row | BadRow]:
        """The array's elements; what stands behind its end is no row."""
        elements = Elements(self.lines, self._first_line)
        for line, start, raw in elements:
            row = self.parse(raw, line, start)
            yield row._replace(lines=raw.count(b"\n"))
        if elements.rest is not None:
            line, start, raw, detail = elements.rest
            row = BadRow(detail, line, start, start + len(raw), raw, raw.count(b"\n"), finished=self.lines.over)
            yield self._kept(row)

    @cached_property
    def _is_array(self) -> bool:
        """Whether the file is one array: it begins as one, and not with a whole array that lines of objects follow."""
        sample = self.lines.sample.lstrip(b"\0").removeprefix(_BOM).lstrip(_BLANK)
        first, _, others = sample.partition(b"\n")
        if sample.startswith(b"{"):
            self._require_lines(first, others)
            return False
        return sample.startswith(b"[") and not (_sound(first) and others.strip(_BLANK))

    def _require_lines(self, first: bytes, others: bytes) -> None:
        """One object over several lines would be as many bad lines."""
        if first.strip(_BLANK) == b"{" and others.strip(_BLANK):
            raise FatalError(
                f"{self.lines.path.name} is one JSON object over several lines; write one a line (JSON Lines), or an array of them"
            )


def _require_shallow(value: Any, levels: int) -> None:
    if isinstance(value, dict | list):
        if not levels:
            raise ValueError(f"it is nested more than {_MAX_DEPTH} levels deep; write it flatter")
        for each in value.values() if isinstance(value, dict) else value:
            if isinstance(each, dict | list):
                _require_shallow(each, levels - 1)


def _said(error: Exception) -> str:
    """Without what the sender wrote."""
    return f"{error.msg} at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else str(error)


def _sound(line: bytes) -> bool:
    try:
        parse_json(line)
    except ValueError:
        return False
    return True
