"""Finds, among the incidents of one partition, the one a new report is about (并案): near it, or of one facility or text."""

from hub.core.linking.clues import Clue, ClueReader
from hub.core.linking.ground.geo import EARTH_M, distance_m
from hub.core.linking.incident import CaseClues
from hub.core.linking.index import Incidents
from hub.core.linking.lookout import NeighbourSearch
from hub.core.linking.match import BY_PLACE, BY_TEXT, Match
from hub.core.linking.meeting import MeetingKeys
from hub.core.linking.text import is_sketch

__all__ = [
    "BY_PLACE",
    "BY_TEXT",
    "EARTH_M",
    "CaseClues",
    "Clue",
    "ClueReader",
    "Incidents",
    "Match",
    "MeetingKeys",
    "NeighbourSearch",
    "distance_m",
    "is_sketch",
]
