"""The header of a table: the names of its columns, found by the declared delimiter or by the one with which it has them."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from hub.errors import FatalError
from hub.sdk.mapping.mapping import Mapping
from hub.sdk.sources.file.formats.encodings import reads_as
from hub.sdk.sources.file.lines import Line, Lines

_BOM = b"\xef\xbb\xbf"
_MANGLED_BOM = "ï»¿"
"""A byte order mark that was taken for Latin-1 on the way."""
_DELIMITERS = ",;\t|"
_MAX_LINES = 100
_MAX_COLUMNS = 16_384
"""As many as a sheet of a workbook may have."""
_MOST_SAID = 20
_MOST_BROKEN = 3
"""So many lines after the rest of a row one is whole, or the rest was none."""
_SEPARATOR = re.compile(r'"?sep=([^"A-Za-z0-9])"?', re.IGNORECASE)


class Header(NamedTuple):
    """`headless`: the names are those of the file before this one, which has none of its own."""

    names: list[str]
    delimiter: str
    headless: bool = False


class LineSource(Protocol):
    """Where the lines come from."""

    def next(self) -> tuple[int, Line] | None: ...
    def give_back(self, lines: Sequence[tuple[int, Line]]) -> None: ...


def read_header(feed: LineSource, lines: Lines, mapping: Mapping, carried: Sequence[str] = ()) -> Header:
    """Take the header from the beginning of a file; an empty file has one without names.

    `carried`: the header of the file before it. Raises FatalError if columns are missing that the mapping uses, or one comes twice.
    """
    first, named = _first(feed, lines.content.encoding)
    delimiter = named or lines.content.delimiter or mapping.delimiter
    if first is None:
        return Header([], delimiter)
    is_said = "delimiter" in mapping.model_fields_set or (named or lines.content.delimiter) is not None
    likely = (delimiter,) if is_said else (delimiter, *_DELIMITERS)
    if carried and (between := _goes_on(first, feed, carried, likely, lines)) is not None:
        return Header(list(carried), between, headless=True)
    text = _text(first[1], feed, lines)
    names = _names(text, delimiter)
    if not is_said:
        for each in _DELIMITERS:
            if not mapping.file_columns() <= set(names) and mapping.file_columns() <= set(_names(text, each)):
                delimiter, names = each, _names(text, each)
    _require(names, mapping, lines)
    return Header(names, delimiter)


def _first(feed: LineSource, codec: str) -> tuple[tuple[int, Line] | None, str | None]:
    """The first line that says something; and the delimiter, where spreadsheets have named it on a line before (`sep=;`)."""
    named = None
    for _ in range(_MAX_LINES):
        if (first := feed.next()) is None:
            break
        text = first[1].data.removeprefix(_BOM).decode(codec, "replace").strip("\ufeff\r\n ")
        found = _SEPARATOR.fullmatch(text)
        if text and not found:
            break
        named = found[1] if found else named
    return first, named


def _goes_on(
    first: tuple[int, Line], feed: LineSource, carried: Sequence[str], likely: Sequence[str], lines: Lines
) -> str | None:
    """The delimiter, of those that are likely, by which a file begins with a row of the file before, which is given back: as many
    columns, none of them by its name. None if it does not; then all but its first line is given back.

    Its first line may also be the rest of a row of which that file has the beginning, if one of the next lines is such a row, or
    nothing more comes: who copies a file and cuts it does not ask who writes to it.
    """
    codec = lines.content.encoding

    def by_row(line: Line) -> str | None:
        return next((each for each in likely if _is_row(line, carried, each, codec)), None)

    number, line = first
    line = line._replace(data=line.data.removeprefix(_BOM))
    between = by_row(line)
    if between is None and any(_may_name(line, carried, each, codec) for each in likely):
        return None
    behind: list[tuple[int, Line]] = []
    while between is None and len(behind) < _MOST_BROKEN and (more := feed.next()) is not None:
        behind.append(more)
        between = by_row(more[1])
    if between is None and lines.over and len(behind) < _MOST_BROKEN:
        between = likely[0]
    feed.give_back(behind if between is None else [(number, line), *behind])
    return between


def _is_row(line: Line, carried: Sequence[str], delimiter: str, codec: str) -> bool:
    """True for as many columns, none of them by its name. Somewhere in it is a digit, as of its time."""
    cells = _cells(line, delimiter, codec) or []
    return len(cells) == len(carried) and not set(cells) & set(carried) and _has_digit(cells)


def _may_name(line: Line, carried: Sequence[str], delimiter: str, codec: str) -> bool:
    """True for a line that has some of the names, or as many new ones as there are columns: none is empty or has a digit."""
    cells = _cells(line, delimiter, codec) or []
    return bool(set(cells) & set(carried)) or (len(cells) >= len(carried) and all(cells) and not _has_digit(cells))


def _has_digit(cells: Sequence[str]) -> bool:
    return any(char.isdigit() for cell in cells for char in cell)


def _cells(line: Line, delimiter: str, codec: str) -> list[str] | None:
    """Without the blanks around them; None if the line cannot be taken apart."""
    try:
        row = next(csv.reader([line.data.removeprefix(_BOM).decode(codec).strip("\r\n")], delimiter=delimiter), [])
        return [cell.strip() for cell in row]
    except (UnicodeDecodeError, csv.Error):
        return None


def _text(first: Line, feed: LineSource, lines: Lines) -> list[str]:
    """The header's lines: one, unless a name holds a quoted line end."""
    taken, codec = [first.data.removeprefix(_BOM)], lines.content.encoding
    while _odd_quotes(taken) and len(taken) < _MAX_LINES and (more := feed.next()) is not None:
        taken.append(more[1].data)
    try:
        return [each.decode(codec) for each in taken]
    except UnicodeDecodeError:
        other = reads_as(b"".join(taken), codec)
        guess = f"; it reads as {other}: let it say `encoding: {other}`" if other else ""
        raise FatalError(
            f"{lines.path.name}: the header is not {codec}; correct the mapping's `encoding`{guess}"
        ) from None


