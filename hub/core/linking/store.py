"""The store that one partition's index and the search in it share."""

from __future__ import annotations

from hub.core.linking.clues import Clue, ClueKey
from hub.core.linking.ground.points import Ground
from hub.core.linking.ground.ties import Ties
from hub.core.linking.incident import CaseClues
from hub.core.linking.rules import LinkTable
from hub.core.linking.words import SketchIndex
from hub.policy.city import City

StoredPoint = tuple[str, str | None, float, float, int]
"""A report of an incident, as it lies on the ground: case id, family, latitude, longitude, when reported (ms)."""


class Store:
    """Points, equal keys and sketches of one partition. Only Incidents writes into it."""

    def __init__(self, city: City) -> None:
        self.ties = Ties(LinkTable(city))
        self.ground = Ground()
        self.points: list[StoredPoint | None] = []
        """The points, by their slot on the ground."""
        self.equal: dict[tuple[str | None, ClueKey], list[tuple[int, str, Clue]]] = {}
        """By family and key of what is equal: when it was reported, case id and report."""
        self.words = SketchIndex()
        self.incidents: dict[str, CaseClues] = {}
