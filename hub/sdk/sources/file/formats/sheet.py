"""A workbook's sheet as the CSV it would be saved as: numbers as people see them, texts with their zeros, dates in ISO form.

Runs as a process of its own (`python -m`), which workbook.py starts: a library that holds a whole sheet in memory, and ends its
process where there is none, is not to end all edges for one cell in the last row and column of a sheet.
"""

from __future__ import annotations

import csv
import datetime
import resource
import sys
import zipfile
from collections.abc import Iterator
from typing import Any

import python_calamine as calamine

from hub.errors import FatalError

REFUSED = 3
"""The exit code of who has said why, on its standard error."""
_MEMORY_BYTES, _CPU_SECONDS = 4 * 1024**3, 1_800
_EXACT = 10**15
"""A spreadsheet keeps fifteen digits of a number: a larger one has lost some, and is written as what it is, a rounded number."""
_PANIC = "pyo3_runtime"
"""Where the class of the library's panics is, which is no Exception and has no name to import."""
_NO_DATE = "a cell of this row says that it is a date or a time, and is none"


def main(path: str, name: str, sheet: str) -> int:
    """Write a sheet, or the only one if `sheet` is empty, to standard output. `name`: what people call the file."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    sys.stdout.reconfigure(encoding="utf-8", errors="surrogatepass", newline="")  # type: ignore[union-attr]
    try:
        found = _chosen(calamine.load_workbook(path), sheet or None, name)
        csv.writer(sys.stdout, lineterminator="\n").writerows(_rows(found))
    except FatalError as error:
        sys.stderr.write(str(error))
        return REFUSED
    except (calamine.CalamineError, zipfile.BadZipFile, OSError, ValueError) as error:
        sys.stderr.write(
            f"{name} is a workbook that cannot be read ({error}); open it, save it again, or save it as CSV"
        )
        return REFUSED
    return 0


def _rows(sheet: Any) -> Iterator[list[str]]:
    """One that cannot be read has a cell too many, so that it is no row, and costs no other."""
    rows = iter(sheet.iter_rows())
    while True:
        try:
            yield [_text(cell) for cell in next(rows)]
        except StopIteration:
            return
        except BaseException as error:
            if not isinstance(error, OverflowError) and type(error).__module__ != _PANIC:
                raise
            yield [_NO_DATE, *[""] * (sheet.total_width + 1)]


def _chosen(book: Any, wanted: str | None, name: str) -> Any:
    """The sheet that the mapping names, or the only visible one that has anything in it."""
    if wanted is not None:
        if wanted not in book.sheet_names:
            raise FatalError(
                f"{name} has no sheet {wanted!r}, which the mapping names; it has {', '.join(book.sheet_names)}"
            )
        return book.get_sheet_by_name(wanted)
    visible = [
        each.name
        for each in book.sheets_metadata
        if each.visible is calamine.SheetVisibleEnum.Visible and each.typ is calamine.SheetTypeEnum.WorkSheet
    ]
    filled = [sheet for each in visible if (sheet := book.get_sheet_by_name(each)).height]
    if len(filled) > 1:
        raise FatalError(
            f"{name} has rows on several sheets: {', '.join(each.name for each in filled)}; let the mapping's `sheet` say which"
        )
    if not filled:
        raise FatalError(f"{name} is a workbook without rows; is the table on a hidden sheet? Name it with `sheet`")
    return filled[0]


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        if not cell.is_integer():
            return repr(cell)
        return str(int(cell)) if abs(cell) < _EXACT else f"{cell:.14E}"
    if isinstance(cell, datetime.datetime | datetime.date | datetime.time):
        return cell.isoformat()
    if isinstance(cell, datetime.timedelta):
        return _hours(cell)
    return str(cell)


def _hours(span: datetime.timedelta) -> str:
    """A span of time as a sheet shows it by [h]:mm:ss."""
    seconds = round(abs(span.total_seconds()))
    return f"{'-' * (span < datetime.timedelta(0))}{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
