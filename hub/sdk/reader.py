"""Rows of a CSV or JSON Lines file, in order, with exact offsets. A row that cannot be read is given out as such."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from hub.errors import FatalError
from hub.sdk.lines import MAX_LINE_BYTES, Line, Lines
from hub.sdk.mapping import Format, Mapping
from hub.sdk.rows import BadRow, Row

_BOM = b"\xef\xbb\xbf"
_MANGLED_BOM = "ï»¿"
"""A byte order mark that was taken for Latin-1 on the way."""
_MAX_ROW_LINES = 5_000
"""A quote that is still open after so many lines was never closed."""
csv.field_size_limit(MAX_LINE_BYTES)


class Reader(Protocol):
    """A file's rows from `resume` on. Iterate once; `close` after."""

    lines: Lines

    def resume(self, offset: int, line: int) -> None:
        """Go on at a row's `end`, which is on `line`."""
        ...

    def parse(self, raw: bytes, line: int, start: int) -> Row | BadRow:
        """One row again, from its bytes."""
        ...

    def __iter__(self) -> Iterator[Row | BadRow]: ...


def open_reader(path: Path, mapping: Mapping, *, follow: bool = False, stop: threading.Event | None = None) -> Reader:
    """Open one file. Raises FatalError if it is missing or lacks columns that the mapping uses."""
    lines = Lines(path, follow=follow, stop=stop)
    try:
        return CsvReader(lines, mapping) if mapping.format is Format.CSV else JsonLinesReader(lines, mapping)
    except BaseException:
        lines.close()
        raise


class _Feed:
    """Lines with their numbers, some of which may be given back."""

    def __init__(self, lines: Lines, first: int = 1) -> None:
        self._lines = iter(lines)
        self._back: deque[tuple[int, Line]] = deque()
        self._number = first

    def next(self) -> tuple[int, Line] | None:
        if self._back:
            return self._back.popleft()
        line = next(self._lines, None)
        if line is None:
            return None
        self._number += 1
        return self._number - 1, line

    def give_back(self, lines: list[tuple[int, Line]]) -> None:
        self._back.extendleft(reversed(lines))


