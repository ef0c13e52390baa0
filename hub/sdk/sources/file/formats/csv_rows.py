"""Rows of comma separated values with a header. Fields may hold quoted line ends; a quote too many costs its own row only."""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from hub.errors import FatalError
from hub.sdk.mapping.fields import statement_test
from hub.sdk.mapping.mapping import Mapping
from hub.sdk.sources.file.formats.csv_header import Header, read_header
from hub.sdk.sources.file.formats.encodings import reads_as, wrong_throughout
from hub.sdk.sources.file.lines import MAX_LINE_BYTES, Line, Lines
from hub.sdk.sources.file.rows import BadRow, Row

MAX_ROW_LINES = 5_000
"""A quote that is still open after so many lines was never closed."""
_MAX_SWALLOWED = 20
"""Nor was one that holds so many lines which are rows of their own."""
_PARTS = re.compile(rb'(?:"[^"]*+"|[^\r\n])++[\r\n]*|[\r\n]+')
"""A line divided at the line ends outside its quotes."""
_INNER_END = {b"\n": re.compile("\r(?!\n|\\Z)"), b"\r": re.compile("\n(?!\\Z)")}
"""By how lines end: the other kind, which is text where it does not end one."""
_STAND_IN = "\udc0d"
"""For a line end that is text: the csv module would end the row there. No text that was decoded holds it."""
_BOM = b"\xef\xbb\xbf"
_NO_TEXT = frozenset({b"\n", _BOM[:1]})
"""How a line begins that may begin with what is none of it."""
_OPENED = re.compile(rb'(?:^|[,;\t|])"')
csv.field_size_limit(MAX_LINE_BYTES)

Taken = tuple[int, Line]


class LineFeed:
    """Lines with their numbers, some of which may be given back."""

    def __init__(self, lines: Lines, first: int = 1) -> None:
        self._lines = iter(lines)
        self._back: deque[Taken] = deque()
        self._number = first

    def next(self) -> Taken | None:
        if self._back:
            return self._back.popleft()
        line = next(self._lines, None)
        if line is None:
            return None
        self._number += 1
        return self._number - 1, line

    def give_back(self, lines: Sequence[Taken]) -> None:
        self._back.extendleft(reversed(lines))


