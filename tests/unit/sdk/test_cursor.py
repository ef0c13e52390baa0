"""A cursor on a disk that takes nothing: said as what to do, and the former one stays."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hub.errors import FatalError
from hub.sdk.cursor import Cursor, CursorFile


def test_a_full_disk_leaves_the_former_cursor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "rows.csv"
    source.write_text("a\n1\n2\n", "utf-8")
    file = CursorFile(tmp_path / "cursors", "", "police", [(source, "demo")])
    file.save(Cursor(rows=1, offset=4, line=2))

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        with pytest.raises(FatalError, match=r"No space left.*make room"):
            file.save(Cursor(rows=2, offset=6, line=3))
    saved = file.load()
    assert saved is not None
    assert saved.rows == 1
    assert file.path.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in file.path.parent.iterdir()] == [file.path.name]  # nothing half written is left


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_text("a\n1\n", "utf-8")
    with pytest.raises(FatalError, match="cannot be written"):
        CursorFile(source / "cursors", "", "police", [(source, "demo")]).save(Cursor(rows=1, offset=4, line=2))
