"""How far somebody has come in a topic, as a text that a client keeps: the next offset of each partition, by dots. Pure.

It holds for every process and after every rebuild, as it speaks of Kafka's own offsets and of nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_TEXT = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18}){0,99}", re.ASCII)
PageCursor = tuple[int, ...]
PAGE_START: PageCursor = ()
"""Before all there is."""


def parsed_cursor(text: str) -> PageCursor:
    """Raises ValueError for what is no cursor of this hub's."""
    if not text:
        return PAGE_START
    if not _TEXT.fullmatch(text):
        raise ValueError("no cursor; give one that you were handed, or none to begin with the oldest")
    return tuple(map(int, text.split(".")))


def cursor_text(cursor: Sequence[int]) -> str:
    """The text of a cursor."""
    return ".".join(map(str, cursor)) or "0"


def cursor_behind(cursor: PageCursor, partition: int, offset: int) -> PageCursor:
    """The cursor after this record."""
    filled = [*cursor, *[0] * (partition + 1 - len(cursor))]
    filled[partition] = offset + 1
    return tuple(filled)


def position_of(cursor: PageCursor, partition: int) -> int:
    """The offset to go on with in a partition."""
    return cursor[partition] if partition < len(cursor) else 0
