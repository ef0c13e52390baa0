"""One row of a source's file, as read: its values by column, and where it stands."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple, Self, TypeAlias

CellValue: TypeAlias = Any
"""str from CSV; str, int, bool, None or a list of these from JSON. Other numbers are text, as the file writes them."""


class Row(NamedTuple):
    """A row that could be split into columns.

    `end` is the offset in the text at which the next row begins, `lines` how many lines it spans. Not `finished`: it is the last,
    has no line end yet, and may grow."""

    values: dict[str, CellValue]
    line: int
    start: int
    end: int
    raw: bytes
    lines: int = 1
    finished: bool = True


class BadRow(NamedTuple):
    """A row that could not, and why. `raw` has at most lines.KEEP_BYTES of it, and nothing where it may name a person; then
    `size_bytes` and `sha256` are of the whole. Not `finished`: what is missing may still come."""

    detail: str
    line: int
    start: int
    end: int
    raw: bytes
    lines: int = 1
    too_large: bool = False
    finished: bool = True
    size_bytes: int | None = None
    sha256: str | None = None

    def withheld(self) -> Self:
        """Without its bytes: what cannot be taken apart cannot be rid of what is personal."""
        size, digest = len(self.raw), hashlib.sha256(self.raw).hexdigest()
        detail = f"{self.detail}; not kept, as columns of it are personal"
        return self._replace(raw=b"", detail=detail, size_bytes=self.size_bytes or size, sha256=self.sha256 or digest)
