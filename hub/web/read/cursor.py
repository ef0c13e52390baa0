"""How far somebody has come in a topic, as a text that a client keeps: the next offset of each partition, by dots, and the topic's
id. Pure.

It holds for every process and after every rebuild, as it speaks of Kafka's own offsets and ids and of nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

CURSOR_PATTERN = r"[0-9]{1,18}(\.[0-9]{1,18}){0,99}(~[A-Za-z0-9_-]{1,64})?"
_TEXT = re.compile(CURSOR_PATTERN, re.ASCII)
PageCursor = tuple[int, ...]
PAGE_START: PageCursor = ()
"""Before all there is."""


class KeptCursor(NamedTuple):
    """A cursor as its client brings it back. `log`: `cursor_log` of the topic that it is of; empty in one of a release before."""

    offsets: PageCursor = PAGE_START
    log: str = ""


def parsed_cursor(text: str) -> KeptCursor:
    """Raises ValueError for what is no cursor of this hub's."""
    if not text:
        return KeptCursor()
    if not _TEXT.fullmatch(text):
        raise ValueError("no cursor; give one that you were handed, or none to begin with the oldest")
    offsets, _, log = text.partition("~")
    return KeptCursor(tuple(map(int, offsets.split("."))), log)


def cursor_text(cursor: Sequence[int], topic_id: str) -> str:
    """The text of a cursor in the topic with this id."""
    offsets = ".".join(map(str, cursor)) or "0"
    return f"{offsets}~{cursor_log(topic_id)}" if topic_id else offsets


def cursor_log(topic_id: str) -> str:
    """A topic's id as it stands in a cursor. XXX: half of all ids have a `+` or a `/` (librdkafka's base64), which do not come
    through an address as they are; here they are written as Kafka's own tools do."""
    return topic_id.replace("+", "-").replace("/", "_")


def cursor_behind(cursor: PageCursor, partition: int, offset: int) -> PageCursor:
    """The cursor after this record."""
    filled = [*cursor, *[0] * (partition + 1 - len(cursor))]
    filled[partition] = offset + 1
    return tuple(filled)


def position_of(cursor: PageCursor, partition: int) -> int:
    """The offset to go on with in a partition."""
    return cursor[partition] if partition < len(cursor) else 0