class CsvReader:
    """A table's rows. `known`: the header of the file before this one."""

    def __init__(self, lines: Lines, mapping: Mapping, carried: Sequence[str] = ()) -> None:
        self.lines = lines
        self._mapping, self._known = mapping, carried
        self._feed = LineFeed(lines)
        self._begun: Header | None = None

    @property
    def header(self) -> Sequence[str]:
        return self._begun.names if self._begun else ()

    @property
    def headless(self) -> bool:
        return self._begun is not None and self._begun.headless

    @property
    def read_as(self) -> str:
        content, between = self.lines.content, self._begun.delimiter if self._begun else ""
        ends = "CR" if self.lines.line_end == b"\r" else "LF"
        return f"{content.read_as}, {content.encoding}, delimiter {between!r}, line end {ends}"

    def begin(self) -> None:
        if self._begun is None:
            self._set_up(read_header(self._feed, self.lines, self._mapping, self._known))

    def _set_up(self, header: Header) -> None:
        content = self.lines.content
        self._begun = header
        self._names, self._between, self._codec = header.names, header.delimiter, content.encoding
        self._columns = len(header.names)
        # made once: a dialect costs more than a row
        self._strict = csv.reader([], delimiter=self._between, strict=True).dialect
        self._lenient = csv.reader([], delimiter=self._between).dialect
        self._other_end = b"\r" if self.lines.line_end == b"\n" else b"\n"
        self._inner_end = _INNER_END[self.lines.line_end]
        self._personal = [index for index, name in enumerate(header.names) if name in self._mapping.personal]
        self._is_statement = statement_test(self._mapping)
        if other := wrong_throughout(self.lines.sample, self._codec):
            raise FatalError(
                f"{self.lines.path.name}: the text is not {self._codec}, as the mapping says, but reads as {other}; "
                f"let the mapping say `encoding: {other}`"
            )

    def resume(self, offset: int, line: int) -> bool:
        self.begin()
        if not offset:
            return True
        found = self.lines.skip(offset)
        self._feed = LineFeed(self.lines, line)
        return found

    def __iter__(self) -> Iterator[Row | BadRow]:
        self.begin()
        while (first := self._feed.next()) is not None:
            number, line = first
            if line.data[:1] in _NO_TEXT:
                line = self._without_marks(line)
            body = line.data.strip(b"\r\n")
            if body and (row := self._row(number, line, body)) is not None:
                yield row

    def parse(self, raw: bytes, line: int, start: int) -> Row | BadRow:
        whole = Line(raw, start, start + len(raw))
        try:
            cells = self._cells(iter((self._text(raw),)), self._lenient)
        except (UnicodeDecodeError, csv.Error) as error:
            return BadRow(str(error), line, start, whole.end, self._masked(raw))
        return self._shaped(cells, [(line, whole)])

    def _without_marks(self, line: Line) -> Line:
        """A line without what is before its text: the LF of a CR LF, where lines end with CR, and the byte order mark of a file
        that somebody appended to this one."""
        data = line.data.removeprefix(b"\n")
        data = data.removeprefix(_BOM) if self._codec == "utf-8" else data
        return line._replace(data=data, start=line.start + len(line.data) - len(data))

    # -- one row -----------------------------------------------------------------------------------------------------------

    def _row(self, number: int, line: Line, body: bytes) -> Row | BadRow | None:
        """The row that begins with a line. None: the line was divided, and its parts come next."""
        if line.sha256:
            row = huge(number, line)
            return row.withheld() if self._personal else row
        if self._other_end in body and self._divided(number, line):
            return None
        return self._quoted(number, line) if b'"' in body else self._plain(number, line, body)

    def _plain(self, number: int, line: Line, body: bytes) -> Row | BadRow:
        """A line without quotes, which is most of them: to split it is what the csv module would do, at a tenth of the time."""
        try:
            cells = body.decode(self._codec).split(self._between)
        except UnicodeDecodeError:
            return self._first_only([(number, line)], self._wrong_encoding(line.data))
        if self._personal or not line.finished or len(cells) != self._columns:
            return self._shaped(cells, [(number, line)])
        return Row(dict(zip(self._names, cells, strict=True)), number, line.start, line.end, line.data)

    def _divided(self, number: int, line: Line) -> bool:
        """Give a line's parts back as lines, where another kind of line end than the file's stands between whole rows."""
        parts, at = [], line.start
        for data in _PARTS.findall(line.data):
            parts.append((number, Line(data, at, at + len(data))))
            at += len(data)
        parts[-1] = (number, parts[-1][1]._replace(finished=line.finished))
        if len(parts) == 1 or not all(self._alone(part.data) for _, part in parts if part.data.strip(b"\r\n")):
            return False
        self._feed.give_back(parts)
        return True

    def _quoted(self, number: int, first: Line) -> Row | BadRow:
        taken, sound = [(number, first)], True
        cells = self._parse(taken, self._strict)
        if isinstance(cells, str) and cells != _OPEN:
            fault, sound = cells, False
            cells = fault if self._rows_among(taken) else self._parse(taken, self._lenient)
            if isinstance(cells, str) and cells != _OPEN:
                return self._first_only(taken, fault)
        if isinstance(cells, str):
            return self._never_closed(taken)
        return (self._swallowing(cells, taken, sound) if len(taken) > 1 else None) or self._shaped(cells, taken)

    def _parse(self, taken: list[Taken], dialect: Any) -> list[str] | str:
        """The cells of the row that begins with the first line taken, and takes more as its quotes ask for; else the fault."""
        asked_for_more = False

        def texts() -> Iterator[str]:
            nonlocal asked_for_more
            for _, line in list(taken):
                yield self._text(line.data)
            while self._may_take(taken) and (more := self._feed.next()) is not None:
                taken.append(more)
                yield self._text(more[1].data)
            asked_for_more = True

        try:
            cells = self._cells(texts(), dialect)
        except UnicodeDecodeError as error:
            return self._wrong_encoding(error.object)
        except csv.Error as error:
            return _OPEN if asked_for_more else f"not a CSV row: {error}"
        return _OPEN if asked_for_more else cells

    def _may_take(self, taken: list[Taken]) -> bool:
        if len(taken) >= MAX_ROW_LINES or taken[-1][1].end - taken[0][1].start >= MAX_LINE_BYTES:
            return False
        if len(taken) == 1 or not self._statement(taken[-1][1].data):
            return True
        # what is between quotes is a row itself: nothing more is to be learnt from where they end, unless quotes can be trusted
        return self._quotes_well and len(self._statements_among(taken)) <= _MAX_SWALLOWED

    def _swallowing(self, cells: list[str], taken: list[Taken], sound: bool) -> BadRow | None:
        """What becomes of a row whose quotes hold line ends, and among its lines whole rows; None if it is as it should be.

        A quote too many makes a text of its neighbours, and so does somebody who pastes rows into a text. Where all quotes are
        `sound`, and the file shows elsewhere that its writer closes them, it was meant: no text can pass for a row of its own.
        Else the neighbours are read.
        """
        if len(cells) != self._columns:
            return self._first_only(taken, _miscounted(cells, self._columns)) if self._rows_among(taken) else None
        inner = self._statements_among(taken)
        if not inner:
            return None
        if not (sound and self._quotes_well):
            return self._first_only(taken, _swallows(inner[0]))
        return BadRow(
            f"a quoted text holds {len(inner)} lines that are rows of their own, the first on line {inner[0]}: a quote too many, "
            "or rows pasted into a text; correct it at the source",
            taken[0][0], taken[0][1].start, taken[-1][1].end, self._masked(_joined(taken)), len(taken),
        )  # fmt: skip

    def _never_closed(self, taken: list[Taken]) -> BadRow:
        inner = self._statements_among(taken)
        detail = _swallows(inner[0]) if inner else "a quote is opened and never closed"
        ended = self._feed.next()
        if ended is not None:
            self._feed.give_back([ended])
        if ended is not None or self.lines.over or self._rows_among(taken):
            return self._first_only(taken, detail)
        return BadRow(
            f"{detail} yet", taken[0][0], taken[0][1].start, taken[-1][1].end, self._masked(_joined(taken)), len(taken),
            finished=False,
        )  # fmt: skip

    # -- what a line would be alone ------------------------------------------------------------------------------------------

    def _rows_among(self, taken: list[Taken]) -> bool:
        """Whether a line behind the first would be a row by its number of columns."""
        return any(self._alone(line.data) for _, line in taken[1:])

    def _alone(self, data: bytes) -> list[str] | None:
        """The cells of a line that is a row by itself, by their number."""
        try:
            cells = self._cells(iter((self._text(data.strip(b"\r\n")),)), self._strict)
        except (UnicodeDecodeError, csv.Error):
            return None
        return cells if len(cells) == self._columns else None

    def _statements_among(self, taken: list[Taken]) -> list[int]:
        """The lines behind the first that would be statements by themselves."""
        return [number for number, line in taken[1:] if self._statement(line.data)]

    def _statement(self, data: bytes) -> bool:
        """Whether a line is by itself what the mapping would make a statement of, or the beginning of one, with an open quote."""
        if self._is_statement is None:
            return False
        cells = self._alone(data) or self._beginning(data)
        return bool(cells) and self._is_statement(dict(zip(self._names, cells, strict=False)))

    def _beginning(self, data: bytes) -> list[str]:
        if data.count(b'"') % 2 == 0:
            return []
        try:
            cells = self._cells(iter((self._text(data),)), self._lenient)
        except (UnicodeDecodeError, csv.Error):
            return []
        return cells if len(cells) <= self._columns else []

    @cached_property
    def _quotes_well(self) -> bool:
        """Whether the beginning of the file shows that who wrote it closes quotes: a line with a quoted field, and sound."""
        lines = self.lines.sample.split(self.lines.line_end)[:-1]
        return any(_OPENED.search(line) and self._alone(line) for line in lines)

    # -- what is given out ---------------------------------------------------------------------------------------------------

    def _shaped(self, cells: list[str], taken: list[Taken]) -> Row | BadRow:
        number, first = taken[0]
        last = taken[-1][1]
        right = len(cells) == self._columns
        raw = self._rewritten(self._blanked(cells, right)) if self._personal else _joined(taken)
        if not right:
            detail = _miscounted(cells, self._columns)
            return BadRow(detail, number, first.start, last.end, raw, len(taken), finished=last.finished)
        values = dict(zip(self._names, cells, strict=True))
        return Row(values, number, first.start, last.end, raw, len(taken), last.finished)

    def _first_only(self, taken: list[Taken], detail: str) -> BadRow:
        """The first line is bad; what was read after it is read again as rows of its own."""
        number, first = taken[0]
        self._feed.give_back(taken[1:])
        return BadRow(detail, number, first.start, first.end, self._masked(first.data), finished=first.finished)

    def _masked(self, raw: bytes) -> bytes:
        """A row that cannot be split properly, without what may be personal."""
        if not self._personal:
            return raw
        between = self._between.encode(self._codec)
        return between.join(self._blanked(raw.split(between), right=False))

    def _blanked(self, cells: list[Any], right: bool) -> list[Any]:
        """Cells without the personal ones, blanked in place; of a row with another number of cells only what is surely before."""
        if right:
            for index in self._personal:
                cells[index] = ""
            return cells
        return cells[: self._personal[0]] if len(cells) >= self._columns else []

    def _rewritten(self, cells: list[str]) -> bytes:
        out = io.StringIO()
        csv.writer(out, delimiter=self._between, lineterminator="\n").writerow(cells)
        return out.getvalue().encode(self._codec)

    def _text(self, data: bytes) -> str:
        text = data.decode(self._codec)
        return self._inner_end.sub(_STAND_IN, text) if self._other_end in data else text

    def _cells(self, texts: Iterator[str], dialect: Any) -> list[str]:
        cells = next(csv.reader(texts, dialect), [])
        other = self._other_end.decode()
        return [cell.replace(_STAND_IN, other) for cell in cells] if any(_STAND_IN in cell for cell in cells) else cells

    def _wrong_encoding(self, data: bytes) -> str:
        other = reads_as(data, self._codec)
        guess = f" (it reads as {other})" if other else ""
        return f"the row is not {self._codec}{guess}; correct its encoding, or the mapping's `encoding`"


_OPEN = "open"


def _swallows(line: int) -> str:
    return f"a quote too many: with it the row would swallow line {line}"


def _miscounted(cells: Sequence[str], columns: int) -> str:
    return f"{len(cells)} columns where the header has {columns}"


def _joined(taken: Sequence[Taken]) -> bytes:
    return taken[0][1].data if len(taken) == 1 else b"".join(line.data for _, line in taken)


def huge(number: int, line: Line) -> BadRow:
    """A line of which only the head was kept."""
    detail = f"a line of {line.end - line.start} bytes; only its first {len(line.data)} are kept, sha256 of all {line.sha256}"
    return BadRow(
        detail,
        number,
        line.start,
        line.end,
        line.data,
        too_large=True,
        size_bytes=line.end - line.start,
        sha256=line.sha256,
    )
