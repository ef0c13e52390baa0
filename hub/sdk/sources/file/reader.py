"""Opens a file as rows, in order, with exact offsets. A row that cannot be read is given out as such."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from hub.errors import FatalError
from hub.sdk.mapping.mapping import FileFormat, Mapping
from hub.sdk.sources.file.containers import HEAD_BYTES, Container, sniff
from hub.sdk.sources.file.content import Content, FileContent
from hub.sdk.sources.file.formats.csv_rows import CsvReader
from hub.sdk.sources.file.formats.json_rows import JsonReader
from hub.sdk.sources.file.formats.workbook import WorkbookContent, require_workbook
from hub.sdk.sources.file.lines import Lines, Watch
from hub.sdk.sources.file.rows import BadRow, Row
from hub.sdk.sources.file.trail import FileTrail


class FileReader(Protocol):
    """A file's rows from `resume` on. Iterate once; `close` its lines after.

    Reading raises what `Lines` raises, and FatalError if the file lacks columns that the mapping uses.
    """

    lines: Lines

    @property
    def header(self) -> Sequence[str]:
        """The names of the columns; empty where each row has its own, or the header is not read yet."""
        ...

    @property
    def headless(self) -> bool:
        """Whether the file goes on where another ended, without a header of its own."""
        ...

    @property
    def read_as(self) -> str:
        """What the file is, for people: container, encoding, delimiter, line ends."""
        ...

    def begin(self) -> None:
        """Read the header, waiting for it if the file is followed."""
        ...

    def resume(self, offset: int, line: int) -> bool:
        """Go on at a row's `end`, which is on `line`. False if the text does not reach so far."""
        ...

    def parse(self, raw: bytes, line: int, start: int) -> Row | BadRow:
        """One row again, from its bytes."""
        ...

    def __iter__(self) -> Iterator[Row | BadRow]: ...


def open_reader(
    path: Path,
    mapping: Mapping,
    *,
    follow: bool = False,
    stop: threading.Event | None = None,
    watch: Watch | None = None,
    trail: FileTrail | None = None,
    header: Sequence[str] = (),
) -> FileReader:
    """Open one file. `header`: of the file before it, in case this one has none.

    Raises FatalError if it is missing, is of a kind that is not read, or lacks columns that the mapping uses. Of a file that is
    followed the last is found when its header is there.
    """
    watch = watch or Watch(follow=follow, stop=stop or threading.Event())
    content = _content(path, mapping, follow=watch.follow)
    try:
        is_csv = mapping.format is FileFormat.CSV
        lines = Lines(path, content, watch, quoted=is_csv, trail=trail)
        reader: FileReader = CsvReader(lines, mapping, header) if is_csv else JsonReader(lines, mapping)
        if not watch.follow:
            reader.begin()
    except BaseException:
        content.close()
        raise
    return reader


def _content(path: Path, mapping: Mapping, *, follow: bool) -> Content:
    content = FileContent(path, mapping.encoding, follow=follow, as_utf8=mapping.format is FileFormat.JSONL)
    kind = None if follow else sniff(content.head(HEAD_BYTES))
    if kind not in (Container.OLE, Container.ZIP):
        return content
    content.close()
    if kind is Container.ZIP:
        require_workbook(path)
    if mapping.format is not FileFormat.CSV:
        raise FatalError(
            f"{path.name} is a workbook, but the mapping reads {mapping.format}; choose a mapping of tables"
        )
    return WorkbookContent(path, mapping.sheet)
