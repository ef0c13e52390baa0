"""What the statements of a case say of its life, as `route` tells `track`."""

from __future__ import annotations

from typing import NamedTuple

from hub.core.tracking.state import Mark


class Stated(NamedTuple):
    """A version of a case as `route` tells it; `due_ms`: the source's own due time."""

    at_ms: int
    category: str
    urgency: str
    area: str | None
    due_ms: int | None
    department: str
    co_handlers: tuple[str, ...]


class History(NamedTuple):
    """All that the statements of a case say of its life, in order of time."""

    versions: tuple[Stated, ...]
    marks: tuple[Mark, ...]
