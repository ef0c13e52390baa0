"""Finds the texts of one partition's incidents again, by sketches that share a band."""

from __future__ import annotations

from collections.abc import Iterator

from hub.core.linking.clues import Clue
from hub.core.linking.text import bands, similarity

_MOST = 256
"""How many texts of one band are compared, the latest first: boilerplate shared by thousands says nothing."""


class SketchIndex:
    """The sketches of one partition, by their bands."""

    def __init__(self) -> None:
        self._bands: dict[int, list[tuple[int, str, bytes]]] = {}

    def insert(self, case_id: str, clue: Clue) -> None:
        for band in bands(clue.sketch):
            self._bands.setdefault(band, []).append((clue.at_ms, case_id, clue.sketch))

    def delete(self, case_id: str, clue: Clue) -> None:
        for band in bands(clue.sketch):
            held = self._bands[band]
            held.remove((clue.at_ms, case_id, clue.sketch))
            if not held:
                del self._bands[band]

    def like(self, sketch: bytes, needed: float) -> Iterator[tuple[tuple[int, str], float]]:
        """Time of report, case and similarity of every text whose similarity is at least `needed`; each text once."""
        seen: set[tuple[int, str]] = set()
        for band in bands(sketch):
            for reported_ms, case_id, other in self._bands.get(band, ())[-_MOST:]:
                if (reported_ms, case_id) in seen:
                    continue
                seen.add((reported_ms, case_id))
                alike = 1.0 if other == sketch else similarity(sketch, other)
                if alike >= needed:
                    yield (reported_ms, case_id), alike
