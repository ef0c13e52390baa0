"""One row of a source's file, as read: its values by column, and where it stands."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

Value: TypeAlias = Any
"""str from CSV; str, int, float, bool, None or a list of these from JSON Lines."""


class Row(NamedTuple):
    """A row that could be split into columns.

    `end` is the byte offset at which the next row begins, `lines` how many lines it spans."""

    values: dict[str, Value]
    line: int
    start: int
    end: int
    raw: bytes
    lines: int = 1


class BadRow(NamedTuple):
    """A row that could not, and why. `raw` has at most lines.KEEP_BYTES of it."""

    detail: str
    line: int
    start: int
    end: int
    raw: bytes
    lines: int = 1
    too_large: bool = False