class CsvReader:
    """Comma separated values with a header; fields may hold quoted line breaks."""

    def __init__(self, lines: Lines, mapping: Mapping) -> None:
        self.lines = lines
        self._mapping = mapping
        self._feed = _Feed(lines)
        self._dialect = csv.reader([], delimiter=mapping.delimiter).dialect  # made once: it costs more than a row
        self._header = self._read_header()
        self._personal = [index for index, name in enumerate(self._header) if name in mapping.personal]

    def resume(self, offset: int, line: int) -> None:
        if offset:
            self.lines.seek(offset)
            self._feed = _Feed(self.lines, line)

    def __iter__(self) -> Iterator[Row | BadRow]:
        while (first := self._feed.next()) is not None:
            number, line = first
            if line.data.strip(b"\r\n"):
                yield self._row(number, line)

    def parse(self, raw: bytes, line: int, start: int) -> Row | BadRow:
        try:
            cells = next(
                csv.reader(
                    raw.decode(self._mapping.encoding).splitlines(keepends=True), delimiter=self._mapping.delimiter
                )
            )
        except (UnicodeDecodeError, csv.Error) as error:
            return BadRow(str(error), line, start, start + len(raw), raw)
        return self._shaped(cells, line, start, start + len(raw), raw)

    def _row(self, number: int, first: Line) -> Row | BadRow:
        if first.sha256:
            return _huge(number, first)
        if b'"' not in first.data and not first.data.rstrip(b"\r\n").count(b"\r"):
            return self._plain(number, first)
        taken: list[tuple[int, Line]] = [(number, first)]
        open_quote = False

        def pull() -> Iterator[str]:
            nonlocal open_quote
            yield self._decode(first.data)
            while len(taken) < _MAX_ROW_LINES and taken[-1][1].end - first.start < MAX_LINE_BYTES:
                more = self._feed.next()
                if more is None:
                    break
                taken.append(more)
                yield self._decode(more[1].data)
            open_quote = True

        try:
            cells = next(csv.reader(pull(), self._dialect))
        except UnicodeDecodeError:
            return self._first_only(taken, self._wrong_encoding())
        except csv.Error as error:
            return self._first_only(taken, f"not a CSV row: {error}")
        if open_quote:
            return self._first_only(taken, "a quote is opened and never closed")
        raw = first.data if len(taken) == 1 else b"".join(line.data for _, line in taken)
        return self._shaped(cells, number, first.start, taken[-1][1].end, raw, len(taken))

    def _plain(self, number: int, line: Line) -> Row | BadRow:
        """A line without quotes, which is most of them: to split it is what the csv module would do, at a tenth of the time."""
        try:
            text = self._decode(line.data)
        except UnicodeDecodeError:
            return self._first_only([(number, line)], self._wrong_encoding())
        return self._shaped(text.rstrip("\r\n").split(self._mapping.delimiter), number, line.start, line.end, line.data)

    def _wrong_encoding(self) -> str:
        return f"the row is not {self._mapping.encoding}; correct its encoding, or the mapping's `encoding`"

    def _first_only(self, taken: list[tuple[int, Line]], detail: str) -> BadRow:
        """The first line is bad; what was read after it is read again as rows of its own."""
        number, first = taken[0]
        self._feed.give_back(taken[1:])
        return BadRow(detail, number, first.start, first.end, self._masked(first.data))

    def _masked(self, raw: bytes) -> bytes:
        """A row that cannot be split properly, its personal columns blanked as well as can be."""
        if not self._personal:
            return raw
        between = self._mapping.delimiter.encode(self._mapping.encoding)
        cells = raw.split(between)
        return between.join(b"" if index in self._personal else cell for index, cell in enumerate(cells))

    def _shaped(self, cells: list[str], number: int, start: int, end: int, raw: bytes, lines: int = 1) -> Row | BadRow:
        if self._personal:
            for index in self._personal:
                if index < len(cells) and cells[index]:
                    cells[index] = ""
            raw = self._rewritten(cells)
        if len(cells) != len(self._header):
            return BadRow(
                f"{len(cells)} columns where the header has {len(self._header)}", number, start, end, raw, lines
            )
        return Row(dict(zip(self._header, cells, strict=True)), number, start, end, raw, lines)

    def _rewritten(self, cells: list[str]) -> bytes:
        out = io.StringIO()
        csv.writer(out, delimiter=self._mapping.delimiter, lineterminator="\n").writerow(cells)
        return out.getvalue().encode(self._mapping.encoding)

    def _decode(self, data: bytes) -> str:
        return data.decode(self._mapping.encoding)

    def _read_header(self) -> list[str]:
        first = self._feed.next()
        if first is None:
            return []
        _, line = first
        row = self._header_cells(Line(line.data.removeprefix(_BOM), line.start, line.end))
        if row:
            row[0] = row[0].removeprefix(_MANGLED_BOM).removeprefix("\ufeff").strip('"')
        row = [name.strip() for name in row]
        name = self.lines.path.name
        if twice := sorted({each for each in row if row.count(each) > 1}):
            raise FatalError(f"{name}: the header has {', '.join(twice)} more than once; name its columns apart")
        if missing := sorted(self._mapping.file_columns() - set(row)):
            raise FatalError(
                f"{name}: the header lacks {', '.join(missing)}, which the mapping uses; it has {', '.join(row)}. "
                "Choose the mapping of this format with --mapping"
            )
        return row

    def _header_cells(self, first: Line) -> list[str]:
        def pull() -> Iterator[str]:
            yield self._decode(first.data)
            while (more := self._feed.next()) is not None:
                yield self._decode(more[1].data)

        try:
            return next(csv.reader(pull(), delimiter=self._mapping.delimiter))
        except UnicodeDecodeError:
            raise FatalError(
                f"{self.lines.path.name}: the header is not {self._mapping.encoding}; correct the mapping's `encoding`"
            ) from None


class JsonLinesReader:
    """One JSON object a line; nested objects read as dotted columns (`place.lat`)."""

    def __init__(self, lines: Lines, mapping: Mapping) -> None:
        self.lines = lines
        self._mapping = mapping
        self._first_line = 1

    def resume(self, offset: int, line: int) -> None:
        self.lines.seek(offset)
        self._first_line = line

    def __iter__(self) -> Iterator[Row | BadRow]:
        for number, line in enumerate(self.lines, self._first_line):
            if line.sha256:
                yield _huge(number, line)
            elif line.data.strip():
                yield self.parse(line.data, number, line.start)

    def parse(self, raw: bytes, line: int, start: int) -> Row | BadRow:
        end = start + len(raw)
        try:
            content = json.loads(raw.removeprefix(_BOM).decode(self._mapping.encoding))
        except UnicodeDecodeError:
            return BadRow(f"the line is not {self._mapping.encoding}", line, start, end, raw)
        except (ValueError, RecursionError) as error:
            return BadRow(f"the line is not JSON: {error}", line, start, end, raw)
        if not isinstance(content, dict):
            return BadRow("the line is not a JSON object", line, start, end, raw)
        values: dict[str, Any] = {}
        _flatten(content, "", values)
        if personal := [name for name in self._mapping.personal if name in values]:
            for name in personal:
                del values[name]
            raw = json.dumps(values, ensure_ascii=False).encode(self._mapping.encoding) + b"\n"
        return Row(values, line, start, end, raw)


def _flatten(content: dict[str, Any], prefix: str, into: dict[str, Any]) -> None:
    for key, value in content.items():
        if isinstance(value, dict):
            _flatten(value, f"{prefix}{key}.", into)
        else:
            into[prefix + key] = value


def _huge(number: int, line: Line) -> BadRow:
    detail = f"a line of {line.end - line.start} bytes; only its first {len(line.data)} are kept, sha256 of all {line.sha256}"
    return BadRow(detail, number, line.start, line.end, line.data, too_large=True)
