"""Files as text: regular ones only, and not larger than declared files are. A named pipe would make a reader wait for ever, and a
device never end."""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

MAX_TEXT_BYTES = 256 * 2**20
"""More than the areas of any city take."""
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


class NoRegularFileError(OSError):
    """What is there is no regular file."""


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading, in bytes. Raises NoRegularFileError for anything else, OSError if it cannot be opened."""
    try:
        number = os.open(
            path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
        )  # a pipe without a writer would make `open` wait
    except ValueError:
        raise NoRegularFileError(f"{str(path)!r} is no name that a file can have; mend it") from None
    try:
        kind = stat.S_IFMT(os.fstat(number).st_mode)
        if kind != stat.S_IFREG:
            raise NoRegularFileError(
                f"{path} is {_KINDS.get(kind, 'no file')}; only regular files are read: write what comes from it to one"
            )
        return os.fdopen(number, "rb")
    except BaseException:
        os.close(number)
        raise


def read_bytes(path: Path, max_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """All of a regular file. Raises OSError if it cannot be read or is larger than `max_bytes`."""
    with open_regular(path) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise OSError(
            f"{path} is larger than {max_bytes:,} bytes, more than such a file has; divide it, or name another"
        )
    return content


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """As `read_bytes`, and raises UnicodeDecodeError if it is not text in this encoding."""
    return read_bytes(path).decode(encoding)


def parse_declared_json(text: str) -> Any:
    """A JSON document that people have written. Raises ValueError as `parse_json`, and for a key that stands twice in one object:
    of two values JSON itself would silently take the last."""
    return _parsed(text, object_pairs_hook=_each_key_once, parse_constant=_no_number)


def parse_row(text: str) -> Any:
    """A JSON document that a system has sent, its fractions as text. Raises as `parse_declared_json`; the error quotes nothing."""
    return _parsed(text, parse_float=str, object_pairs_hook=_unquoted, parse_constant=_no_number)


def parse_json(
    text: str | bytes, parse_float: Callable[[str], Any] | None = None, *, null_for_no_number: bool = False
) -> Any:
    """A JSON document; `parse_float` makes what it likes of a number with a point or exponent.

    Raises ValueError (JSONDecodeError where the place is known) for all that is none, also for one nested deeper than anybody
    writes, and for a number that is none (NaN). With `null_for_no_number` that is null: for a long list, of which one such value
    would spoil all others.
    """
    return _parsed(text, parse_float=parse_float, parse_constant=_null if null_for_no_number else _no_number)


def _parsed(text: str | bytes, **hooks: Any) -> Any:
    try:
        return json.loads(text, **hooks)
    except RecursionError:
        raise ValueError("it is nested too deeply; write it flatter") from None


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object; keep one of the two")
    return found


def _unquoted(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object, and nobody knows which of its values is meant")
    return found


def _null(_name: str) -> None:
    return None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON; leave the value out or write null")
