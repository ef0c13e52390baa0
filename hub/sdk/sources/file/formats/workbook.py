"""A workbook's sheet as the CSV it would be saved as: numbers as people see them, texts with their zeros, dates in ISO form."""

from __future__ import annotations

import csv
import datetime
import io
import zipfile
from itertools import islice
from pathlib import Path
from typing import Any

import python_calamine as calamine

from hub.declared.texts import open_regular
from hub.errors import FatalError

_ROWS_AT_A_TIME = 2_000
_MAX_PLAIN_BYTES = 1024**3
"""What the parts of a workbook may take when unpacked; it is held in memory."""
_EXACT = 10**15
"""A spreadsheet keeps fifteen digits of a number: a larger one has lost some, and is written as what it is, a rounded number."""


class WorkbookContent:
    """One sheet as CSV in UTF-8. Never grows: a workbook is written anew."""

    encoding = "utf-8"
    read_as = "workbook"
    delimiter: str | None = ","
    moved = False

    def __init__(self, path: Path, sheet: str | None) -> None:
        status = path.stat()
        self._size, self.identity = status.st_size, (status.st_dev, status.st_ino)
        self._done = 0
        try:
            book = calamine.load_workbook(str(path))
            self._rows = _chosen(book, sheet, path.name).iter_rows()
        except (calamine.CalamineError, zipfile.BadZipFile, OSError, ValueError) as error:
            raise FatalError(
                f"{path.name} is a workbook that cannot be read ({error}); open it, save it again, or save it as CSV"
            ) from None

    def read(self) -> bytes:
        rows = list(islice(self._rows, _ROWS_AT_A_TIME))
        self._done = self._size if not rows else self._size - 1
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([_text(cell) for cell in row] for row in rows)
        return out.getvalue().encode(errors="surrogatepass")

    def finish(self) -> bool:
        return True

    def check(self) -> None: ...
    def close(self) -> None: ...

    def quiet_seconds(self) -> float:
        return float("inf")

    def bytes_read(self) -> int:
        return self._done

    def bytes_total(self) -> int:
        return self._size


def require_workbook(path: Path) -> None:
    """Raise FatalError if a ZIP archive is no workbook (XLSX, XLSB, ODS), or one whose parts are too large to be held."""
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise FatalError(f"{path.name} is not a sound ZIP archive or workbook ({error}); copy it again") from None
    names = {part.filename for part in parts}
    if not any(name.startswith("xl/") for name in names) and not {"mimetype", "content.xml"} <= names:
        inside = ", ".join(sorted(names)[:3])
        raise FatalError(f"{path.name} is a ZIP archive, not a workbook; unpack it and give the file inside ({inside})")
    if sum(part.file_size for part in parts) > _MAX_PLAIN_BYTES:
        raise FatalError(f"{path.name} is a workbook of more than {_MAX_PLAIN_BYTES:,} bytes unpacked; save it as CSV")


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
