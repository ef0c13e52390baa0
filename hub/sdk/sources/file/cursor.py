"""The position of a source of files."""

from __future__ import annotations

from hub.sdk.contract import KeptPosition


class Cursor(KeptPosition):
    """A place in the inputs: `rows` done, and for a single sorted file the offset in its text and the line of the next one."""

    rows: int = 0
    offset: int = 0
    line: int = 1
    heads: tuple[tuple[int, str], ...] = ()
    """Of the text of each file that was read: how much of it, and its SHA-256. By it the file is known, under whatever name."""
    first: tuple[int, str] = (0, "")
    """The same of the beginning of a single file, to tell others from it without reading them."""
    changed_ms: int = 0
    """When a single file was changed last, as its next row was read: what other files are named like it and were changed later was
    not read. 0: not known."""
    header: tuple[str, ...] = ()
    """Of a single file, its own or that of the file before it: one that follows may have none."""
