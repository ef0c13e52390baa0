"""Rows as a file that spreadsheets open: what a sender wrote is text there, whatever it begins with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hub.escaping import csv_cell, write_csv
from hub.handed_out import handed_out
from hub.sdk.errors import ConfigurationError

FileRows = Iterable[Mapping[str, Any]]
_SHEET_ROWS = 1_000_000
_MOST_CHARS = 32_767
"""Of a spreadsheet's cell."""


def as_csv(path: Path, columns: Sequence[str], rows: FileRows) -> None:
    """UTF-8 with the mark by which spreadsheets know it."""
    with open(path, "w", encoding="utf-8-sig", newline="", opener=handed_out) as file:
        write_csv(file, [columns])
        write_csv(file, ([row.get(name) for name in columns] for row in rows))


def as_xlsx(path: Path, columns: Sequence[str], rows: FileRows) -> None:
    """Raises ConfigurationError where what writes it is not installed."""
    try:
        import xlsxwriter
    except ImportError as error:
        raise ConfigurationError(
            "workbooks cannot be written here; pip install 'cityhub[xlsx]' brings what it needs"
        ) from error
    options = {"constant_memory": True, "tmpdir": str(path.parent)}
    with open(path, "wb", opener=handed_out) as file, xlsxwriter.Workbook(file, options) as book:
        sheet, at = _sheet(book, columns), 1
        for row in rows:
            if at > _SHEET_ROWS:
                sheet, at = _sheet(book, columns), 1
            for column, name in enumerate(columns):
                _put(sheet, at, column, row.get(name))
            at += 1


def _sheet(book: Any, columns: Sequence[str]) -> Any:
    sheet = book.add_worksheet()
    for column, name in enumerate(columns):
        sheet.write_string(0, column, name)
    return sheet


def _put(sheet: Any, row: int, column: int, value: Any) -> None:
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int | float):
        sheet.write_number(row, column, value)
    elif value is not None:
        sheet.write_string(row, column, str(csv_cell(value))[:_MOST_CHARS])


FILE_WRITERS: dict[str, Callable[[Path, Sequence[str], FileRows], None]] = {"csv": as_csv, "xlsx": as_xlsx}
