"""Where the text of a file may be that is no longer at its path: renamed or copied beside it, by those who rotate files."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

_MAX_CANDIDATES = 200
_NOT_READ = frozenset({".bz2", ".xz", ".zst", ".lz4", ".lzma", ".zip", ".7z", ".Z"})
"""What programs that rotate files pack them to, and is not read."""
_UNKNOWN = (False, -(10**9))
"""In the order of renamed files before those that have a turn."""
_DATE_DIGITS = 6
"""So many digits or more are a date or a time, and grow; fewer are a number that counts back, and is 1 for the last."""


def beside(path: Path) -> list[Path]:
    """Other regular files in the path's folder, the likely ones first: named like it, not packed (who packs one may be at
    it just now, and what is packed lies there until that is done), and changed last."""
    found: list[tuple[bool, bool, int, Path]] = []
    for folder in {path.parent, Path(os.path.realpath(path)).parent}:
        with suppress(OSError), os.scandir(folder) as entries:
            for each in entries:
                if each.is_file() and not _same(Path(each.path), path):
                    named = each.name.startswith(path.stem)
                    found.append((not named, each.name.endswith(".gz"), -each.stat().st_mtime_ns, Path(each.path)))
    return [each for *_, each in sorted(found)[:_MAX_CANDIDATES]]


def written_after(path: Path, own: Path) -> list[Path]:
    """What was at `path` after the file that is now named `own`, and was itself renamed: first what was written first."""
    turn = _turn(path, own)
    if turn is None:
        return []
    later: dict[tuple[bool, int], Path] = {}
    for each in sorted(beside(path), key=lambda each: each.suffix == ".gz"):
        its = _turn(path, each)
        if its is not None and its[0] == turn[0] and its > turn:
            later.setdefault(its, each)
    return [later[each] for each in sorted(later)]


def changed_since(path: Path, at_ms: int, also: Path | None = None) -> list[Path]:
    """What was at `path` and was renamed, of files that were changed at that time or later, and `also`, whatever it is named and
    whenever it was changed: first what was written first. At 0 nobody knows the time, and no file is changed since.

    Who packs a file may give it the time of then: the names tell the order, where they can.
    """
    found: list[tuple[tuple[bool, int], str, Path]] = []
    for each in beside(path):
        with suppress(OSError):  # it is gone by now
            turn = _turn(path, each)
            if each == also:
                found.append((turn or _UNKNOWN, each.suffix, each))
            elif turn is not None and at_ms and each.stat().st_mtime_ns // 1_000_000 >= at_ms:
                found.append((turn, each.suffix, each))
    return [each for *_, each in sorted(found, key=lambda each: (each[0], each[1] == ".gz"))]


def packed_since(path: Path, at_ms: int) -> list[str]:
    """Names of files that were at `path` and were changed at that time or later, but are packed to something that is not read."""
    found = []
    for each in beside(path):
        if each.suffix in _NOT_READ and _turn(path, each.with_suffix("")) is not None:
            with suppress(OSError):  # it is gone by now
                if each.stat().st_mtime_ns // 1_000_000 >= at_ms:
                    found.append(each.name)
    return sorted(found)


def named_now(path: Path, identity: tuple[int, int]) -> Path | None:
    """How the file is named that was opened as `path` and was renamed, if it is still in the folder."""
    return next((each for each in beside(path) if identity_of(each) == identity), None)


def identity_of(path: Path) -> tuple[int, int] | None:
    """Device and number of the file at a path, which it keeps under every name; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _turn(path: Path, other: Path) -> tuple[bool, int] | None:
    """By what renamed files of one path are put in order; None for the name of another. Numbers count back, dates forward."""
    name = other.name.removesuffix(".gz")
    stem, suffix = re.escape(path.stem), re.escape(path.suffix)
    match = re.fullmatch(rf"{stem}(?:{suffix}[._-](\d[\dT_.:-]*)|[._-](\d[\dT_.:-]*){suffix})", name)
    if match is None:
        return None
    digits = re.sub(r"\D", "", match[1] or match[2])
    dated = len(digits) >= _DATE_DIGITS
    return dated, int(digits) if dated else -int(digits)


def _same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return path == other
