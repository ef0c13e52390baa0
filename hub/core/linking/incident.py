"""What linking remembers of a case."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hub.core.linking.clues import Clue, ClueKey

MOST_CLUES = 64
"""Reports of one incident that later ones are compared with: an incident grows only so far."""


class CaseClues(msgspec.Struct, frozen=True, gc=False):
    """What linking needs of a case: its first report, the others as `clues`, and when it was closed (None: still open)."""

    case_id: str
    family: str | None
    lat: float | None
    lon: float | None
    opened_ms: int
    closed_ms: int | None = None
    keys: tuple[ClueKey, ...] = ()
    sketch: bytes = b""
    clues: tuple[Clue, ...] = ()

    @property
    def lead(self) -> Clue:
        return Clue(self.opened_ms, self.family, self.lat, self.lon, self.keys, self.sketch)

    def every_clue(self) -> Iterator[Clue]:
        yield self.lead
        yield from self.clues