def _odd_quotes(taken: Sequence[bytes]) -> bool:
    return sum(each.count(b'"') for each in taken) % 2 == 1


def _names(text: Sequence[str], delimiter: str) -> list[str]:
    def lines() -> Iterator[str]:
        yield text[0].removeprefix(_MANGLED_BOM).removeprefix("\ufeff")
        yield from text[1:]

    try:
        row = next(csv.reader(lines(), delimiter=delimiter), [])
    except csv.Error:
        return []
    return [name.strip() for name in row]


def _require(names: Sequence[str], mapping: Mapping, lines: Lines) -> None:
    name = lines.path.name
    if len(names) > _MAX_COLUMNS:
        raise FatalError(
            f"{name}: the header has {len(names):,} columns; {_MAX_COLUMNS:,} are read, leave the others out"
        )
    counts = Counter(names)
    if twice := [str(at) for at, each in enumerate(names, 1) if each and counts[each] > 1]:
        some = ", ".join(twice[:_MOST_SAID])
        raise FatalError(f"{name}: the header has a name more than once, as columns {some}; name its columns apart")
    if missing := sorted(mapping.file_columns() - set(names)):
        other = reads_as(lines.sample, lines.content.encoding)
        hint = f" The text also reads as {other}." if other else ""
        raise FatalError(
            f"{name}: the header lacks {', '.join(missing)}, which the mapping uses; {_known(names, mapping)}.{hint} "
            "Choose the mapping of this format with --mapping"
        )


def _known(names: Sequence[str], mapping: Mapping) -> str:
    """Of a first line what surely names columns: of a file without a header it is a row, and may be about a person."""
    known = sorted(mapping.file_columns() & set(names))
    return f"of {len(names)} columns it knows {', '.join(known) or 'none'}; has the file a header, and which?"
