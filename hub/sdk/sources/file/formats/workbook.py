"""A workbook as the CSV it would be saved as, by a process of its own (sheet.py)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import IO

from hub.declared.texts import open_regular
from hub.errors import FatalError
from hub.sdk.sources.file.formats.sheet import REFUSED

_PIECE_BYTES = 1 << 18
_MAX_PLAIN_BYTES = 1024**3
"""What the parts of a workbook may take when unpacked; it is held in memory."""


class WorkbookContent:
    """One sheet as CSV in UTF-8. Never grows: a workbook is written anew."""

    encoding = "utf-8"
    read_as = "workbook"
    delimiter: str | None = ","
    moved = False

    def __init__(self, path: Path, sheet: str | None) -> None:
        status = path.stat()
        self._size, self.identity = status.st_size, (status.st_dev, status.st_ino)
        self._changed_ms = status.st_mtime_ns // 1_000_000
        self._done = 0
        self._csv = _saved_as_csv(path, sheet)

    def read(self) -> bytes:
        piece = b"" if self._csv.closed else self._csv.read(_PIECE_BYTES)
        self._done = self._size - 1 if piece else self._size
        if not piece:
            self._csv.close()
        return piece

    def finish(self) -> bool:
        return True

    def check(self) -> None: ...

    def close(self) -> None:
        self._csv.close()

    def quiet_seconds(self) -> float:
        return float("inf")

    def changed_ms(self) -> int:
        return self._changed_ms

    def bytes_read(self) -> int:
        return self._done

    def bytes_total(self) -> int:
        return self._size


def _saved_as_csv(path: Path, sheet: str | None) -> IO[bytes]:
    """The sheet, in a file that nobody else sees. Raises FatalError if it cannot be read, by name."""
    saved = tempfile.TemporaryFile()  # noqa: SIM115 - whoever reads it closes it
    asked = [sys.executable, "-m", "hub.sdk.sources.file.formats.sheet", str(path.absolute()), path.name, sheet or ""]
    try:
        with tempfile.TemporaryFile() as said:
            ended = subprocess.run(asked, stdin=subprocess.DEVNULL, stdout=saved, stderr=said, check=False)
            if ended.returncode:
                said.seek(0)
                raise FatalError(_why_not(path.name, said.read().decode() if ended.returncode == REFUSED else ""))
    except BaseException:
        saved.close()
        raise
    saved.seek(0)
    return saved


def _why_not(name: str, complaint: str) -> str:
    return complaint or (
        f"{name} is a workbook that cannot be read: it is damaged, or its cells lie so far apart that no memory holds what is "
        "between them; remove what stands far below and beside the table, or save it as CSV"
    )


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
