"""What linking reads of a report and keeps of it: time, place, family, and fingerprints of address, facility and
text."""

from __future__ import annotations

import msgspec

from hub.core.linking.rules import FamilyRules, LinkTable
from hub.core.linking.text import bare, fingerprint, sketch
from hub.core.report import Sighting
from hub.core.stored import Instant, Latitude, Longitude, Number
from hub.policy.city import City

ADDRESS = "address"
ClueKey = tuple[str, Number]
"""Name and fingerprint of something that may be equal, where reports need not be near each other."""


class Clue(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One report as linking keeps it. Holds no words. Time in ms, degrees in WGS84; without a point it is never near anything."""

    at_ms: Instant
    family: str | None
    lat: Latitude | None = None
    lon: Longitude | None = None
    keys: tuple[ClueKey, ...] = ()
    sketch: bytes = b""


class ClueReader:
    """Takes from reports what a city's rows ask for, and nothing else: keys and sketches are made only where a row wants them."""

    def __init__(self, city: City) -> None:
        self._table = LinkTable(city)

    def clue(self, seen: Sighting, family: str | None) -> Clue:
        """The clue of a report. `family` is its category's, or None for a category that the city does not know."""
        rules = self._table.of(family)
        if rules is None or not (rules.same or rules.text):
            return Clue(seen.at_ms, family, seen.lat, seen.lon)
        return Clue(seen.at_ms, family, seen.lat, seen.lon, self._keys(seen, rules), self._sketch(seen, rules))

    def _keys(self, seen: Sighting, rules: FamilyRules) -> tuple[ClueKey, ...]:
        values = ((name, seen.address if name == ADDRESS else seen.attributes.get(name)) for name in sorted(rules.same))
        return tuple((name, fingerprint(value)) for name, value in values if value and value.strip())

    def _sketch(self, seen: Sighting, rules: FamilyRules) -> bytes:
        if rules.text is None or len(seen.text) < rules.text.min_chars:
            return b""
        said = bare(seen.text)
        return sketch(said) if len(said) >= rules.text.min_chars else b""
